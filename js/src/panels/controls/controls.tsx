// What is left out of the picture and what is taken together, in views that draw weights by token.

import { roughly } from "../../layout/numbers";
import { type Scale, WEIGHTS } from "../../layout/scale";
import type { Panel, PanelProps } from "../../parts/panel";
import css from "./controls.css";

function Controls({ context: { state, scene, drawsTiles, hasThreshold } }: PanelProps) {
  const { threshold, words } = state.traits;
  if (!drawsTiles.value || !state.kernel.outline.value) return null;
  return (
    <div class="controls">
      <label>
        <input
          type="checkbox"
          checked={words.value}
          onChange={(event) => state.set({ words: event.currentTarget.checked })}
        />
        whole words
      </label>
      {hasThreshold.value && (
        <label class="threshold">
          <span>{boundOf(scene.value?.scale ?? WEIGHTS, threshold.value)}</span>
          <input
            type="range"
            aria-label="Threshold"
            min="0"
            max="1"
            step="0.01"
            value={toSlider(threshold.value)}
            onInput={(event) => state.set({ threshold: fromSlider(+event.currentTarget.value) })}
          />
        </label>
      )}
    </div>
  );
}

/** "weights ≥ 0.02"; of a measure with either sign, by size. */
function boundOf({ label, domain, limit }: Scale, threshold: number): string {
  return `${domain === "real" ? `|${label}|` : `${label}s`} ≥ ${roughly(threshold * limit)}`;
}

// Most weights are small: the slider gives them the larger part of its way.
const toSlider = (threshold: number): number => threshold ** (1 / 3);
const fromSlider = (place: number): number => Number((place ** 3).toPrecision(3));

export const controls: Panel = { place: "bottom", css, Component: Controls };
