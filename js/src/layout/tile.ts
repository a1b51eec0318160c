// Weights of a head over a rectangle of queries and keys.

import { FORBIDDEN, type Head } from "../wire/protocol";

export type Span = readonly [start: number, stop: number];

export interface Tile {
  head: Head;
  queries: Span;
  keys: Span;
  /** Row by row; FORBIDDEN where the mask forbids the pair. */
  values: Float32Array;
}

/** One weight out of some tiles: NaN where none of them reaches. */
export function weightAt(tiles: Tile[], query: number, key: number): number {
  for (const { queries, keys, values } of tiles) {
    if (query >= queries[0] && query < queries[1] && key >= keys[0] && key < keys[1]) {
      return values[(query - queries[0]) * (keys[1] - keys[0]) + key - keys[0]] ?? Number.NaN;
    }
  }
  return Number.NaN;
}

export const isForbidden = (weight: number): boolean => weight === FORBIDDEN;
