// How strongly the tokens of one side are shaded, and the numbers beside them: those of the focus.

import { type Shade, shadedSide, shadesOf } from "../../layout/focus";
import { itemAt, type Scrolled } from "../../layout/fold";
import { leaveOut } from "../../layout/leave-out";
import { type Scale, strengthOf } from "../../layout/scale";
import { isForbidden, valueAt } from "../../layout/tile";
import type { Side } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Profile } from "../../source/profile";
import type { Scene } from "../../source/scene";
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
  const masked = shadesIn(now.values, units, scale.value);
  const left = leftOut && !scene.together && of.length === 1 && side === "key" ? without(now, scene) : now.values;
  return { side, rows: shadesIn(left, units, scale.value), masked };
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

/** One query's row of each head, without what is left out; their mean. */
function without({ byHead, of: [query = 0] }: Profile, { leftOut, heads, units }: Scene): Float32Array {
  const keys = units.key.labels.length;
  const rows = byHead.map((values, head) =>
    leaveOut(
      [{ head: heads[head] ?? [0, 0], queries: [query, query + 1], keys: [0, keys], values }],
      leftOut ?? { self: false, first: false },
      keys,
    ),
  );
  return Float32Array.from(units.key.labels, (_, key) => {
    const numbers = rows.map((tiles) => valueAt(tiles, query, key));
    if (numbers.every(isForbidden)) return Number.NEGATIVE_INFINITY;
    return numbers.reduce((sum, one) => sum + (isForbidden(one) ? 0 : one), 0) / numbers.length;
  });
}
