// How a number stands among the others of its query, in numbers and in words. Pure.

import { grouped } from "./cost";
import { type Combine, numberOf } from "./focus";
import { type Most, rankOf, type Scale } from "./scale";
import { isForbidden, type Tile, valueAt } from "./tile";

export interface Standing {
  value: number;
  /** From the top, counted from 1; of `ties` equal numbers the same. */
  rank: number;
  ties: number;
  /** How many keys there are to look at. */
  keys: number;
}

/** A key's number among those of all keys, for the same queries. Null where some are not at hand, or are none. */
export function standingOf(
  tiles: Tile[],
  queries: readonly number[],
  key: number,
  count: number,
  scale: Pick<Scale, "domain">,
  combine: Combine = "mean",
): Standing | null {
  return standingAmong((one) => rankOf(scale, numberOf([tiles], queries, [one], scale, combine)), key, count);
}

/** One number among several; null where some are not at hand, or it is none. */
export function standingAmong(of: (one: number) => number, at: number, count: number): Standing | null {
  const value = of(at);
  if (isForbidden(value)) return null;
  let [larger, ties, keys] = [0, 0, 0];
  for (let other = 0; other < count; other++) {
    const one = of(other);
    if (Number.isNaN(one)) return null;
    if (isForbidden(one)) continue;
    keys += 1;
    if (one > value) larger += 1;
    if (one === value) ties += 1;
  }
  return { value, rank: larger + 1, ties, keys };
}

/** How many keys a query may look at; NaN where its row is not at hand as a whole. */
export function visibleKeys(tiles: Tile[], query: number, count: number): number {
  let visible = 0;
  for (let key = 0; key < count; key++) {
    const value = valueAt(tiles, query, key);
    if (Number.isNaN(value)) return Number.NaN;
    if (!isForbidden(value)) visible += 1;
  }
  return visible;
}

/**
 * The weight that some keys would have if each query spread its attention evenly over all that it may see; taken together
 * over heads and queries as weights are. NaN where that is not known.
 */
export function evenSpread(
  tiles: Tile[][],
  queries: readonly number[],
  keys: readonly number[],
  count: number,
  combine: Combine = "mean",
): number {
  let total = 0;
  for (const ofHead of tiles) {
    for (const query of queries) {
      const among = keys.filter((key) => !isForbidden(valueAt(ofHead, query, key))).length;
      if (among > 0) total += among / visibleKeys(ofHead, query, count);
    }
  }
  return total / (tiles.length * (combine === "mean" ? queries.length : 1));
}

/** The share that some keys would have of one query's attention, spread evenly over all keys that it may see. */
export function evenOver(values: Float32Array, keys: readonly number[]): number {
  const seen = (value: number | undefined) => value !== undefined && !isForbidden(value);
  return keys.filter((key) => seen(values[key])).length / values.filter(seen).length;
}

/** "the largest of 12", "2nd strongest of 12". */
export function rankInWords(
  { rank, ties, keys }: Standing,
  alone = "the only token it may see",
  most: Most = "largest",
): string {
  if (keys === 1) return alone;
  if (ties === keys) return `as ${LIKE[most]} as all ${grouped(keys)}`;
  if (rank > 1) return `${ordinal(rank)} ${most} of ${grouped(keys)}`;
  return ties === 1 ? `the ${most} of ${grouped(keys)}` : `one of the ${ties} ${most} of ${grouped(keys)}`;
}

const LIKE: Record<Most, string> = { largest: "large", strongest: "strong" };

/** "10 times an even spread": a weight beside what it would be if each query looked at all it sees alike. */
export function spreadInWords(value: number, even: number): string {
  const times = value / even;
  if (!Number.isFinite(times)) return "";
  if (times >= 1.5) return `${times < 9.95 ? Number(times.toPrecision(2)) : Math.round(times)} times an even spread`;
  if (times > 0.75) return "about an even spread";
  return times < 0.01 ? "under 1\u00a0% of an even spread" : `${Math.round(100 * times)}\u00a0% of an even spread`;
}

/** The same where there is little room: "10 × even". */
export function spreadInShort(value: number, even: number): string {
  const times = value / even;
  return Number.isFinite(times) ? `${times < 9.95 ? Number(times.toPrecision(2)) : Math.round(times)} × even` : "";
}

export function ordinal(rank: number): string {
  const teens = rank % 100 > 10 && rank % 100 < 14;
  return `${rank}${(teens ? undefined : ["th", "st", "nd", "rd"][rank % 10]) ?? "th"}`;
}
