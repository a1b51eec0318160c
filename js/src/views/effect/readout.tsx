// The head that is pointed at: its number, what that means, what a click does.

import { effectOf, meaningOf, placeOf, signedFigure } from "../../layout/effects";
import { headName } from "../../layout/heads";
import type { EffectStore } from "./store";

export function Readout({ store }: { store: EffectStore }) {
  const [head, effects, grid] = [store.pointed.value, store.effects.value, store.grid.value];
  const doing = store.canRun.value;
  if (!head || !effects?.asked || !grid)
    return (
      <span class="hint">
        every cell is a head: hover to read what it does{doing && ", click to switch it off · Escape undoes"}
      </span>
    );
  const value = effectOf(grid, head);
  const meaning = meaningOf(effects.kind, effects.asked);
  const said = value < 0 ? meaning.negative : value > 0 ? meaning.positive : "";
  const off = store.isOff(head);
  return (
    <>
      <span class="read-head">{headName(head)} </span>
      <b class="read-value">{Number.isNaN(value) ? "no number" : signedFigure(value)} </b>
      <span class="hint">
        {[
          Number.isNaN(value) ? "" : effects.unit,
          said,
          placeOf(grid, head),
          off && "off",
          doing && `click: ${off ? "on again" : "off"}`,
        ]
          .filter(Boolean)
          .join(" · ")}
      </span>
    </>
  );
}
