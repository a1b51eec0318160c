// Tokens on both sides, a line for each weight between them.

import { computed, signal } from "@preact/signals";
import { headName } from "../../layout/heads";
import type { Context } from "../../parts/context";
import { Readout } from "../../parts/readout";
import type { View } from "../../parts/view";
import { type Rectangles, wantedName } from "../../source/scene";
import { Legend } from "./legend";
import css from "./lines.css";
import { Picture } from "./picture";
import { createStore } from "./store";
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
    const drawn = signal<{ name: string; run: number; threshold: number; sight: Rectangles | null } | null>(null);
    return {
      onScreen: scene,
      ready: computed(
        () =>
          drawn.value !== null &&
          drawn.value.name === wantedName(state) &&
          drawn.value.threshold === state.traits.threshold.value &&
          (drawn.value.sight ?? context.inSight.value) === context.inSight.value,
      ),
      drawnRun: computed(() => drawn.value?.run ?? 0),
      missing: computed(() => missingHeads(context)),
      Picture: () =>
        scene.value && (
          <Picture
            context={context}
            store={store}
            scene={scene.value}
            onDrawn={({ name, outline, isWhole, sight }, threshold) => {
              drawn.value = { name, run: outline.run, threshold, sight: isWhole ? null : sight };
            }}
          />
        ),
      Readout: () => scene.value && <Readout context={context} scene={scene.value} />,
      Legend: () => scene.value && <Legend context={context} store={store} scene={scene.value} />,
      Controls: () => <TextParts context={context} store={store} />,
      escape() {
        const { queries, keys } = state.traits;
        if (queries.value.length + keys.value.length > 0) state.set({ queries: [], keys: [] });
      },
    };
  },
};

function missingHeads({ state, scene }: Context): string {
  const there = new Set(scene.value?.heads.map(headName));
  const waiting = state.traits.heads.value.map(headName).filter((name) => !there.has(name));
  return waiting.length > 0 ? `It is needed to show ${waiting.slice(0, 3).join(", ")}.` : "";
}
