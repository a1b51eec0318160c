// What the reader leaves out of every row of weights, to see the rest: a token's own weight, the first token's. Pure.

import { type Scale, WEIGHTS } from "./scale";
import { FORBIDDEN, isForbidden, type Tile, valueAt } from "./tile";

export interface LeftOut {
  /** Each token's weight on itself. */
  self: boolean;
  /** The weights on the first key, where many heads look when they have nothing to say. */
  first: boolean;
}

/** Only a row of weights has a sum that the rest can be scaled to. */
export const canLeaveOut = ({ name }: Scale): boolean => name === WEIGHTS.name;

/**
 * Take keys out of every row, and scale the others to the sum that the row had. A key taken out has no number any more.
 * Rows that are not here as a whole have an unknown sum: tiles with a part of the keys are let go.
 *
 * @param tiles of one head
 * @param keys how many there are
 */
export function leaveOut(tiles: Tile[], { self, first }: LeftOut, keys: number): Tile[] {
  if (!self && !first) return tiles;
  return tiles
    .filter((tile) => tile.keys[0] === 0 && tile.keys[1] === keys)
    .map((tile) => {
      const values = tile.values.slice();
      for (let query = tile.queries[0]; query < tile.queries[1]; query++) {
        const row = values.subarray((query - tile.queries[0]) * keys, (query - tile.queries[0] + 1) * keys);
        const before = sumOf(row);
        if (first) row[0] = FORBIDDEN;
        if (self && query < keys) row[query] = FORBIDDEN;
        const after = sumOf(row);
        const grown = after === 0 ? 1 : before / after; // NaN where the row has one
        for (let key = 0; key < keys; key++) row[key]! *= grown; // −∞ stays
      }
      return { ...tile, values };
    });
}

const sumOf = (row: Float32Array): number => row.reduce((sum, value) => sum + (isForbidden(value) ? 0 : value), 0);

/** Of a row: how much was taken out, and the sum that the others are scaled to; NaN where it is not known. */
export function takenFrom(given: Tile[], left: Tile[], query: number, keys: number): { removed: number; sum: number } {
  let [removed, sum] = [0, 0];
  for (let key = 0; key < keys; key++) {
    const value = valueAt(given, query, key);
    if (isForbidden(value)) continue;
    sum += value;
    if (isForbidden(valueAt(left, query, key))) removed += value;
  }
  return { removed, sum };
}
