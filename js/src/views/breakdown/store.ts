// What the breakdown shows, as one whole: steps and the labels of their run. The last one stays until the next is here.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type NumberTable, stepTable } from "../../layout/number-table";
import { DIFFERENCE } from "../../layout/scale";
import { openArrays, openSteps, type Step, type Steps, whatIfName } from "../../layout/steps";
import { openBeside } from "../../layout/steps-beside";
import type { ColumnName } from "../../layout/table";
import { type Tokens, tokensOf } from "../../layout/units";
import type { State } from "../../state/state";
import type { Breakdown, Outline } from "../../wire/schema";

/** What is pointed at: a row by its number, or one of those that are no key. */
export interface Spot {
  row: number | "query" | "output" | "changed" | "rest" | "everyHead" | "contribution" | "layer" | "model";
  column: ColumnName;
  dimension: number | null;
}

export type Level = "sentence" | "paragraph" | "formula" | "off";

export interface Shown {
  payload: Breakdown;
  outline: Outline;
  /** Null where there are none; `missing` says why. */
  steps: Steps | null;
  missing: string;
  queries: Tokens;
  keys: Tokens;
  /** All numbers as rows; null where there are none. */
  table(): NumberTable | null;
  /** Of the other side, where one stands beside. */
  otherKeys: Tokens | null;
}

export interface BreakdownStore {
  shown: ReadonlySignal<Shown | null>;
  /** Whether that is what the state calls for now. */
  current: ReadonlySignal<boolean>;
  /** What is pointed at or chosen in this view only. */
  step: Signal<Step>;
  hinted: Signal<Step | null>;
  level: Signal<Level>;
  spot: Signal<Spot | null>;
  editing: Signal<boolean>;
  bench: { entries: Signal<BenchEntry[]>; temperature: Signal<number> };
  /** What was drawn last. */
  drawn: Signal<Breakdown | null>;
}

/** A word of the softmax bench. */
export interface BenchEntry {
  id: number;
  word: string;
  score: number;
}

const FIRST: BenchEntry[] = [
  { id: 0, word: "cat", score: 0.9 },
  { id: 1, word: "mat", score: 0.1 },
  { id: 2, word: "the", score: 0 },
];

export function createStore(state: State): BreakdownStore {
  let held: Shown | null = null;
  const shown = computed(() => {
    const outline = state.kernel.outline.value;
    const payload = state.kernel.breakdown.value;
    if (
      outline &&
      payload?.run === outline.run &&
      payload.attention === outline.attention &&
      held?.payload !== payload
    ) {
      held = open(payload, outline);
    }
    return held;
  });
  return {
    shown,
    current: computed(() => isCurrent(state)),
    step: signal<Step>(2),
    hinted: signal<Step | null>(null),
    level: signal<Level>("sentence"),
    spot: signal<Spot | null>(null),
    editing: signal(false),
    bench: { entries: signal(FIRST), temperature: signal(1) },
    drawn: signal(null),
  };
}

function open(payload: Breakdown, outline: Outline): Shown {
  const queries = tokensOf(outline.queries);
  const other = outline.comparison;
  const otherKeys = other && tokensOf(other.otherKeys ?? other.otherQueries);
  const keys = outline.keys ? tokensOf(outline.keys) : queries;
  const table = () => {
    const { steps } = whole;
    const numbers = steps?.numbers ?? (openArrays(payload.arrays) as unknown as Steps["numbers"]);
    const beside = steps ? steps.beside : openBeside(payload.beside);
    if (!steps && !beside) return null;
    return stepTable(payload, numbers, steps?.changed ?? null, keys.tokens, beside, otherKeys?.tokens);
  };
  const whole: Shown = { payload, outline, queries, keys, otherKeys, table, steps: null, missing: payload.missing };
  if (payload.missing) return whole;
  try {
    return Object.assign(whole, { steps: openSteps(payload) });
  } catch (error) {
    return Object.assign(whole, { missing: `The steps could not be read: ${(error as Error).message}.` });
  }
}

function isCurrent({ traits, kernel }: State): boolean {
  const outline = kernel.outline.value;
  const payload = kernel.breakdown.value;
  const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
  return (
    outline !== null &&
    payload !== null &&
    payload.run === outline.run &&
    payload.attention === outline.attention &&
    payload.attention === traits.attention.value &&
    same(payload.head, traits.heads.value[0]) &&
    same(payload.pinned, traits.queries.value) &&
    (payload.beside != null) === (traits.measure.value === DIFFERENCE && outline.comparison != null) &&
    (payload.queries.length < 2 || payload.combine === traits.combine.value) &&
    whatIfName(payload.whatIf) === whatIfName(traits.what_if.value ?? {})
  );
}
