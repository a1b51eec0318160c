// What is left out of the picture and what is taken together, in views that draw weights by token.

import { roughly } from "../../layout/numbers";
import { addsUp, type Scale, sizesOf, WEIGHTS } from "../../layout/scale";
import type { Context, InSight } from "../../parts/context";
import type { Panel, PanelProps } from "../../parts/panel";
import { SmallChoice } from "../../parts/small-choice";
import css from "./controls.css";

function Controls({ context }: PanelProps) {
  const { state, drawsTiles, hasThreshold, inSight } = context;
  const { words } = state.traits;
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
      {inSight.value ? (
        <OfLong context={context} inSight={inSight.value} />
      ) : (
        hasThreshold.value && <Threshold context={context} />
      )}
    </div>
  );
}

function Threshold({ context: { state, scene } }: PanelProps) {
  const { threshold } = state.traits;
  return (
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
  );
}

const COUNTS = [1, 2, 3, 4, 5, 6, 8, 12, 16];
const BY = { strongest: "strongest", least: "from a least" } as const;

/** Which lines are drawn of a text that is longer than its stage. */
function OfLong({ context, inSight: { by, rule } }: { context: Context; inSight: InSight }) {
  const { scene, looks } = context;
  const { scale, isWhole } = scene.value ?? { scale: WEIGHTS, isWhole: true };
  // The size of other numbers is known of what is at hand.
  const hasBound = scale.domain === "share" || (isWhole && addsUp(scale));
  return (
    <>
      {hasBound && (
        <span class="by">
          lines:
          <SmallChoice
            label="Which lines are drawn"
            names={["strongest", "least"] as const}
            says={{ strongest: BY.strongest, least: `${BY.least} ${scale.label}` }}
            chosen={by}
            onChoose={(one) => {
              looks.linesBy.value = one;
            }}
          />
        </span>
      )}
      {by === "least" ? (
        <Threshold context={context} />
      ) : (
        <label>
          {!hasBound && "strongest "}
          <select
            aria-label="Lines of each token"
            value={rule.count}
            onChange={(event) => {
              looks.linesCount.value = +event.currentTarget.value;
            }}
          >
            {COUNTS.map((count) => (
              <option key={count} value={count}>
                {count}
              </option>
            ))}
          </select>
          of each
        </label>
      )}
    </>
  );
}

/** "weights ≥ 0.02"; of a measure with either sign, by size. */
function boundOf(scale: Scale, threshold: number): string {
  return `${sizesOf(scale)} ≥ ${roughly(threshold * scale.limit)}`;
}

// Most weights are small: the slider gives them the larger part of its way.
const toSlider = (threshold: number): number => threshold ** (1 / 3);
const fromSlider = (place: number): number => Number((place ** 3).toPrecision(3));

export const controls: Panel = { place: "bottom", css, Component: Controls };
