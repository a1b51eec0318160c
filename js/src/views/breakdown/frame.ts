// What every row of the table shares.

import type { BreakdownStore, Shown, Spot } from "../../breakdown";
import type { Theme } from "../../host";
import type { Limit, Steps } from "../../layout/steps";
import type { Column, ColumnName } from "../../layout/table";
import type { State } from "../../state";

/** What a row needs to draw itself. */
export interface Frame {
  shown: Shown;
  steps: Steps;
  columns: Column[];
  width: number;
  row: number;
  limits: Limits;
  theme: Theme;
}

export interface Limits {
  q: number;
  k: number;
  products: number;
  v: number;
  weighted: number;
  weight: number;
}

export type Ends = Record<"q" | "k" | "products" | "v" | "weighted", Limit>;

/** How many numbers a strip has. */
export const sizeOf = (name: ColumnName, { dK, dV }: { dK: number; dV: number }): number =>
  name === "k" || name === "products" ? dK : dV;

/** Point at a spot; to point at the same again is no change. */
export function move(store: BreakdownStore, to: Spot | null): void {
  const at = store.spot.peek();
  const same = at?.row === to?.row && at?.column === to?.column && at?.dimension === to?.dimension;
  if (!same) store.spot.value = to;
}

export function pin(state: State, position: number): void {
  const before = state.traits.keys.value;
  const rest = before.filter((one) => one !== position);
  state.set({ keys: rest.length < before.length ? rest : [...before, position] });
}
