// Tokens on both sides, a line for each weight between them.

import { computed, signal } from "@preact/signals";
import type { Context } from "../../parts/context";
import { missingFrom } from "../../parts/missing";
import { Readout } from "../../parts/readout";
import type { View } from "../../parts/view";
import { wantedName } from "../../source/scene";
import { Legend } from "./legend";
import css from "./lines.css";
import { Picture } from "./picture";
import type { Shown } from "./shown";
import { createStore, type LinesStore } from "./store";
import { TextParts } from "./text-parts";

export const lines: View = {
  name: "lines",
  label: "Lines",
  css,
  drawsTiles: true,
  hasThreshold: true,
  wide: false,
  create(context) {
    const { state, scene } = context;
    const store = createStore(context);
    const drawn = signal<{ shown: Shown; threshold: number } | null>(null);
    return {
      onScreen: computed(() => store.shown.value?.scene ?? null),
      ready: computed(
        () =>
          drawn.value !== null &&
          store.complete.value &&
          drawn.value.shown === store.shown.value &&
          drawn.value.shown.scene === scene.value &&
          drawn.value.shown.scene.name === wantedName(state) &&
          drawn.value.threshold === state.traits.threshold.value,
      ),
      drawnRun: computed(() => drawn.value?.shown.scene.outline.run ?? 0),
      missing: computed(() => missingNumbers(context, store)),
      Picture: () =>
        store.shown.value && (
          <Picture
            context={context}
            store={store}
            shown={store.shown.value}
            onDrawn={(shown) => {
              drawn.value = { shown, threshold: store.threshold.value };
            }}
          />
        ),
      Readout: () => scene.value && <Readout context={context} scene={scene.value} point="a token or a line" />,
      Legend: () => store.shown.value && <Legend context={context} store={store} shown={store.shown.value} />,
      Controls: () => <TextParts context={context} store={store} />,
      escape() {
        const { queries, keys } = state.traits;
        if (queries.value.length + keys.value.length > 0) state.set({ queries: [], keys: [] });
      },
    };
  },
};

function missingNumbers({ state, scene }: Context, { shown, complete }: LinesStore): string {
  const missing = missingFrom(state, (shown.value ?? { scene: scene.value }).scene);
  if (missing) return missing;
  return scene.value && !complete.value ? "It is needed to show what these tokens look at." : "";
}
