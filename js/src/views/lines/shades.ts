// How strongly the tokens of one side are shaded, and the numbers beside them: those of the focus.

import { type Shade, shadedSide, shadesOf } from "../../layout/focus";
import { itemAt, type Scrolled } from "../../layout/fold";
import { type Scale, strengthOf } from "../../layout/scale";
import { isForbidden } from "../../layout/tile";
import type { Side } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { LinesStore } from "./store";

export interface Shades {
  side: Side;
  rows: Map<number, Shade>;
  /** What they are with nothing left out, where that tells what the mask hides. */
  masked: Map<number, Shade>;
}

export function shadesFor({ focus, profile, state }: Context, { sides, shown, scale }: LinesStore): Shades | null {
  const at = focus.value;
  const scene = shown.value?.scene;
  if (!at || !scene) return null;
  const side = shadedSide(at);
  const units = unitsIn(sides.at[side].value, sides.row.value, sides.height.value).filter(
    (unit) => unit < scene.units[side].labels.length,
  );
  const { drawn, leftOut, given } = scene;
  if (scene.isWhole) {
    const rows = shadesOf(drawn, at, units, scale.value, state.traits.combine.value);
    return { side, rows, masked: leftOut ? shadesOf(given, at, units, scale.value) : rows };
  }
  const of = (side === "key" ? at.queries : at.keys) ?? [];
  const now = profile.value;
  const isOfThis =
    now &&
    now.side === side &&
    now.heads === scene.heads &&
    now.measure === scene.scale.name &&
    `${now.of}` === `${of}`;
  if (!isOfThis) return null;
  const masked = shadesIn(now.given, units, scale.value);
  return { side, rows: shadesIn(now.values, units, scale.value), masked };
}

/** The units of the rows in sight, and of as many on either side. */
function unitsIn({ fold, top }: Scrolled, row: number, height: number): number[] {
  const first = Math.max(0, Math.floor((top - height) / row));
  const stop = Math.min(fold.rows, Math.ceil((top + 2 * height) / row));
  const items = Array.from({ length: Math.max(0, stop - first) }, (_, at) => itemAt(fold, first + at));
  return items.flatMap((item) => ("unit" in item ? [item.unit] : []));
}

function shadesIn(values: Float32Array, units: number[], scale: Scale): Map<number, Shade> {
  const shades = new Map<number, Shade>();
  for (const unit of units) {
    const number = values[unit] ?? Number.NaN;
    if (Number.isNaN(number)) continue;
    const allowed = !isForbidden(number);
    const value = allowed ? number : 0;
    shades.set(unit, { value, strength: Math.min(1, strengthOf(scale, value)), allowed });
  }
  return shades;
}
