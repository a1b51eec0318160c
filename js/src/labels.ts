// The heads' categories as this view has them: what Python measured, by thresholds that the reader may move.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { mainOf, OTHER, type Scores } from "./layout/categories";
import type { State } from "./state";
import { decodeArray } from "./wire/decode";
import type { Categories, Category, Head, Probe } from "./wire/protocol";

export interface Labels {
  /**
   * Measured on what is on screen. Else of the text before, while the new one is being measured: then only colours and
   * sizes are taken from it, so that nothing flashes or jumps, and no name or number.
   */
  fresh: boolean;
  list: Category[];
  scores: Scores;
  thresholds: number[];
  warning: string;
  probe: Probe;
  /** Number of a head's category in the list, or OTHER or UNKNOWN. */
  main(head: Head): number;
}

export interface LabelStore {
  now: ReadonlySignal<Labels | null>;
  /** Thresholds that were moved away from their defaults, by the category's name. Local to this view. */
  moved: Signal<Record<string, number>>;
}

export const OTHER_NAME = "Other";

export function createLabels(state: State): LabelStore {
  const moved = signal<Record<string, number>>({});
  let held: { told: Categories; scores: Scores; attention: string } | null = null;
  const measured = computed(() => {
    const outline = state.told._outline.value;
    const told = state.told._categories.value;
    if (!outline) return null;
    const fresh = told !== null && told.run === outline.run;
    if (fresh && held?.told !== told) held = { told, scores: openScores(told), attention: outline.attention };
    return held?.attention === outline.attention ? { ...held, fresh } : null;
  });
  const now = computed(() => {
    if (!measured.value) return null;
    const { told, scores, fresh } = measured.value;
    const { list, warning, probe } = told;
    const thresholds = list.map(({ name, threshold }) => moved.value[name] ?? threshold);
    const main = (head: Head) => mainOf(scores, thresholds, head);
    return { fresh, list, scores, thresholds, warning, probe, main };
  });
  return { now, moved };
}

function openScores({ list, dtype, shape, data }: Categories): Scores {
  if (dtype !== "float32") throw new Error(`scores of type ${dtype}`);
  const { values } = decodeArray({ dtype, shape, data });
  const [categories = 0, layers = 0, heads = 0] = shape;
  if (categories !== list.length) throw new Error(`${categories} rows of scores for ${list.length} categories`);
  return { categories, layers, heads, values };
}

/** Number of a category by its name; null if there is none of that name. */
export function numberOf({ list }: Labels, name: string | null): number | null {
  if (name === OTHER_NAME) return OTHER;
  const at = list.findIndex((one) => one.name === name);
  return at < 0 ? null : at;
}

/** What a head's score for a category means; empty where there is no more to say than the number. */
export const noteOf = ({ list }: Labels, category: number, [layer, head]: Head): string =>
  list[category]?.notes?.[layer]?.[head] ?? "";

export const nameOf = ({ list }: Labels, category: number): string =>
  category === OTHER ? OTHER_NAME : (list[category]?.name ?? "");
