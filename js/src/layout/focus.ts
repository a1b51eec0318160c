// What stands out: the hovered token or line, else the pinned tokens. And what that means in numbers.

import { addsUp, rankOf, type Scale, strengthOf } from "./scale";
import { FORBIDDEN, isForbidden, type Tile, valueAt } from "./tile";
import type { Side, Sides } from "./units";

/** What the pointer or the keyboard rests on. */
export type Hover = { side: Side; unit: number } | { side: "line"; query: number; key: number; head: number } | null;

/** A hover that outlives a shorter text points nowhere. */
export function hoverWithin(hover: Hover, units: Sides): Hover {
  const has = (side: Side, unit: number) => unit < units[side].labels.length;
  if (!hover) return null;
  if (hover.side === "line") return has("query", hover.query) && has("key", hover.key) ? hover : null;
  return has(hover.side, hover.unit) ? hover : null;
}

/** The rows in focus on either side; null stands for all of a side. */
export interface Focus {
  queries: readonly number[] | null;
  keys: readonly number[] | null;
}

/** A hovered token stands in for its own side's pins; with pins on the other side it makes the pair. */
export function focusOf(hover: Hover, pinnedQueries: number[], pinnedKeys: number[]): Focus | null {
  const queries = pinnedQueries.length > 0 ? pinnedQueries : null;
  const keys = pinnedKeys.length > 0 ? pinnedKeys : null;
  if (hover?.side === "line") return { queries: [hover.query], keys: [hover.key] };
  if (hover?.side === "query") return { queries: [hover.unit], keys };
  if (hover?.side === "key") return { queries, keys: [hover.unit] };
  return queries || keys ? { queries, keys } : null;
}

/** The side whose tokens are shaded by weight: the one opposite to what is focused. */
export const shadedSide = (focus: Focus): Side => (focus.queries ? "key" : "query");

/** How the numbers of several queries are one. */
export type Combine = "mean" | "sum";

/** The same for either side: what `numberOf` does with several tokens of it. */
export const howTaken = (scale: Pick<Scale, "domain">, side: Side, combine: Combine): Combine =>
  !addsUp(scale) ? "mean" : side === "query" ? combine : "sum";

/**
 * The number between some queries and some keys: over heads the mean, over queries the mean or the sum, over keys the sum
 * (the rule by which sub-words are merged); of scores the mean over all. There a forbidden pair has no
 * number and does not enter the mean; other numbers of it are 0. FORBIDDEN where every pair is, NaN with NaN among
 * them.
 */
export function numberOf(
  tiles: Tile[][],
  queries: readonly number[],
  keys: readonly number[],
  scale: Pick<Scale, "domain">,
  combine: Combine = "mean",
): number {
  let total = 0;
  let allowed = 0;
  for (const ofHead of tiles) {
    for (const query of queries) {
      for (const key of keys) {
        const value = valueAt(ofHead, query, key);
        if (isForbidden(value)) continue;
        allowed += 1;
        total += value;
      }
    }
  }
  if (allowed === 0) return FORBIDDEN;
  return total / (!addsUp(scale) ? allowed : tiles.length * (combine === "mean" ? queries.length : 1));
}

/** A token's number, how strongly it is shaded, and whether the focus sees it at all. */
export interface Shade {
  value: number;
  strength: number;
  allowed: boolean;
}

/** The number between the focus and each row of the shaded side. */
export function shadesOf(
  tiles: Tile[][],
  focus: Focus,
  rows: Iterable<number>,
  scale: Scale,
  combine: Combine = "mean",
): Map<number, Shade> {
  const shades = new Map<number, Shade>();
  for (const row of rows) {
    const number = focus.queries
      ? numberOf(tiles, focus.queries, [row], scale, combine)
      : numberOf(tiles, [row], focus.keys ?? [], scale, combine);
    if (Number.isNaN(number)) continue;
    const allowed = !isForbidden(number);
    const value = allowed ? number : 0;
    shades.set(row, { value, strength: Math.min(1, strengthOf(scale, value)), allowed });
  }
  return shades;
}

/** What is read of a focus: its queries and keys, those of an open side narrowed to the one with the strongest number. */
export interface Best {
  /** Among the tiles given. */
  head: number;
  queries: readonly number[];
  keys: readonly number[];
  value: number;
}

/** Where the focus has its strongest number, over the heads; null if it has none. */
export function bestOf(
  tiles: Tile[][],
  { queries, keys }: Focus,
  counts: Record<Side, number>,
  scale: Pick<Scale, "domain">,
  combine: Combine = "mean",
): Best | null {
  const each = (length: number) => Array.from({ length }, (_, at) => [at]);
  let best: Best | null = null;
  for (const [head, ofHead] of tiles.entries()) {
    for (const ofQueries of queries ? [queries] : each(counts.query)) {
      for (const ofKeys of keys ? [keys] : each(counts.key)) {
        const value = numberOf([ofHead], ofQueries, ofKeys, scale, combine);
        if (!isForbidden(value) && (best ? rankOf(scale, value) > rankOf(scale, best.value) : !Number.isNaN(value))) {
          best = { head, queries: ofQueries, keys: ofKeys, value };
        }
      }
    }
  }
  return best;
}
