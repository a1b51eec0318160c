// The lab: variants side by side, their shapes and costs in words, flash attention's rows. Pure.

import type { LabFlash, LabPicture } from "../wire/schema";
import type { Geometry } from "./matrix";
import { figure } from "./numbers";

export const SIDE_BY_SIDE = 3;

/** The variants side by side once another is chosen: it is added, or takes the place of the one chosen before. */
export function withVariant(variants: readonly string[], chosen: string, name: string): string[] {
  if (variants.includes(name)) return [...variants];
  if (variants.length < SIDE_BY_SIDE) return [...variants, name];
  return variants.map((one) => (one === chosen ? name : one));
}

/** Without one of them, and which is chosen then; the last one stays. */
export function withoutVariant(variants: readonly string[], chosen: string, name: string) {
  if (variants.length < 2) return { variants: [...variants], chosen };
  const at = variants.indexOf(name);
  const left = variants.filter((one) => one !== name);
  return { variants: left, chosen: chosen === name ? (left[Math.min(at, left.length - 1)] as string) : chosen };
}

// -- where the matrices stand -----------------------------------------------------------------------------------------

const LABELS: [least: number, most: number] = [48, 92]; // px on the left of a matrix with the tokens' names
const LETTER = 7; // px
const AXIS = 62; // likewise, with the axes' names
const BARE = 6; // of a matrix beside another one, which has them
const ABOVE = 58;
const ABOVE_AXIS = 26;
const RIGHT = 28;
export const ROW_STRIP = 44; // px of bars beside a matrix
const BELOW = 20;
const GAP = 10;
const READABLE = 11; // px from one label to the next
const WIDE = 500; // px from which they stand in a row
const CELL_MAX = 26; // px
const STACKED_MAX = 18; // likewise, one below the other

export interface Place {
  at: Geometry;
  size: [width: number, height: number];
  /** Whether the queries' names stand on the left. */
  named: boolean;
}

/** Place square matrices of some tokens in a row, or, where it is narrow, one below the other; all with cells of one size. */
export function placesOf(width: number, tokens: readonly string[], strips: readonly boolean[]): Place[] {
  const [count, n] = [strips.length, tokens.length];
  const longest = Math.max(...tokens.map((token) => token.length)) * LETTER + 20;
  const names = Math.min(LABELS[1], Math.max(LABELS[0], longest));
  const isRow = width >= WIDE;
  const place = (labelled: boolean) => {
    const lefts = strips.map((_, nth) => (isRow && nth > 0 ? BARE : labelled ? names : AXIS));
    const rights = strips.map((has) => RIGHT + (has ? ROW_STRIP : 0));
    const around = lefts.map((left, nth) => left + (rights[nth] as number));
    const room = isRow
      ? (width - GAP * (count - 1) - around.reduce((sum, one) => sum + one, 0)) / count
      : width - Math.max(...around);
    const zoom = Math.max(1, Math.min(isRow ? CELL_MAX : STACKED_MAX, room / Math.max(1, n)));
    return { lefts, rights, zoom };
  };
  const first = place(true);
  const labelled = first.zoom >= READABLE;
  const { lefts, rights, zoom } = labelled ? first : place(false);
  const side = zoom * n;
  const top = labelled ? ABOVE : ABOVE_AXIS;
  return lefts.map((left, nth) => ({
    at: {
      ...{ zoom, query: 0, key: 0, left, top, width: side, height: side, labelled, isWhole: true },
      strips: [0, 0] as const,
    },
    size: [left + side + (rights[nth] as number), top + side + BELOW],
    named: left > BARE,
  }));
}

/** The pair one step away. */
export function stepped(
  from: { query: number; key: number } | null,
  key: string,
  n: number,
): { query: number; key: number } | null {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
  if (!step) return null;
  if (!from) return { query: 0, key: 0 };
  const within = (at: number) => Math.max(0, Math.min(n - 1, at));
  return { query: within(from.query + (step[0] as number)), key: within(from.key + (step[1] as number)) };
}

/** The largest size of a number in some matrices; 1 where there is none. */
export function largestOf(matrices: readonly Float32Array[]): number {
  let largest = 0;
  for (const values of matrices) {
    for (const value of values) if (Number.isFinite(value) && Math.abs(value) > largest) largest = Math.abs(value);
  }
  return largest || 1;
}

// -- in words ---------------------------------------------------------------------------------------------------------

/** A shape with its sizes here: "(heads, n, d_k)" is "8 × 12 × 32"; empty where one of them is not known. */
export function shapeHere(shape: string, sizes: Record<string, number>): string {
  const inner = shape.replace(/^\(|\)$/g, "");
  if (!inner) return "";
  const parts = inner.split(",").map((part) => {
    const factors = part.split("·").map((one) => one.trim());
    const numbers = factors.map((one) => (/^\d+$/.test(one) ? Number(one) : (sizes[one] ?? Number.NaN)));
    return numbers.reduce((product, one) => product * one, 1);
  });
  return parts.some(Number.isNaN) ? "" : parts.join(" × ");
}

const SCALES: [size: number, name: string][] = [
  [1e15, "quadrillion"],
  [1e12, "trillion"],
  [1e9, "billion"],
  [1e6, "million"],
];
const BYTES: [size: number, name: string][] = [
  [1e15, "PB"],
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
];

/** A count as it is read: "2.04 million", "8.19 MB". */
export function amount(count: number, unit: "" | "bytes"): string {
  const scale = (unit ? BYTES : SCALES).find(([size]) => count >= size);
  if (scale) return `${digits(count / scale[0])} ${scale[1]}`;
  return unit ? `${count} bytes` : count.toLocaleString("en");
}

const digits = (value: number): string => String(Number(value.toPrecision(3)));

/** One count beside another: "4 % of", "3.9 times". */
export function beside(count: number, other: number): string {
  if (other === 0 || count === other) return count === other ? "as much as" : "";
  const part = count / other;
  if (Math.abs(part - 1) < 0.005) return "about as much as";
  if (part >= 1.995) return `${digits(part)} times`;
  return part < 0.001 ? "less than 0.1 % of" : `${digits(100 * part)} % of`;
}

/** How far two sides of an identity are apart. */
export function apartInWords(difference: number | null): string {
  if (difference === null) return "not a number";
  return difference === 0 ? "largest difference 0" : `largest difference ${difference.toExponential(0)}`;
}

/** A weight as it is read exactly; in words where there is none. */
export function weightInWords(value: number | undefined, signed: boolean): string {
  if (value === undefined || Number.isNaN(value)) return "not a number";
  if (value === Number.NEGATIVE_INFINITY) return "hidden";
  if (value !== 0 && Math.abs(value) < 0.00005) return figure(value, 2);
  const text = value.toFixed(4).replace("-", "−");
  return signed && value > 0 ? `+${text}` : text;
}

/** A text cut where a name has something below the line: "√d_k" is "√", and d with k below. */
export function inProse(text: string): [before: string, name: string, below: string][] {
  const pieces = text.split(/(?<![\p{L}\d_])(\p{L})_([\p{L}\d]+)/u);
  return Array.from({ length: Math.ceil(pieces.length / 3) }, (_, nth) => [
    pieces[3 * nth] ?? "",
    pieces[3 * nth + 1] ?? "",
    pieces[3 * nth + 2] ?? "",
  ]);
}

/** Parts of a symbol: what stands below the line. */
export function subscripts(symbol: string): [text: string, below: string] {
  const at = symbol.indexOf("_");
  return at < 0 ? [symbol, ""] : [symbol.slice(0, at), symbol.slice(at + 1)];
}

// -- flash attention --------------------------------------------------------------------------------------------------

/** Where each step's rows begin in the arrays of all steps. */
export function offsetsOf({ steps }: Pick<LabFlash, "steps">): number[] {
  let at = 0;
  return steps.map(({ queries: [first, last] }) => {
    const own = at;
    at += last - first;
    return own;
  });
}

/** Bytes read and written up to a step, itself among them. */
export function movedBy({ steps }: Pick<LabFlash, "steps">, step: number): { read: number; written: number } {
  const done = steps.slice(0, step + 1);
  const sum = (name: "read" | "written") => done.reduce((total, one) => total + one[name], 0);
  return { read: sum("read"), written: sum("written") };
}

/** The heads of each group, in order. */
export function groupsOf({ groups }: Pick<LabPicture, "groups">): number[][] {
  const found: number[][] = [];
  (groups ?? []).forEach((group, head) => {
    found[group] = [...(found[group] ?? []), head];
  });
  return found;
}
