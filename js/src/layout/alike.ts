// How far all heads are apart, two by two. Pure; as heads/distances.py.

import type { Head } from "../wire/schema";
import { type HeadCategories, OTHER, UNKNOWN } from "./categories";

/** Distances as shades of a picture, in an order of heads: the nearer the darker, 0 where there is no number. */
export function shadesOfDistances(values: Float32Array, order: number[]): Uint8Array {
  const count = order.length;
  const most = values.reduce((found, value) => (value > found ? value : found), 0) || 1;
  return Uint8Array.from({ length: count * count }, (_, at) => {
    const value = values[(order[Math.floor(at / count)] as number) * count + (order[at % count] as number)] as number;
    return Number.isNaN(value) ? 0 : 1 + Math.round(254 * (1 - value / most) ** 2);
  });
}

/** Of the heads that have a category: of how many the nearest is of the same, and how many that would be by chance. */
export function agreement(values: Float32Array, heads: Head[], { main }: Pick<HeadCategories, "main">) {
  const kinds = heads.map(main);
  const named = kinds.flatMap((kind, at) => {
    const row = values.subarray(at * heads.length, (at + 1) * heads.length);
    return kind !== OTHER && kind !== UNKNOWN && row.some((value, to) => to !== at && !Number.isNaN(value)) ? [at] : [];
  });
  let [same, pairs] = [0, 0];
  for (const one of named) {
    let nearest = -1;
    const far = (other: number) => values[one * heads.length + other] as number;
    for (const other of named) {
      if (other === one) continue;
      if (kinds[other] === kinds[one]) pairs += 1;
      if (nearest < 0 || far(other) < far(nearest)) nearest = other;
    }
    if (nearest >= 0 && kinds[nearest] === kinds[one]) same += 1;
  }
  return { same, of: named.length, chance: pairs / Math.max(1, named.length - 1) };
}
