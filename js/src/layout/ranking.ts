// All heads by one pair's number. Pure.

import type { Head, Outline } from "../wire/schema";
import { howMany } from "./heads";
import { rankOf, type Scale, scaleNamed } from "./scale";
import { ordinal } from "./standing";
import { isForbidden } from "./tile";

/** One pair's number in every head, layer by layer. */
export interface PairNumbers {
  layers: number;
  heads: number;
  values: Float32Array;
  /** With an open side, the row on it that each number is of; −1 where there is none, or no side is open. */
  strongest: Float32Array;
  /** Why no head has a number of it; empty if one has. */
  why: string;
}

export interface Ranking extends PairNumbers {
  outline: Outline;
  measure: string;
  words: boolean;
  /** Token positions; none stands for an open side. */
  queries: number[];
  keys: number[];
}

export interface Ranked {
  head: Head;
  value: number;
  /** On the open side; −1 where there is none, or no side is open. */
  row: number;
}

/** The heads that have a number of the pair, the strongest first; of a measure of a layer the first of each layer. */
export function ranked({ heads, values, strongest }: PairNumbers, scale: Pick<Scale, "domain" | "of">): Ranked[] {
  return Array.from(values, (value, at): Ranked => {
    return { head: [Math.floor(at / heads), at % heads], value, row: strongest[at] ?? -1 };
  })
    .filter(({ head }) => scale.of === "head" || head[1] === 0) // the others have the same number
    .filter(({ value }) => !Number.isNaN(value) && !isForbidden(value))
    .sort((a, b) => rankOf(scale, b.value) - rankOf(scale, a.value) || b.value - a.value);
}

export const numberIn = ({ heads, values }: PairNumbers, [layer, head]: Head): number =>
  values[layer * heads + head] ?? Number.NaN;

/** "first of 32 heads on this pair", or of its layers; empty where a head has no number of it. */
export function placeInWords(numbers: Ranking, head: Head): string {
  const scale = scaleNamed(numbers.outline, numbers.measure);
  const value = numberIn(numbers, head);
  const others = ranked(numbers, scale);
  if (others.length < 2 || Number.isNaN(value) || isForbidden(value)) return "";
  const above = others.filter((one) => rankOf(scale, one.value) > rankOf(scale, value)).length;
  return `${above === 0 ? "first" : ordinal(above + 1)} of ${howMany(scale, others.length)} on this pair`;
}

/** The size of number that fills a bar: 1 for shares, unless all of them would be slivers. */
export function fullBar(list: Ranked[], isShare: boolean): number {
  const largest = Math.max(0, ...list.map(({ value }) => Math.abs(value)));
  return isShare && largest >= 0.1 ? 1 : largest || 1;
}
