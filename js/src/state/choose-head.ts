// Choosing heads: the same rule in the picker and in the lists of the categories.

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
