// A place in the text: its position, and a few words around it with its own in bold.

import { wordsAround } from "../layout/places";
import type { Units } from "../layout/units";

export function Around({ units, unit }: { units: Units; unit: number }) {
  const { before, key, after } = wordsAround(units.parts, unit, units.labels[unit] ?? "");
  return (
    <bdi class="around">
      <span>{before}</span>
      <b>{key}</b>
      <span>{after}</span>
    </bdi>
  );
}

/** The position of a unit's first token. */
export const positionOf = (units: Units, unit: number): string => (units.tokens(unit)[0] ?? unit).toLocaleString("en");
