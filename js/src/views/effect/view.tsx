// What each head does to what the model says: all heads by their effect, and the text without some of them.

import { computed, effect as follow } from "@preact/signals";
import { effectTable } from "../../layout/effects";
import type { View } from "../../parts/view";
import { Controls } from "./controls";
import css from "./effect.css";
import { Picture } from "./picture";
import { Readout } from "./readout";
import { createStore } from "./store";

export const effect: View = {
  name: "effect",
  label: "Effect",
  css,
  drawsTiles: false,
  wide: true,
  create(context) {
    const { state, client, abort } = context;
    const store = createStore(context);
    // Python sends them unasked. Ask besides, so that a kernel that is gone is noticed.
    const stop = follow(() => {
      if (state.traits.view.value === effect.name && !store.effects.value) client.check();
    });
    abort.addEventListener("abort", stop);
    return {
      onScreen: computed(() => {
        const outline = state.kernel.outline.value;
        return outline && { outline, heads: state.traits.heads.value };
      }),
      ready: store.isWhole,
      drawnRun: computed(() => store.effects.value?.run ?? 0),
      missing: computed(() => (store.isWhole.value ? "" : "It is needed to compute effects.")),
      Picture: () => <Picture context={context} store={store} />,
      Readout: () => <Readout store={store} />,
      Controls: () => <Controls context={context} store={store} />,
      numbers: () => (store.effects.value ? effectTable(store.effects.value) : null),
      noDifference: () => "These are effects on what A says: a difference of effects is not defined.",
      escape() {
        const { off, queries, keys } = state.traits;
        if (off.value.length > 0) state.set({ off: off.value.slice(0, -1) });
        else if (queries.value.length + keys.value.length > 0) state.set({ queries: [], keys: [] });
      },
    };
  },
};
