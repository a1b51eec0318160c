// The text as text: shaded by what the pinned tokens look at, or by what looks at them.

import { computed, signal } from "@preact/signals";
import { missingFrom } from "../../parts/missing";
import { Readout } from "../../parts/readout";
import type { View } from "../../parts/view";
import { wantedName } from "../../source/scene";
import { Legend } from "./legend";
import { Picture } from "./picture";
import { createStore } from "./store";
import css from "./text.css";

export const text: View = {
  name: "text",
  label: "Text",
  css,
  drawsTiles: true,
  wide: false,
  create(context) {
    const { state, scene } = context;
    const store = createStore(context);
    const drawn = signal<{ name: string; run: number } | null>(null);
    return {
      onScreen: scene,
      ready: computed(() => drawn.value !== null && drawn.value.name === wantedName(state) && !store.waits.value),
      drawnRun: computed(() => drawn.value?.run ?? 0),
      missing: computed(() => {
        if (store.waits.value) return "It is needed to compute what the tokens of so long a text look at.";
        return missingFrom(state, scene.value);
      }),
      Picture: () =>
        scene.value && (
          <Picture
            context={context}
            store={store}
            scene={scene.value}
            onDrawn={({ name, outline }) => {
              drawn.value = { name, run: outline.run };
            }}
          />
        ),
      Readout: () => scene.value && <Readout context={context} scene={scene.value} />,
      Legend: () => scene.value && <Legend context={context} store={store} scene={scene.value} />,
      escape() {
        store.marked.value = null;
        if (store.drag.value) store.drag.value = null;
        else if (context.pins.value) state.set({ queries: [], keys: [] });
      },
    };
  },
};
