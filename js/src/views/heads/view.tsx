// Every head of the model at a glance: its pattern as a picture, in an order that the reader chooses.

import { computed, signal } from "@preact/signals";
import { headTable } from "../../layout/number-table";
import type { View } from "../../parts/view";
import { Controls } from "./controls";
import css from "./heads.css";
import { Legend } from "./legend";
import { Picture } from "./picture";
import { Readout } from "./readout";
import { createStore } from "./store";

export const heads: View = {
  name: "heads",
  label: "Heads",
  css,
  drawsTiles: false,
  wide: true,
  create(context) {
    const { state } = context;
    const store = createStore(context, heads.name);
    const drawn = signal({ name: "", run: 0 });
    const waits = computed(() => {
      if (store.order.value === "similarity" || store.order.value === "map") return !store.distances.value;
      const now = context.ranking.value;
      const { queries, keys, measure } = state.traits;
      const isOfPins = now?.queries === queries.value && now.keys === keys.value && now.measure === measure.value;
      return store.order.value === "pinned pair" && !isOfPins;
    });
    const wanted = computed(() => `${state.kernel.outline.value?.run}|${state.traits.measure.value}`);
    return {
      onScreen: computed(() => {
        const outline = state.kernel.outline.value;
        return outline && { outline, heads: state.traits.heads.value };
      }),
      ready: computed(
        () =>
          drawn.value.name === wanted.value &&
          state.kernel.outline.value?.attention === state.traits.attention.value &&
          !waits.value,
      ),
      drawnRun: computed(() => drawn.value.run),
      missing: computed(() => {
        if (waits.value) return "It is needed to compare the heads."; // with one of them, or on a pair
        return store.pictured.value ? "" : "It is needed to draw the heads.";
      }),
      Picture: () => (
        <Picture
          context={context}
          store={store}
          onDrawn={(name, run) => {
            drawn.value = { name, run };
          }}
        />
      ),
      Readout: () => <Readout context={context} store={store} />,
      Legend: () => <Legend context={context} store={store} />,
      Controls: () => <Controls context={context} store={store} />,
      numbers() {
        const known = context.categories.now.value;
        return known?.fresh ? headTable(known) : null;
      },
      escape() {
        const { queries, keys } = state.traits;
        if (store.bound.value !== null || store.only.value) {
          store.bound.value = null;
          store.only.value = false;
        } else if (queries.value.length + keys.value.length > 0) {
          state.set({ queries: [], keys: [] });
        }
      },
    };
  },
};
