// Why a query may not attend to a key, in words; as trace/forbidden.py.

import type { Book } from "./book";
import { openMask } from "./mask";

export function whyForbidden(book: Book, attention: string, queries: number[], keys: number[]): string {
  if (queries.length === 0 || keys.length === 0)
    return queries.length === 0 ? "it is hidden from every token" : "every token is hidden from it";
  if (queries.length !== 1 || keys.length !== 1) return "the mask forbids every one of these pairs";
  const [query, key] = [queries[0] as number, keys[0] as number];
  const [attending, attended] = book.sides(attention);
  const [one, other] = [`“${attending.tokens[query]}”`, `“${attended.tokens[key]}”`];
  const numbers = new Set(book.attention(attention).layers.map(({ mask }) => mask));
  const masks = [...numbers].map((number) => openMask(book.data.masks[number]!));
  if (masks.every((mask) => !mask.keeps(key))) return `${other} is hidden from every token, as padding is`;
  if (key > query && masks.every(({ after }) => after !== null && after <= 0))
    return `${one} cannot see ${other}, which comes after it: this model reads from left to right`;
  for (const [way, ahead, reaches] of [
    ["ahead of", 1, masks.map(({ after }) => after)],
    ["before", -1, masks.map(({ before }) => before)],
  ] as const) {
    if (!reaches.every((reach) => reach !== null && ahead * (key - query) > reach)) continue;
    const furthest = Math.max(...reaches.map((reach) => reach ?? 0));
    return `${other} lies ${Math.abs(key - query)} tokens ${way} ${one}, which sees no further than ${furthest}`;
  }
  return `the mask hides ${other} from ${one}`;
}
