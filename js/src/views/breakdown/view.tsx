// The breakdown as a view: when it stands, what it waits for, what belongs to it around the picture.

import { computed, effect } from "@preact/signals";
import { besideInWords } from "../../layout/steps-beside";
import type { Context } from "../../parts/context";
import type { View } from "../../parts/view";
import { Controls } from "./controls";
import { Picture } from "./picture";
import { Levels, Readout } from "./readout";
import { type BreakdownStore, createStore } from "./store";
import { css } from "./styles";

export const breakdown: View = {
  name: "breakdown",
  label: "Breakdown",
  css,
  drawsTiles: false,
  wide: true,
  create(context) {
    const { state } = context;
    const store = createStore(state);
    askWhileWaiting(context, store);
    return {
      // The panels go by what is asked for: the picture says itself whose steps it still shows.
      onScreen: computed(() => {
        const outline = state.kernel.outline.value;
        return outline && { outline, heads: state.traits.heads.value };
      }),
      ready: computed(() => store.current.value && store.drawn.value === state.kernel.breakdown.value),
      drawnRun: computed(() => store.drawn.value?.run ?? 0),
      missing: computed(() => (store.current.value ? "" : "It is needed to compute these steps.")),
      Picture: () => <Picture context={context} store={store} />,
      Readout: () => <Readout store={store} />,
      Legend: () => <Levels store={store} />,
      Controls: () => {
        const outline = state.kernel.outline.value;
        return outline && <Controls context={context} store={store} outline={outline} />;
      },
      numbers: () => store.shown.value?.table() ?? null,
      noDifference: () => besideInWords(store.shown.value?.payload ?? null),
      escape() {
        // The query is a choice, not a pin: without one it would go over to a query that nobody chose.
        if (state.traits.keys.value.length > 0) state.set({ keys: [] });
      },
    };
  },
};

/** Python sends the steps unasked. Ask besides, so that a kernel that is gone is noticed. */
function askWhileWaiting({ state, client, abort }: Context, store: BreakdownStore): void {
  const stop = effect(() => {
    if (state.traits.view.value === breakdown.name && !store.current.value) client.check();
  });
  abort.addEventListener("abort", stop);
}
