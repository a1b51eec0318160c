// Numbers of a measure, of one head over a rectangle of queries and keys.

import type { Head } from "../wire/schema";

/** A pair that the mask forbids: no number of any measure, and not a weight of zero. */
export const FORBIDDEN = Number.NEGATIVE_INFINITY;

export type Span = readonly [start: number, stop: number];

export interface Tile {
  head: Head;
  queries: Span;
  keys: Span;
  /** Row by row; FORBIDDEN where the mask forbids the pair. */
  values: Float32Array;
  /** Of several heads taken together: the number of the one that is strongest at each place. */
  strongest?: Uint16Array;
}

/** One number out of some tiles: NaN where none of them reaches. */
export function valueAt(tiles: Tile[], query: number, key: number): number {
  for (const { queries, keys, values } of tiles) {
    if (query >= queries[0] && query < queries[1] && key >= keys[0] && key < keys[1]) {
      return values[(query - queries[0]) * (keys[1] - keys[0]) + key - keys[0]] ?? Number.NaN;
    }
  }
  return Number.NaN;
}

export const isForbidden = (value: number): boolean => value === FORBIDDEN;
