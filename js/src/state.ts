// Two kinds of state. Synced: what a user in Python can read and set. Local: what only this view knows.

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { listen, type Model } from "./host";
import type { Head, Outline, Pictures, Snapshot, Status } from "./wire/protocol";

/** The traits that both sides may set. */
export interface Synced {
  text: string;
  layer: number;
  heads: Head[];
  queries: number[];
  keys: number[];
  threshold: number;
  words: boolean;
}

/** The traits that only Python sets. */
export interface Told {
  _outline: Outline | null;
  _snapshot: Snapshot | null;
  _pictures: Pictures | null;
  _status: Status;
}

type Signals<T> = { readonly [K in keyof T]: Signal<T[K]> };

const SYNCED = ["text", "layer", "heads", "queries", "keys", "threshold", "words"] as const;
const TOLD = ["_outline", "_snapshot", "_pictures", "_status"] as const;

export interface State {
  readonly traits: Signals<Synced>;
  readonly told: Signals<Told>;
  readonly units: ReadonlySignal<Units | null>;
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
    units: computed(() => told._outline.value && unitsOf(told._outline.value, traits.words.value)),
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
  /** The token positions in a unit. */
  tokens(unit: number): number[];
  /** The units of token positions, each once. */
  of(tokens: number[]): number[];
}

export function unitsOf(outline: Outline, words: boolean): Units {
  if (!words) {
    return {
      labels: outline.tokens,
      special: outline.special,
      tokens: (unit) => [unit],
      of: (tokens) => tokens,
    };
  }
  const members: number[][] = outline.wordTexts.map(() => []);
  outline.words.forEach((word, token) => {
    members[word]?.push(token);
  });
  return {
    labels: outline.wordTexts,
    special: members.map(([first = 0]) => outline.special[first] ?? false),
    tokens: (unit) => members[unit] ?? [],
    of: (tokens) => [...new Set(tokens.map((token) => outline.words[token] ?? 0))],
  };
}

/** What the pointer or the keyboard rests on. Never synced. */
export type Hover = { side: Side; unit: number } | { side: "line"; query: number; key: number; head: number } | null;

export type Side = "query" | "key";
