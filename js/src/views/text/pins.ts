// What clicks and keys pin in a text.

import type { Side, Units } from "../../layout/units";
import type { State } from "../../state/state";

const traitOf = (side: Side) => (side === "query" ? "queries" : "keys");

/** Pin a unit alone, or add it; one that is pinned is let go. */
export function pinUnit(state: State, units: Units, side: Side, unit: number, add: boolean): void {
  const name = traitOf(side);
  const tokens = units.tokens(unit);
  const before = state.traits[name].value;
  const had = tokens.every((token) => before.includes(token));
  const rest = add ? before.filter((token) => !tokens.includes(token)) : [];
  const takesOut = had && (add || before.length === tokens.length);
  state.set({ [name]: takesOut ? rest : [...rest, ...tokens] });
}

/** Pin all units from one to another. */
export function pinSpan(state: State, units: Units, side: Side, from: number, to: number): void {
  const [first, last] = from < to ? [from, to] : [to, from];
  const span = Array.from({ length: last - first + 1 }, (_, at) => units.tokens(first + at));
  state.set({ [traitOf(side)]: span.flat() });
}
