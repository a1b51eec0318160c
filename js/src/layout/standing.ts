// How a number stands among the others of its query, in numbers and in words. Pure.

import { isForbidden, type Tile, valueAt } from "./tile";

export interface Standing {
  value: number;
  /** From the top, counted from 1; of `ties` equal numbers the same. */
  rank: number;
  ties: number;
  /** How many keys the query may attend to. */
  keys: number;
}

/** Null where some of the query's numbers are not at hand, or are none. */
export function standingOf(tiles: Tile[], query: number, key: number, count: number): Standing | null {
  const value = valueAt(tiles, query, key);
  if (isForbidden(value)) return null;
  let [larger, ties, keys] = [0, 0, 0];
  for (let other = 0; other < count; other++) {
    const one = valueAt(tiles, query, other);
    if (Number.isNaN(one)) return null;
    if (isForbidden(one)) continue;
    keys += 1;
    if (one > value) larger += 1;
    if (one === value) ties += 1;
  }
  return { value, rank: larger + 1, ties, keys };
}

/** "the largest of 12", "2nd largest of 12". */
export function rankInWords({ rank, ties, keys }: Standing): string {
  if (keys === 1) return "the only token it may see";
  if (ties === keys) return `as large as all ${keys}`;
  if (rank > 1) return `${ordinal(rank)} largest of ${keys}`;
  return ties === 1 ? `the largest of ${keys}` : `one of the ${ties} largest of ${keys}`;
}

/** Of a weight, "10 times an even spread": what each key would have if all had the same. Empty where there is one key only. */
export function spreadInWords({ value, keys }: Standing): string {
  if (keys === 1) return "";
  const times = value * keys;
  if (times >= 1.5) return `${times < 9.95 ? Number(times.toPrecision(2)) : Math.round(times)} times an even spread`;
  if (times > 0.75) return "about an even spread";
  return times < 0.01 ? "under 1\u00a0% of an even spread" : `${Math.round(100 * times)}\u00a0% of an even spread`;
}

export function ordinal(rank: number): string {
  const teens = rank % 100 > 10 && rank % 100 < 14;
  return `${rank}${(teens ? undefined : ["th", "st", "nd", "rd"][rank % 10]) ?? "th"}`;
}
