// Rows of what is asked for: of tokens or words, of one head or several, on either side.

import type { Tokens } from "../layout/units";
import type { Head } from "../wire/schema";
import type { Alive, Book } from "./book";
import type { Layer } from "./layer";
import { merging } from "./merge";

export interface About {
  attention: string;
  measure: string;
  words: boolean;
}

export interface Rows {
  /** Units of either side: tokens, or words. */
  n: number;
  m: number;
  /** A unit's row, (m). */
  row(head: number, unit: number): Float32Array;
}

export const countOf = (side: Tokens, words: boolean): number => (words ? side.wordTexts : side.tokens).length;

/** The rows of some heads, by their place in the list. */
export async function rowsOf(book: Book, { attention, measure, words }: About, heads: readonly Head[]): Promise<Rows> {
  const [queries, keys] = book.sides(attention);
  const layers = await Promise.all(heads.map(([layer]) => book.layer(attention, layer)));
  const [n, m] = [countOf(queries, words), countOf(keys, words)];
  const pieces: number[][] = words ? queries.wordTexts.map(() => []) : [];
  if (words) queries.words.forEach((word, token) => void pieces[word]?.push(token));
  for (const [at, [, head]] of heads.entries()) layers[at]?.at(head); // throws for one that is not carried
  const one = (at: number, token: number) => (layers[at] as Layer).row(measure, (heads[at] as Head)[1], token);
  return {
    n,
    m,
    row(at, unit) {
      if (!words) return one(at, unit);
      const merged = merging(measure, 1, keys.words, m);
      for (const token of pieces[unit] as number[]) merged.add(0, one(at, token));
      return merged.done();
    },
  };
}

/**
 * A pair's number in a head, or on an open side that of everything there: (units of the open side), one where none is
 * open. As `pair_numbers` of trace/ranking.py.
 */
export async function pairNumbers(
  book: Book,
  { attention, measure, words }: About,
  [queries, keys]: [number[], number[]],
  layer: Layer,
  head: number,
  alive: Alive,
): Promise<Float32Array> {
  const [attending, attended] = book.sides(attention);
  const isOpen = { queries: queries.length === 0, keys: keys.length === 0 };
  const groups = (side: Tokens) => (words ? side.words : side.tokens.map((_, at) => at));
  const columns = isOpen.keys ? groups(attended) : attended.tokens.map((_, at) => (keys.includes(at) ? 0 : -1));
  const count = (open: boolean, side: Tokens) => (open ? countOf(side, words) : 1);
  const merged = merging(measure, count(isOpen.queries, attending), columns, count(isOpen.keys, attended));
  const rows = groups(attending);
  const wanted = isOpen.queries ? attending.tokens.map((_, at) => at) : queries;
  for (const query of wanted) {
    await alive();
    merged.add(isOpen.queries ? (rows[query] as number) : 0, layer.row(measure, head, query));
  }
  return merged.done();
}

/** The queries that may attend to nothing. */
export function blind(layer: Layer, count: number): Set<number> {
  const found = new Set<number>();
  for (let query = 0; query < count; query++) {
    const [first, stop] = layer.mask.reach(query);
    let sees = false;
    for (const head of layer.mask.byHead ? layer.about.heads : [0]) {
      for (let key = first; key < stop && !sees; key++) sees = layer.mask.allows(head, query, key);
    }
    if (!sees) found.add(query);
  }
  return found;
}

/** Some of n positions, evenly spread with the last among them; `spread` of maths/pool.py. */
export function spread(n: number, count: number, last = 1): number[] {
  if (n <= count) return Array.from({ length: n }, (_, at) => at);
  const even = Array.from({ length: count - last + 1 }, (_, at) => halfToEven((at * (n - last)) / (count - last)));
  return [...even, ...Array.from({ length: last - 1 }, (_, at) => n - last + 1 + at)];
}

/** As torch rounds. */
function halfToEven(value: number): number {
  const down = Math.floor(value);
  const part = value - down;
  return part > 0.5 || (part === 0.5 && down % 2 === 1) ? down + 1 : down;
}
