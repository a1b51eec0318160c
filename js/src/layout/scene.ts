// What is shown of some heads, as one whole: labels, numbers and how they are taken. Pure.

import type { Head, MeasureInfo, Outline } from "../wire/schema";
import { apart } from "./heads";
import { canLeaveOut, type LeftOut, leaveOut } from "./leave-out";
import { addsUp, rankOf, type Scale, scaleOf, WEIGHTS } from "./scale";
import { STRANDS } from "./strands";
import { FORBIDDEN, isForbidden, type Tile } from "./tile";
import { type Together, takeTogether } from "./together";
import type { Sides } from "./units";

/** The numbers of a run, as the model has them. */
export interface Given {
  /** Names what is shown: run, measure, words, heads. */
  name: string;
  outline: Outline;
  units: Sides;
  /** Rows of the longer side. */
  count: number;
  heads: Head[];
  /** Whether all pairs are here: of a short text. */
  isWhole: boolean;
  /** For each head its tiles: all pairs of a short text; none of a long one. */
  given: Tile[][];
  /** What their numbers are, and how strongly they are drawn. */
  scale: Scale;
  /** Whether the mask forbids any of these pairs. */
  masked: boolean;
}

export interface Scene extends Given {
  /** What the reader leaves out of every row; null where that is nothing, or cannot be. */
  leftOut: LeftOut | null;
  /** What is given, without that. */
  tiles: Tile[][];
  /** How many heads are one; null for few, which stand side by side. */
  together: Together | null;
  /** What is drawn: each head's tiles, or those of all heads together. */
  drawn: Tile[][];
}

export function giveScene(
  { heads: all, given: everyone, ...about }: Omit<Given, "count" | "scale" | "masked">,
  measure: MeasureInfo | null | undefined,
): Given {
  const { units, isWhole } = about;
  const own = apart(measure ?? WEIGHTS, all); // of numbers that a layer's heads share each is drawn once
  const [heads, given] = [own.map((at) => all[at] as Head), own.map((at) => everyone[at] ?? [])];
  const masked = given.flat().some(({ values }) => values.includes(FORBIDDEN));
  const scale = { ...(measure ? scaleOf(measure, given) : WEIGHTS), isFine: !isWhole };
  return { ...about, heads, given, count: Math.max(units.query.labels.length, units.key.labels.length), scale, masked };
}

/** Take the numbers as the reader wants them. */
export function look(given: Given, { self, first }: LeftOut, how: Together): Scene {
  const { heads, units, scale } = given;
  const leftOut = canLeaveOut(scale) && (self || first) ? { self: self && units.query === units.key, first } : null;
  const tiles = leftOut ? given.given.map((ofHead) => leaveOut(ofHead, leftOut, units.key.labels.length)) : given.given;
  const together = heads.length > STRANDS ? how : null;
  const drawn = together ? [takeTogether(tiles, together, scale)] : tiles;
  return { ...given, leftOut, tiles, together, drawn };
}

/** A pair, and the head among those shown whose number it has. */
export interface Pair {
  head: number;
  query: number;
  key: number;
  value: number;
}

/** The strongest, without a token's link to itself, and without rows that see one key only: their weight is 1 by necessity. */
export function pairsOf({ tiles, units, scale }: Scene, count: number): Pair[] {
  const least = addsUp(scale) ? 0 : Number.NEGATIVE_INFINITY;
  const rank = (one: number) => rankOf(scale, one);
  const best: Pair[] = [];
  tiles.forEach(([tile], head) => {
    if (!tile) return;
    const { queries, keys, values } = tile;
    const width = keys[1] - keys[0];
    for (let row = 0; row < queries[1] - queries[0]; row++) {
      const ofRow = values.subarray(row * width, (row + 1) * width);
      if (ofRow.reduce((allowed, value) => allowed + (isForbidden(value) ? 0 : 1), 0) < 2) continue;
      for (let at = 0; at < width; at++) {
        const value = ofRow[at] as number;
        const [query, key] = [queries[0] + row, keys[0] + at];
        if ((query === key && units.query === units.key) || isForbidden(value)) continue;
        const last = best[count - 1];
        if (!(rank(value) > (last ? rank(last.value) : least))) continue;
        best.push({ head, query, key, value });
        best.sort((a, b) => rank(b.value) - rank(a.value));
        best.length = Math.min(best.length, count);
      }
    }
  });
  return best;
}
