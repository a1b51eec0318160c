// What every row of the table shares.

import type { Theme } from "../../host";
import { type Limit, type Steps, strongestRow } from "../../layout/steps";
import type { ColumnName, TableColumn } from "../../layout/table";
import type { State } from "../../state/state";
import type { BreakdownStore, Shown, Spot } from "./store";

/** What each part of the view is about. */
export interface ViewProps {
  state: State;
  store: BreakdownStore;
  shown: Shown;
  steps: Steps;
  width: number;
  theme: Theme;
  /** The head's own colour. */
  pen: string;
}

/** What a row needs to draw itself. */
export interface TableContext {
  shown: Shown;
  steps: Steps;
  columns: TableColumn[];
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

/** The row that is explained below the table: the one pointed at, else the key pinned last, else the strongest. */
export function explainedRow(store: BreakdownStore, state: State, { payload, numbers }: Steps): number {
  const at = store.spot.value?.row;
  if (typeof at === "number" && at < payload.rows.length) return at;
  const pinned = payload.rows.indexOf(state.traits.keys.value.at(-1) ?? -1);
  return pinned >= 0 ? pinned : strongestRow(numbers);
}

/** Which column of the grid a name is, counted from one. */
export const columnIndex = (columns: TableColumn[], wanted: ColumnName): number =>
  columns.findIndex(({ name }) => name === wanted) + 1;

/** Arrow keys go along a list with one tab stop. */
export function rove(event: KeyboardEvent): void {
  const stops = [...(event.currentTarget as Element).querySelectorAll<HTMLElement>("button")];
  const at = stops.indexOf(event.target as HTMLElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: stops.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  stops[to]?.focus();
}

export function pin(state: State, position: number): void {
  const before = state.traits.keys.value;
  const rest = before.filter((one) => one !== position);
  state.set({ keys: rest.length < before.length ? rest : [...before, position] });
}
