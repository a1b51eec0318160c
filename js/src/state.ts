// Two kinds of state. Synced: what a user in Python can read and set. Local: what only this view knows.

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { listen, type Model } from "./host";
import type {
  Breakdown,
  Categories,
  Head,
  Outline,
  Pictures,
  Snapshot,
  Status,
  TokenList,
  WhatIf,
} from "./wire/protocol";

/** The traits that both sides may set. */
export interface Synced {
  text: string;
  text_pair: string;
  text_target: string;
  attention: string;
  layer: number;
  heads: Head[];
  queries: number[];
  keys: number[];
  threshold: number;
  words: boolean;
  /** The category that is open in the panel. */
  category: string | null;
  view: string;
  /** How the breakdown takes several queries together. */
  combine: "mean" | "sum";
  what_if: WhatIf;
}

/** The traits that only Python sets. */
export interface Told {
  _outline: Outline | null;
  _snapshot: Snapshot | null;
  _pictures: Pictures | null;
  _categories: Categories | null;
  _breakdown: Breakdown | null;
  _status: Status;
}

type Signals<T> = { readonly [K in keyof T]: Signal<T[K]> };

const SYNCED = [
  "text",
  "text_pair",
  "text_target",
  "attention",
  "layer",
  "heads",
  "queries",
  "keys",
  "threshold",
  "words",
  "category",
  "view",
  "combine",
  "what_if",
] as const;
const TOLD = ["_outline", "_snapshot", "_pictures", "_categories", "_breakdown", "_status"] as const;

export interface State {
  readonly traits: Signals<Synced>;
  readonly told: Signals<Told>;
  readonly units: ReadonlySignal<Sides | null>;
  /** Set traits here and in Python, in one message. */
  set(patch: Partial<Synced>): void;
}

export function createState(model: Model, abort: AbortSignal): State {
  const names = [...SYNCED, ...TOLD];
  const signals = Object.fromEntries(names.map((name) => [name, signal(read(model, name))]));
  // A message from Python sets many traits and tells them one by one, when all are set. Taken together they are one
  // change: an outline without its weights would only send for them.
  const readAll = () =>
    batch(() => {
      for (const [name, one] of Object.entries(signals)) one.value = read(model, name);
    });
  for (const name of names) listen(model, `change:${name}`, readAll, abort);
  const traits = signals as unknown as Signals<Synced>;
  const told = signals as unknown as Signals<Told>;
  return {
    traits,
    told,
    units: computed(() => told._outline.value && sidesOf(told._outline.value, traits.words.value)),
    set(patch) {
      batch(() => {
        for (const [name, value] of Object.entries(patch)) model.set(name, value);
      });
      model.save_changes();
    },
  };
}

function read(model: Model, name: string): unknown {
  const value = model.get(name);
  const empty = name.startsWith("_") && Object.keys(value ?? {}).length === 0;
  return empty ? null : value;
}

/** What is drawn as one row: a token, or a word when sub-words are merged. */
export interface Units {
  labels: string[];
  special: boolean[];
  generated: boolean[];
  /** Of which text of a pair each is; null where there is no pair. */
  segments: number[] | null;
  /** The token positions in a unit. */
  tokens(unit: number): number[];
  /** The units of token positions, each once. */
  of(tokens: number[]): number[];
}

/** The rows on either side; the same object where both are of one text. */
export type Sides = Record<Side, Units>;

function sidesOf({ queries, keys }: Outline, words: boolean): Sides {
  const query = unitsOf(queries, words);
  return { query, key: keys ? unitsOf(keys, words) : query };
}

export function unitsOf(side: TokenList, words: boolean): Units {
  const members: number[][] = words ? side.wordTexts.map(() => []) : side.tokens.map((_, token) => [token]);
  if (words) side.words.forEach((word, token) => void members[word]?.push(token));
  const first = <T>(list: T[]): T[] => members.map(([token = 0]) => list[token] as T);
  return {
    labels: words ? side.wordTexts : side.tokens,
    special: first(side.special),
    generated: side.generated ? first(side.generated) : [],
    segments: side.segments && first(side.segments),
    tokens: (unit) => members[unit] ?? [],
    of: (tokens) => (words ? [...new Set(tokens.map((token) => side.words[token] ?? 0))] : tokens),
  };
}

/** What the pointer or the keyboard rests on. Never synced. */
export type Hover = { side: Side; unit: number } | { side: "line"; query: number; key: number; head: number } | null;

export type Side = "query" | "key";
