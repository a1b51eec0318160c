// What was seen when a token was written: the row before it. Pure.

import type { Outline } from "../wire/schema";
import { type Tokens, tokensOf } from "./units";

/** The tokens that the model wrote from a row of this text, by their positions. */
export const writtenIn = ({ tokens, generated }: Pick<Tokens, "tokens" | "generated">): number[] =>
  [...tokens.keys()].filter((at) => at > 0 && generated?.[at]);

/** Which of them is looked at, counted from 1: the one whose row is pinned alone. 0 for none. */
export function stepOf(written: readonly number[], queries: readonly number[], words: boolean): number {
  const [row, ...others] = queries;
  return row === undefined || others.length > 0 || words ? 0 : written.indexOf(row + 1) + 1;
}

/** What to pin so that it is that one; no words, as each piece was written from a row of its own. */
export function pinsOf(written: readonly number[], step: number): { queries: number[]; keys: number[]; words?: false } {
  const at = written[step - 1];
  return at === undefined ? { queries: [], keys: [] } : { queries: [at - 1], keys: [], words: false };
}

/** The tokens of the queries, where the model wrote some of them. */
export const queriesOf = (outline: Outline | null): Tokens | null =>
  outline?.queries.generated?.length ? tokensOf(outline.queries) : null;
