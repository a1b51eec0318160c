// What is left out of the picture and what is taken together, in views that draw weights by token.

import { roughly } from "../../layout/numbers";
import { type Scale, WEIGHTS } from "../../layout/scale";
import type { Panel, PanelProps } from "../../parts/panel";
import { canLeaveOut } from "../../source/scene";
import css from "./controls.css";

const LEAVING_OUT = "in this view: its weight is taken out, and the rest of the row scaled to the same sum";

function Controls({ context: { state, scene, looks, drawsTiles } }: PanelProps) {
  const { threshold, words } = state.traits;
  const { leftOut } = looks;
  const shown = scene.value;
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
      {shown && canLeaveOut(shown) && (
        <>
          {shown.units.query === shown.units.key && (
            <label title={LEAVING_OUT}>
              <input
                type="checkbox"
                checked={leftOut.value.self}
                onChange={(event) => {
                  leftOut.value = { ...leftOut.value, self: event.currentTarget.checked };
                }}
              />
              hide self
            </label>
          )}
          <label title={LEAVING_OUT}>
            <input
              type="checkbox"
              checked={leftOut.value.first}
              onChange={(event) => {
                leftOut.value = { ...leftOut.value, first: event.currentTarget.checked };
              }}
            />
            hide the first {words.value ? "word" : "token"}
          </label>
        </>
      )}
      <label class="threshold">
        <span>{boundOf(shown?.scale ?? WEIGHTS, threshold.value)}</span>
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
