// What all attention weights of a text would take, written out. Pure.

import type { Matrices } from "../wire/schema";

const FLOAT32 = 4; // bytes

export interface Cost {
  /** "12² pairs × 8 heads × 4 layers", of several attentions "(6² + 8² + 8 × 6) pairs × 4 heads × 2 layers". */
  product: string;
  numbers: number;
  bytes: number;
}

export function costOf(all: Matrices[]): Cost {
  const alike = new Map<string, string[]>(); // by heads and layers: the pairs of each attention
  for (const { queries, keys, heads, layers } of all) {
    const size = `${counted(heads, "head")} × ${counted(layers, "layer")}`;
    const pairs = queries === keys ? `${grouped(queries)}²` : `${grouped(queries)} × ${grouped(keys)}`;
    alike.set(size, [...(alike.get(size) ?? []), pairs]);
  }
  const numbers = all.reduce((sum, { queries, keys, heads, layers }) => sum + queries * keys * heads * layers, 0);
  const product = [...alike]
    .map(([size, pairs]) => `${pairs.length > 1 ? `(${pairs.join(" + ")})` : pairs[0]} pairs × ${size}`)
    .join(" + ");
  return { product, numbers, bytes: FLOAT32 * numbers };
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

export const grouped = (count: number): string => count.toLocaleString("en");

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** "18 kB": two digits, or all before the point. */
export function size(bytes: number): string {
  const step = Math.max(0, Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes || 1) / 3)));
  const value = bytes / 1000 ** step;
  return `${value < 10 && step > 0 ? value.toFixed(1) : value.toFixed(0)}\u00a0${UNITS[step]}`;
}
