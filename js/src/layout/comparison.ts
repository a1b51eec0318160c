// What two sides of a comparison have in common, and what has no partner. Pure.

import type { Comparison, Outline } from "../wire/schema";
import { DIFFERENCE, type Scale } from "./scale";
import { type Side, type Sides, tokensOf } from "./units";

/** Positions of the one side and their partners on the other, from stretches (here, there, how many). */
export const partnersIn = (stretches: number[][]): Map<number, number> =>
  new Map(
    stretches.flatMap(([here = 0, there = 0, count = 0]) =>
      Array.from({ length: count }, (_, at): [number, number] => [here + at, there + at]),
    ),
  );

/** The stretches of a side of what is on screen; those of the queries where the keys are the same tokens. */
export const stretchesOf = ({ queries, keys }: Comparison, side: Side): number[][] =>
  side === "key" ? (keys ?? queries) : queries;

/** The labels of tokens without a partner: of A, and of B. */
export function aloneIn(outline: Outline, comparison: Comparison): [a: string[], b: string[]] {
  const pairs = [...partnersIn(comparison.queries)];
  const without = (tokens: string[], partners: number[]) => {
    const known = new Set(partners);
    return tokens.filter((_, at) => !known.has(at));
  };
  const here = without(
    tokensOf(outline.queries).tokens,
    pairs.map(([at]) => at),
  );
  const there = without(
    tokensOf(comparison.otherQueries).tokens,
    pairs.map(([, at]) => at),
  );
  return comparison.shown === "b" ? [there, here] : [here, there];
}

const NAMED = 6;

/** "on, river, watched and 2 more". */
export const listed = (labels: string[]): string =>
  labels.length > NAMED ? `${labels.slice(0, NAMED).join(", ")} and ${labels.length - NAMED} more` : labels.join(", ");

/**
 * Why some tokens have no number of a measure: of a difference they may be without a partner.
 *
 * @param units where these are rows: tokens, or words
 */
export function whyNoNumber(
  outline: Outline,
  scale: Pick<Scale, "name">,
  queries: readonly number[],
  keys: readonly number[],
  units: Sides | null = null,
): string {
  const comparison = scale.name === DIFFERENCE && outline.comparison;
  if (!comparison) return "forbidden by the mask";
  const lacks = (side: Side, some: readonly number[]) => {
    const partners = partnersIn(stretchesOf(comparison, side));
    const tokens = some.flatMap((one) => units?.[side].tokens(one) ?? [one]);
    return tokens.length > 0 && tokens.every((one) => !partners.has(one));
  };
  const other = comparison.shown === "b" ? "A" : "B";
  if (lacks("query", queries) || lacks("key", keys)) return `no partner in ${other}`;
  return "hidden on one side";
}
