// What is drawn as one row: a token, or a word when sub-words are merged.

import type { Outline, TokenList } from "../wire/schema";
import { partsOf } from "./parts";

export type Side = "query" | "key";

export interface Units {
  labels: string[];
  special: boolean[];
  generated: boolean[];
  /** Of a decoder, what each row writes: the row after it. Else empty. */
  writes: string[];
  /** Of which text of a pair each is; null where there is no pair. */
  segments: number[] | null;
  /** The text as it was written, cut at the units. */
  parts: string[];
  /** The token positions in a unit. */
  tokens(unit: number): number[];
  /** The units of token positions, each once. */
  of(tokens: number[]): number[];
}

/** What the last row writes is not there yet: more text, or the end. */
const OPEN = "…";

/** A row as a query, in a line of text: of a decoder with what it writes. */
export const queryLabel = ({ labels, writes }: Units, unit: number, arrow = " ▸ writes "): string =>
  `${labels[unit] ?? ""}${writes.length > 0 ? `${arrow}${writes[unit]}` : ""}`;

/** What the row of a decoder's token writes; empty of other texts. */
export const writtenAfter = ({ writes, tokens }: TokenList, token: number): string =>
  writes ? (tokens[token + 1] ?? OPEN) : "";

/** The rows on either side; the same object where both are of one text. */
export type Sides = Record<Side, Units>;

export function sidesOf({ queries, keys }: Outline, words: boolean): Sides {
  const query = unitsOf(queries, words);
  return { query, key: keys ? unitsOf(keys, words) : query };
}

export function unitsOf(side: TokenList, words: boolean): Units {
  const members: number[][] = words ? side.wordTexts.map(() => []) : side.tokens.map((_, token) => [token]);
  if (words) side.words.forEach((word, token) => void members[word]?.push(token));
  const labels = words ? side.wordTexts : side.tokens;
  const first = <T>(list: T[]): T[] => members.map(([token = 0]) => list[token] as T);
  return {
    labels,
    special: first(side.special),
    generated: side.generated ? first(side.generated) : [],
    writes: side.writes ? labels.map((_, unit) => labels[unit + 1] ?? OPEN) : [],
    segments: side.segments && first(side.segments),
    parts: words ? joined(partsOf(side), members) : partsOf(side),
    tokens: (unit) => members[unit] ?? [],
    of: (tokens) => (words ? [...new Set(tokens.map((token) => side.words[token] ?? 0))] : tokens),
  };
}

const joined = (parts: string[], members: number[][]): string[] =>
  members.map((tokens) => tokens.map((token) => parts[token]).join(""));
