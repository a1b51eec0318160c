// Queries × keys as a map of colours: of one head, or of several as one; all of a text of any length, or a part.

import { computed, signal } from "@preact/signals";
import { missingFrom } from "../../parts/missing";
import { Readout } from "../../parts/readout";
import type { View } from "../../parts/view";
import { wantedName } from "../../source/scene";
import { Legend } from "./legend";
import css from "./matrix.css";
import { Picture } from "./picture";
import { createStore, type Plan } from "./store";

export const matrix: View = {
  name: "matrix",
  label: "Matrix",
  css,
  drawsTiles: true,
  wide: false,
  create(context) {
    const { state, scene, focus } = context;
    const store = createStore(context);
    const drawn = signal<{ name: string; run: number; plan: Plan } | null>(null);
    const isHere = computed(() => {
      const { wanted, here } = store.plan.value ?? { wanted: [], here: [] };
      return wanted.length === here.length;
    });
    return {
      onScreen: scene,
      ready: computed(
        () =>
          drawn.value !== null &&
          drawn.value.name === wantedName(state) &&
          drawn.value.plan === store.plan.value &&
          isHere.value,
      ),
      drawnRun: computed(() => drawn.value?.run ?? 0),
      missing: computed(() => {
        const missing = missingFrom(state, scene.value);
        return missing || isHere.value ? missing : "It is needed to show this part of the matrix.";
      }),
      Picture: () =>
        scene.value && (
          <Picture
            context={context}
            store={store}
            scene={scene.value}
            onDrawn={({ name, outline }, plan) => {
              drawn.value = { name, run: outline.run, plan };
            }}
          />
        ),
      Readout: () =>
        scene.value &&
        (focus.value ? (
          <Readout context={context} scene={scene.value} />
        ) : (
          <span class="hint">
            hover a cell to read its {scene.value.scale.label}, click to pin · click, then wheel: zoom · drag: move
          </span>
        )),
      Legend: () => scene.value && <Legend context={context} store={store} scene={scene.value} />,
      escape() {
        const { queries, keys } = state.traits;
        store.cursor.value = null;
        if (queries.value.length + keys.value.length > 0) state.set({ queries: [], keys: [] });
      },
    };
  },
};
