// What the colours mean, on which scale, and how the numbers were found.

import { scaleGradient } from "../../draw/strips";
import { meaningOf, signedFigure } from "../../layout/effects";
import { figure } from "../../layout/numbers";
import type { Context } from "../../parts/context";
import type { EffectStore } from "./store";

export function Legend({ context: { theme, state }, store }: { context: Context; store: EffectStore }) {
  const [effects, grid] = [store.effects.value, store.grid.value];
  if (!effects?.asked || !grid || grid.limit === 0) return null;
  const { negative, positive } = meaningOf(effects.kind, effects.asked);
  const off = state.traits.off.value.length > 0;
  return (
    <div class="effect-legend" data-limit={grid.limit}>
      <p class="effect-scale">
        {negative && <span class="effect-below">{negative}</span>}
        <span>{negative ? `−${figure(grid.limit)}` : 0}</span>
        <span
          class={negative ? "effect-ramp" : "effect-ramp half"}
          style={{ background: scaleGradient(theme.value) }}
          aria-hidden="true"
        />
        <span>
          {signedFigure(grid.limit)} {effects.unit}
        </span>
        <span class="effect-above">{positive}</span>
      </p>
      <p class="hint">
        {effects.protocol}
        {off && " The grid is of the model as it is; what is crossed out is off in all else."}
      </p>
    </div>
  );
}
