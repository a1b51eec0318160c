// Choosing heads: the same rules in the picker and in the lists of the categories.

import { headName } from "../layout/heads";
import type { Head } from "../wire/schema";
import type { State } from "./state";

/** Show a head alone, or add it to those shown or take it away; the last one stays. */
export function chooseHead(state: State, head: Head, add: boolean): void {
  const before = state.traits.heads.value;
  if (!add) {
    state.set({ heads: [head], layer: head[0] });
    return;
  }
  const rest = before.filter((one) => headName(one) !== headName(head));
  const next = rest.length < before.length ? rest : [...before, head];
  if (next.length > 0) state.set({ heads: next, layer: (next.at(-1) as Head)[0] });
}

/** Show all heads of a layer; or add them to those shown, or take them away if all are, as far as others stay. */
export function chooseLayer(state: State, layer: number, count: number, add: boolean): void {
  const all = Array.from({ length: count }, (_, head): Head => [layer, head]);
  const before = state.traits.heads.value;
  const others = before.filter(([one]) => one !== layer);
  const had = before.length - others.length === count;
  if (add && had && others.length > 0) state.set({ heads: others, layer: (others.at(-1) as Head)[0] });
  else state.set({ heads: add ? [...others, ...all] : all, layer });
}
