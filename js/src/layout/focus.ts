// What stands out: the hovered token or line, else the pinned tokens. And what that means in numbers.

import { type Scale, strengthOf } from "./scale";
import { isForbidden, type Tile, valueAt } from "./tile";
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

/** A token's number, how strongly it is shaded, and whether the mask lets the focus see it at all. */
export interface Shade {
  value: number;
  strength: number;
  allowed: boolean;
}

/**
 * The number between the focus and each row of the shaded side: the mean over heads and over the attending queries; over
 * the keys attended to the sum (the rule by which sub-words are merged), of a measure with either sign the mean. There a
 * forbidden pair has no number and does not enter the mean; a weight and a norm of it are 0. With NaN among them there is
 * no mean.
 */
export function shadesOf(tiles: Tile[][], focus: Focus, rows: Iterable<number>, scale: Scale): Map<number, Shade> {
  const side = shadedSide(focus);
  const focused = (side === "key" ? focus.queries : focus.keys) ?? [];
  const shades = new Map<number, Shade>();
  for (const row of rows) {
    let total = 0;
    let allowed = 0;
    for (const ofHead of tiles) {
      for (const one of focused) {
        const value = side === "key" ? valueAt(ofHead, one, row) : valueAt(ofHead, row, one);
        if (isForbidden(value)) continue;
        allowed += 1;
        total += value;
      }
    }
    const parts = scale.domain === "real" ? allowed : tiles.length * (side === "key" ? focused.length : 1);
    const value = total / Math.max(1, parts);
    if (Number.isNaN(value)) continue;
    shades.set(row, { value, strength: Math.min(1, strengthOf(scale, value)), allowed: allowed > 0 });
  }
  return shades;
}

/** The allowed pair of the largest number within the focus, over the heads; null if there is none. */
export function strongestPair(
  tiles: Tile[][],
  focus: Focus,
  counts: { query: number; key: number },
): { head: number; query: number; key: number; value: number } | null {
  const all = (length: number) => Array.from({ length }, (_, at) => at);
  let best = null;
  for (const query of focus.queries ?? all(counts.query)) {
    for (const key of focus.keys ?? all(counts.key)) {
      for (const [head, ofHead] of tiles.entries()) {
        const value = valueAt(ofHead, query, key);
        if (!isForbidden(value) && value > (best?.value ?? Number.NEGATIVE_INFINITY)) {
          best = { head, query, key, value };
        }
      }
    }
  }
  return best;
}
