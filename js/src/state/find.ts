// What the reader looks for in the text: never synced.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { findPlaces } from "../layout/find";
import type { Side } from "../layout/units";
import { tokensOf } from "../layout/units";
import type { State } from "./state";

export interface Find {
  open: Signal<boolean>;
  wanted: ReadonlySignal<string>;
  /** Where it is looked for, where there are two texts. */
  side: Signal<Side>;
  /** The token positions of every place; empty while it is closed. */
  places: ReadonlySignal<number[][]>;
  /** The number of the place that is shown; −1 where there is none. */
  at: ReadonlySignal<number>;
  /** Look for something else, and go to its first place. */
  look(wanted: string): void;
  /** Go to the next place, or to one before, and round again. */
  step(by: number): void;
}

export function createFind(state: State, place: Signal<{ side: Side; token: number } | null>): Find {
  const open = signal(false);
  const wanted = signal("");
  const side = signal<Side>("query");
  const chosen = signal(0);
  const places = computed(() => {
    const outline = state.kernel.outline.value;
    if (!open.value || !outline) return [];
    return findPlaces(tokensOf((side.value === "key" && outline.keys) || outline.queries), wanted.value);
  });
  const at = computed(() => Math.min(chosen.value, places.value.length - 1));
  const go = (to: number) => {
    chosen.value = to;
    const token = places.value[to]?.[0];
    if (token === undefined) return;
    // One text is both sides: with a query pinned, what is looked for is a key.
    const isKey = state.kernel.outline.value?.keys ? side.value === "key" : state.traits.queries.value.length > 0;
    place.value = { side: isKey ? "key" : "query", token };
  };
  return {
    open,
    wanted,
    side,
    places,
    at,
    look(text) {
      wanted.value = text;
      go(0);
    },
    step(by) {
      const count = places.value.length;
      if (count > 0) go((at.value + by + count) % count);
    },
  };
}
