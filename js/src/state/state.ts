// Two kinds of state. Synced: what a user in Python can read and set. Local: what only this view knows.

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { listen, type Model } from "../host";
import { type Sides, sidesOf } from "../layout/units";
import type { Breakdown, Categories, Head, Outline, Pictures, Snapshot, Status, WhatIf } from "../wire/protocol";

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
export interface KernelState {
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
const KERNEL_STATE = ["_outline", "_snapshot", "_pictures", "_categories", "_breakdown", "_status"] as const;

export interface State {
  readonly traits: Signals<Synced>;
  readonly kernel: Signals<KernelState>;
  readonly units: ReadonlySignal<Sides | null>;
  /** Set traits here and in Python, in one message. */
  set(patch: Partial<Synced>): void;
}

export function createState(model: Model, abort: AbortSignal): State {
  const names = [...SYNCED, ...KERNEL_STATE];
  const signals = Object.fromEntries(names.map((name) => [name, signal(read(model, name))]));
  // A message from Python sets many traits and announces them one by one, when all are set. Taken together they are one
  // change: an outline without its weights would only send for them.
  const readAll = () =>
    batch(() => {
      for (const [name, one] of Object.entries(signals)) one.value = read(model, name);
    });
  for (const name of names) listen(model, `change:${name}`, readAll, abort);
  const traits = signals as unknown as Signals<Synced>;
  const kernel = signals as unknown as Signals<KernelState>;
  return {
    traits,
    kernel,
    units: computed(() => kernel._outline.value && sidesOf(kernel._outline.value, traits.words.value)),
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
