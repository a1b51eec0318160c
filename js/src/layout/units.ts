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
  /** Of which text of a pair, or turn of a chat, each is; null where there is one text. */
  segments: number[] | null;
  /** The text as it was written, cut at the units. */
  parts: string[];
  /** The token positions in a unit. */
  tokens(unit: number): number[];
  /** The units of token positions, each once. */
  of(tokens: number[]): number[];
}

/** The tokens of one side, one entry a token. */
export interface Tokens {
  tokens: string[];
  special: boolean[];
  /** Number of each token's word. */
  words: number[];
  wordTexts: string[];
  /** Of which text of a pair, or turn of a chat, each is, from 0; null where there is one text. */
  segments: number[] | null;
  generated: boolean[] | null;
  writes: boolean;
  /** The text as it was written, cut at the tokens. */
  parts: string[];
}

const read = new WeakMap<TokenList, Tokens>();

/** Read what crosses in few characters; once for each list. */
export function tokensOf(list: TokenList): Tokens {
  const known = read.get(list);
  if (known) return known;
  const tokens = textsIn(list.tokens);
  const sizes = list.words === "" ? [] : list.words.split(" ").map(Number);
  const texts = textsIn(list.wordTexts);
  const words = sizes.flatMap((size, word) => Array<number>(size).fill(word));
  let start = 0;
  const wordTexts = sizes.map((size, word) => {
    start += size;
    return texts[word] || tokens.slice(start - size, start).join("");
  });
  const flags = (bounds: number[] | null) => bounds && flagsIn(bounds, tokens.length);
  const made = {
    ...{ tokens, words, wordTexts, writes: list.writes },
    special: flagsIn(list.special, tokens.length),
    segments: list.segments && segmentsIn(list.segments, tokens.length),
    generated: flags(list.generated),
    parts: partsOf(tokens, list),
  };
  read.set(list, made);
  return made;
}

/** The texts behind each of which the first character of all stands. */
const textsIn = (all: string): string[] => {
  const [mark = ""] = all;
  return mark ? all.split(mark).slice(1) : [];
};

function flagsIn(bounds: number[], count: number): boolean[] {
  const flags = Array<boolean>(count).fill(false);
  for (let at = 0; at < bounds.length; at += 2) flags.fill(true, bounds[at], bounds[at + 1]);
  return flags;
}

function segmentsIn(changes: number[], count: number): number[] {
  const segments = Array<number>(count).fill(0);
  for (let at = 0; at < changes.length; at += 2) segments.fill(changes[at + 1] as number, changes[at]);
  return segments;
}

/** What the last row writes is not there yet: more text, or the end. */
const OPEN = "…";

/** A row as a query, in a line of text: of a decoder with what it writes. */
export const queryLabel = ({ labels, writes }: Units, unit: number, arrow = " ▸ writes "): string =>
  `${labels[unit] ?? ""}${writes.length > 0 ? `${arrow}${writes[unit]}` : ""}`;

/** What the row of a decoder's token writes; empty of other texts. */
export const writtenAfter = ({ writes, tokens }: Pick<Tokens, "writes" | "tokens">, token: number): string =>
  writes ? (tokens[token + 1] ?? OPEN) : "";

/** The rows on either side; the same object where both are of one text. */
export type Sides = Record<Side, Units>;

export function sidesOf({ queries, keys }: Outline, words: boolean): Sides {
  const query = unitsOf(tokensOf(queries), words);
  return { query, key: keys ? unitsOf(tokensOf(keys), words) : query };
}

export function unitsOf(side: Tokens, words: boolean): Units {
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
    parts: words ? joined(side.parts, members) : side.parts,
    tokens: (unit) => members[unit] ?? [],
    of: (tokens) => (words ? [...new Set(tokens.map((token) => side.words[token] ?? 0))] : tokens),
  };
}

const joined = (parts: string[], members: number[][]): string[] =>
  members.map((tokens) => tokens.map((token) => parts[token]).join(""));

/** What stands for a unit that has no shape of its own in the text: a mark, white space, the rest of a character. */
export function markOf({ parts, labels, special }: Units, unit: number): string {
  const part = parts[unit] as string;
  if (part.trim() !== "") return "";
  const label = labels[unit] as string;
  return part === "" && !special[unit] ? "·" : label;
}
