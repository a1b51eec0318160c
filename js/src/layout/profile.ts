// Between what is in focus and everything on the other side: a number a unit. Pure.

import type { Head, Outline } from "../wire/schema";
import { type Combine, type Focus, numberOf, shadedSide } from "./focus";
import { leaveOut } from "./leave-out";
import { addsUp } from "./scale";
import type { Scene } from "./scene";
import { STRANDS } from "./strands";
import { isForbidden } from "./tile";
import type { Together } from "./together";
import type { Side } from "./units";

export interface Profile {
  /** As `profileName` has it. */
  name: string;
  outline: Outline;
  measure: string;
  heads: Head[];
  /** The side whose units have numbers. */
  side: Side;
  /** The units in focus on the other side, taken together. */
  of: readonly number[];
  /** A number a unit, of each head, or of many heads together: −∞ where the mask forbids it. */
  byHead: Float32Array[];
  /** Their mean over the heads. */
  values: Float32Array;
  /** Of the maximum over many heads: the number of the one that each is of; only from a live kernel. */
  strongest: Float32Array | null;
  /** The same with nothing left out, where that is known of a long text. */
  given: Float32Array;
}

/** Names the profile of a focus: the same name, the same numbers. Null where nothing is in focus. */
export function profileName(scene: Scene | null, focus: Focus | null, combine: Combine): string | null {
  if (!scene || !focus) return null;
  const side = shadedSide(focus);
  const of = side === "key" ? focus.queries : focus.keys;
  if (!of?.length) return null;
  const { self, first } = scene.leftOut ?? {};
  return [scene.name, side, of, combine, scene.together, self, first].join("|");
}

/** How the heads are one in a profile, where they are many. */
export const togetherIn = ({ together, heads }: Scene): Together | null =>
  together ?? (heads.length > STRANDS ? "mean" : null);

/** @param rows each head's numbers, or those of all together: of a maximum, a row behind says whose each is */
export function profileOf(
  scene: Scene,
  name: string,
  side: Side,
  of: readonly number[],
  rows: Float32Array[],
): Profile {
  const { outline, scale, heads } = scene;
  const mean = (some: Float32Array[]) => (some.length > 1 ? meanOf(some, addsUp(scale)) : (some[0] as Float32Array));
  const given = togetherIn(scene) === "maximum" ? rows.slice(0, 1) : rows;
  const strongest = given === rows ? null : (rows[1] ?? null);
  const byHead = leavesOut(scene, side, of) ? given.map((row) => without(scene, of[0] as number, row)) : given;
  const about = { name, outline, measure: scale.name, heads, side, of };
  return { ...about, byHead, values: mean(byHead), given: mean(given), strongest };
}

/** Whether what the reader leaves out can be left out here: of one query's whole rows, each head by itself. */
export const leavesOut = ({ isWhole, leftOut, together }: Scene, side: Side, of: readonly number[]): boolean =>
  !isWhole && leftOut !== null && !together && side === "key" && of.length === 1;

function without({ leftOut, units }: Scene, query: number, values: Float32Array): Float32Array {
  const keys = units.key.labels.length;
  const tile = { head: [0, 0] as Head, queries: [query, query + 1] as const, keys: [0, keys] as const, values };
  return leftOut ? (leaveOut([tile], leftOut, keys)[0]?.values ?? values) : values;
}

/** Of a short text: each head's numbers, or those of all together. */
export const rowsOf = ({ drawn, units, scale }: Scene, side: Side, of: readonly number[], combine: Combine) =>
  drawn.map((tiles) =>
    Float32Array.from(units[side].labels, (_, unit) =>
      side === "key" ? numberOf([tiles], of, [unit], scale, combine) : numberOf([tiles], [unit], of, scale, combine),
    ),
  );

/** Over the heads: a forbidden pair is 0, and of numbers without a sum none at all. */
function meanOf(byHead: Float32Array[], adds: boolean): Float32Array {
  return (byHead[0] as Float32Array).map((_, unit) => {
    const numbers = byHead.map((row) => row[unit] as number).filter((value) => !isForbidden(value));
    if (numbers.length === 0) return Number.NEGATIVE_INFINITY;
    return numbers.reduce((sum, value) => sum + value, 0) / (adds ? byHead.length : numbers.length);
  });
}
