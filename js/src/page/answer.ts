// What an answer about numbers is made of.

import type { Span, Tile } from "../layout/tile";
import { takeTogether } from "../layout/together";
import type { AnyRequest, Ask, Head } from "../wire/schema";
import { domainOf } from "./merge";

/** A request with everything in it that may be left out. */
export type Asked<A extends Ask> = Required<Extract<AnyRequest, { ask: A }>>;

/** What is meant where a request leaves it out; as in the schema. */
export const MEANT = {
  ...{ measure: "weights", words: false, together: null, combine: "mean", sampled: false },
  ...{ side: "query", least: 0, withoutSelf: false, withoutFirst: false },
};

/** What a reply says, and its numbers. */
export interface Answer {
  shape: number[];
  numbers: Float32Array | Uint8Array;
  more?: Record<string, unknown>;
}

/** Many heads' numbers of the same pairs as one. */
export function asOne(
  each: Float32Array[],
  heads: readonly Head[],
  queries: Span,
  keys: Span,
  how: "mean" | "maximum",
  measure: string,
): Tile {
  const tiles = each.map((values, at): Tile[] => [{ head: heads[at] as Head, queries, keys, values }]);
  return takeTogether(tiles, how, { domain: domainOf(measure) })[0] as Tile;
}
