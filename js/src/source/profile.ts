// Between what is in focus and everything on the other side: from the tiles of a short text, or from a live kernel.

import { effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Focus, shadedSide } from "../layout/focus";
import { type Profile, profileName, profileOf, rowsOf, togetherIn } from "../layout/profile";
import type { Sides } from "../layout/units";
import type { State } from "../state/state";
import type { Client } from "../wire/client";
import { UNWANTED } from "../wire/client";
import { decodeArray } from "../wire/decode";
import { createKept } from "./kept";
import type { Scene } from "./scene";

export { leavesOut, profileName } from "../layout/profile";
export type { Profile };

const KEPT = 8 << 20; // bytes

const LONGEST = 4096; // queries, all of whose rows may be computed in every head

/** Whether what is pinned can be compared with everything in all heads: else every row of every head would be needed. */
export const isCheap = (pins: Focus | null, { query }: Sides): boolean =>
  pins?.queries !== null || query.labels.length <= LONGEST;

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
    newest.abort(UNWANTED);
    const now = scene.value;
    const at = focus.value;
    const side = at && shadedSide(at);
    const of = (side === "key" ? at?.queries : at?.keys) ?? [];
    const { combine, measure } = state.traits;
    const together = now && togetherIn(now);
    const name = profileName(now, at, combine.value);
    if (!now || !side || name === null) {
      profile.value = null;
      return;
    }
    const show = (rows: Float32Array[]) => {
      profile.value = profileOf(now, name, side, of, rows);
    };
    if (now.isWhole) {
      show(rowsOf(now, side, of, combine.value));
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
    newest.abort(UNWANTED);
  });
  return profile;
}
