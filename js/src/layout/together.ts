// Many heads as one: a number a pair, and the head that it is largest in. Pure.

import { addsUp, type Scale } from "./scale";
import { FORBIDDEN, isForbidden, type Tile } from "./tile";

/** How the numbers of many heads become one. */
export const TOGETHER = ["mean", "maximum"] as const;
export type Together = (typeof TOGETHER)[number];

/**
 * Take the tiles of many heads together, each with those of the others at its place.
 *
 * A pair that a head's mask forbids is 0 in a mean, and does not enter a mean of scores. The maximum is the one farthest
 * from 0. What no head allows stays forbidden; with NaN there is no number.
 */
export function takeTogether(tiles: Tile[][], how: Together, scale: Pick<Scale, "domain">): Tile[] {
  const [first = []] = tiles;
  return first.map((one, nth) => {
    const { length } = one.values;
    const values = new Float32Array(length).fill(FORBIDDEN);
    const strongest = new Uint16Array(length);
    const allowed = new Uint16Array(length);
    const largest = new Float32Array(length);
    const total = new Float64Array(length);
    tiles.forEach((ofHead, head) => {
      const own = ofHead[nth]?.values;
      for (let at = 0; own && at < length; at++) {
        const value = own[at] as number;
        if (isForbidden(value)) continue;
        total[at]! += value;
        const isLargest = allowed[at] === 0 || Math.abs(value) > Math.abs(largest[at]!);
        allowed[at]! += 1;
        if (!isLargest && !Number.isNaN(value)) continue;
        largest[at] = value;
        strongest[at] = head;
      }
    });
    for (let at = 0; at < length; at++) {
      if (allowed[at] === 0) continue;
      values[at] =
        how === "mean" || Number.isNaN(total[at])
          ? total[at]! / (addsUp(scale) ? tiles.length : allowed[at]!)
          : largest[at]!;
    }
    return { ...one, values, strongest };
  });
}
