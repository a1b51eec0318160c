// The heads' categories as this view has them: what Python measured, by thresholds that the reader may move.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { categoriesOf, type HeadCategories, headsOf, numberOf, openScores, type Scores } from "../layout/categories";
import { headName } from "../layout/heads";
import type { Categories } from "../wire/schema";
import type { State } from "./state";

export interface CategoryStore {
  now: ReadonlySignal<HeadCategories | null>;
  /** Thresholds that were moved away from their defaults, by the category's name. Local to this view. */
  moved: Signal<Record<string, number>>;
  /** Whether the view is limited to the heads of the open category. */
  only: Signal<boolean>;
  /** The names of the heads that the view is limited to; null for all. */
  within: ReadonlySignal<Set<string> | null>;
}

export function createCategories(state: State): CategoryStore {
  const moved = signal<Record<string, number>>({});
  let held: { payload: Categories; scores: Scores; attention: string } | null = null;
  const measured = computed(() => {
    const outline = state.kernel.outline.value;
    const payload = state.kernel.categories.value;
    if (!outline) return null;
    const fresh = payload !== null && payload.run === outline.run;
    if (fresh && held?.payload !== payload)
      held = { payload, scores: openScores(payload), attention: outline.attention };
    return held?.attention === outline.attention ? { ...held, fresh } : null;
  });
  const now = computed(() => {
    if (!measured.value) return null;
    const { payload, scores, fresh } = measured.value;
    return categoriesOf(payload, scores, fresh, moved.value);
  });
  const only = signal(false);
  const within = computed(() => {
    const known = now.value;
    const category = known && numberOf(known, state.traits.category.value);
    if (!only.value || !known?.fresh || category === null) return null;
    return new Set(headsOf(known.scores, known.thresholds, category).map(({ head }) => headName(head)));
  });
  return { now, moved, only, within };
}
