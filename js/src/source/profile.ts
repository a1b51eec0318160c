// Between what is in focus and everything on the other side: from the tiles of a short text, or from a live kernel.

import { effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Combine, type Focus, numberOf, shadedSide } from "../layout/focus";
import { leaveOut } from "../layout/leave-out";
import { STRANDS } from "../layout/strands";
import { isForbidden } from "../layout/tile";
import type { Side, Sides } from "../layout/units";
import type { State } from "../state/state";
import type { Client } from "../wire/client";
import { decodeArray } from "../wire/decode";
import type { Head, Outline } from "../wire/schema";
import { createKept } from "./kept";
import type { Scene } from "./scene";

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

const KEPT = 8 << 20; // bytes

const LONGEST = 4096; // queries, all of whose rows may be computed in every head

/** Whether what is pinned can be compared with everything in all heads: else every row of every head would be needed. */
export const isCheap = (pins: Focus | null, { query }: Sides): boolean =>
  pins?.queries !== null || query.labels.length <= LONGEST;

/** Names the profile of a focus: the same name, the same numbers. Null where nothing is in focus. */
export function profileName(scene: Scene | null, focus: Focus | null, combine: Combine): string | null {
  if (!scene || !focus) return null;
  const side = shadedSide(focus);
  const of = side === "key" ? focus.queries : focus.keys;
  if (!of?.length) return null;
  const { self, first } = scene.leftOut ?? {};
  return [scene.name, side, of, combine, scene.together, self, first].join("|");
}

/**
 * Follow the focus until the signal aborts; null where nothing is in focus. What is asked for stays away until it is
 * here: the last one stands meanwhile, and its name tells it.
 */
export function createProfile(
  state: State,
  client: Client,
  scene: ReadonlySignal<Scene | null>,
  focus: ReadonlySignal<Focus | null>,
  problem: Signal<string>,
  abort: AbortSignal,
): ReadonlySignal<Profile | null> {
  const profile = signal<Profile | null>(null);
  const kept = createKept<Float32Array[]>(KEPT, (rows) => rows.reduce((sum, row) => sum + row.byteLength, 0));
  let newest = new AbortController();
  const stop = effect(() => {
    newest.abort();
    const now = scene.value;
    const at = focus.value;
    const side = at && shadedSide(at);
    const of = (side === "key" ? at?.queries : at?.keys) ?? [];
    const { combine, measure } = state.traits;
    const together = now && (now.together ?? (now.heads.length > STRANDS ? "mean" : null));
    const name = profileName(now, at, combine.value);
    if (!now || !side || name === null) {
      profile.value = null;
      return;
    }
    const show = (rows: Float32Array[]) => {
      const mean = (some: Float32Array[]) =>
        some.length > 1 ? meanOf(some, now.scale.domain === "real") : (some[0] as Float32Array);
      const given = together === "maximum" ? rows.slice(0, 1) : rows; // it comes with a row that says whose each is
      const strongest = given === rows ? null : (rows[1] ?? null);
      const byHead = leavesOut(now, side, of) ? given.map((row) => without(now, of[0] as number, row)) : given;
      const about = { name, outline: now.outline, measure: now.scale.name, heads: now.heads, side, of };
      profile.value = { ...about, byHead, values: mean(byHead), given: mean(given), strongest };
    };
    if (now.isWhole) {
      show(now.drawn.map((tiles) => here(now, [tiles], side, of, combine.value)));
      return;
    }
    const before = kept.get(name);
    if (before) {
      show(before);
      return;
    }
    const mine = new AbortController();
    newest = mine;
    const tokens = of.flatMap((unit) => now.units[side === "key" ? "query" : "key"].tokens(unit));
    const { run, trace, attention } = now.outline;
    const ask = {
      heads: now.heads,
      together,
      queries: side === "key" ? tokens : [],
      keys: side === "key" ? [] : tokens,
      combine: combine.value,
      words: state.traits.words.value,
      measure: measure.value,
      ...{ run, trace, attention },
    };
    client.ask("profile", ask, { abort: mine.signal }).then(
      ({ ok, buffers }) => {
        const [rows = 0, units = 0] = ok.shape as number[];
        if (!buffers[0]) return;
        const { values } = decodeArray({ dtype: "float32", shape: [rows, units], data: buffers[0] });
        const byHead = Array.from({ length: rows }, (_, row) => values.subarray(row * units, (row + 1) * units));
        kept.keep(name, byHead);
        if (!mine.signal.aborted) show(byHead);
      },
      (error: Error) => {
        if (mine.signal.aborted) return;
        profile.value = null;
        problem.value = error.message;
      },
    );
  });
  abort.addEventListener("abort", () => {
    stop();
    newest.abort();
  });
  return profile;
}

/** Whether what the reader leaves out can be left out here: of one query's whole rows, each head by itself. */
export const leavesOut = ({ isWhole, leftOut, together }: Scene, side: Side, of: readonly number[]): boolean =>
  !isWhole && leftOut !== null && !together && side === "key" && of.length === 1;

function without({ leftOut, units }: Scene, query: number, values: Float32Array): Float32Array {
  const keys = units.key.labels.length;
  const tile = { head: [0, 0] as Head, queries: [query, query + 1] as const, keys: [0, keys] as const, values };
  return leftOut ? (leaveOut([tile], leftOut, keys)[0]?.values ?? values) : values;
}

function here(
  { units, scale }: Scene,
  tiles: Scene["drawn"],
  side: Side,
  of: readonly number[],
  combine: Combine,
): Float32Array {
  return Float32Array.from(units[side].labels, (_, unit) =>
    side === "key" ? numberOf(tiles, of, [unit], scale, combine) : numberOf(tiles, [unit], of, scale, combine),
  );
}

/** Over the heads: a forbidden pair is 0, and of numbers with either sign none at all. */
function meanOf(byHead: Float32Array[], isSigned: boolean): Float32Array {
  return (byHead[0] as Float32Array).map((_, unit) => {
    const numbers = byHead.map((row) => row[unit] as number).filter((value) => !isForbidden(value));
    if (numbers.length === 0) return Number.NEGATIVE_INFINITY;
    return numbers.reduce((sum, value) => sum + value, 0) / (isSigned ? numbers.length : byHead.length);
  });
}
