// What the lines view holds in one mounted widget: never synced.

import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { edgesFrom, indexEdges } from "../../layout/edge-index";
import { type Edges, focusEdges } from "../../layout/edges";
import type { Units } from "../../layout/units";
import type { Context } from "../../parts/context";

/** The texts of a pair that attend and are attended to, 0 or 1; null for all. */
export type TextPart = readonly [number, number] | null;

export interface LinesStore {
  part: Signal<TextPart>;
  /** The threshold of the lines drawn: it follows the trait once a frame. */
  threshold: ReadonlySignal<number>;
  /** All lines to be drawn; `dropped` counts those that were too many. */
  edges: ReadonlySignal<Edges>;
  /** Those of them that are in focus. */
  focused: ReadonlySignal<Edges>;
}

const NO_EDGES = edgesFrom(indexEdges([]), 0);

export function createStore({ state, scene, focus, abort }: Context): LinesStore {
  const part = signal<TextPart>(null);
  const threshold = signal(state.traits.threshold.peek());
  let frame = 0;
  const stop = effect(() => {
    const wanted = state.traits.threshold.value;
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      threshold.value = wanted;
    });
  });
  abort.addEventListener("abort", () => {
    stop();
    cancelAnimationFrame(frame);
  });

  const index = computed(() => indexEdges(scene.value?.drawn ?? [], scene.value?.scale));
  const edges = computed(() => {
    const all = edgesFrom(index.value, threshold.value);
    const units = scene.value?.units;
    if (!part.value || !units) return all;
    const [from, to] = part.value;
    return { ...focusEdges(all, inText(units.query, from), inText(units.key, to)), dropped: all.dropped };
  });
  const focused = computed(() => {
    const at = focus.value;
    return at ? focusEdges(edges.value, at.queries, at.keys) : NO_EDGES;
  });
  return { part, threshold, edges, focused };
}

/** The rows of one text of a pair; all where there is no pair. */
const inText = ({ segments }: Units, text: number): number[] | null =>
  segments?.flatMap((segment, row) => (segment === text ? [row] : [])) ?? null;
