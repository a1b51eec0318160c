// What stands on screen, as one whole: labels, heads and weights of one run. It is replaced only when everything
// for the next one is here, so that no label ever stands beside another text's lines.

import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Given, giveScene, look, type Scene } from "../layout/scene";
import { WHOLE } from "../layout/stage";
import type { Tile } from "../layout/tile";
import type { Looks } from "../state/looks";
import type { State } from "../state/state";
import { UNWANTED } from "../wire/client";
import type { Source } from "./source";

export type { Scene };

/** The name of the scene that the state calls for now; null before the first run. */
export function wantedName(state: State): string | null {
  const outline = state.kernel.outline.value;
  const { attention, measure, words, heads } = state.traits;
  return outline && [outline.run, attention.value, measure.value, words.value, ...heads.value].join("|");
}

/**
 * Follow the state until the signal aborts.
 *
 * @param wanted whether the view on screen draws tiles; else none are fetched
 */
export function createScene(
  state: State,
  source: Source,
  looks: Looks,
  wanted: ReadonlySignal<boolean>,
  problem: Signal<string>,
  abort: AbortSignal,
): ReadonlySignal<Scene | null> {
  const scene = signal<Given | null>(null);
  let newest = new AbortController();
  const stop = effect(() => {
    if (!wanted.value) return;
    const name = wantedName(state);
    const outline = state.kernel.outline.value;
    const units = state.units.value;
    // After a change of attention the tokens of the other one are on their way.
    if (!name || !outline || !units || outline.attention !== state.traits.attention.value) return;
    const heads = state.traits.heads.value;
    state.kernel.snapshot.value; // new numbers may have come with it
    source.refined.value;
    const measure = outline.measures.find((one) => one.name === state.traits.measure.value) ?? null;
    const [n, m] = [units.query.labels.length, units.key.labels.length];
    const isWhole = Math.max(n, m) <= WHOLE;
    const mine = new AbortController();
    const show = (given: Tile[][]) => {
      if (mine.signal.aborted) return;
      scene.value = giveScene({ name, outline, units, heads, isWhole, given }, measure);
    };
    const tiles = heads.map((head) => (isWhole ? [source.tile(head, [0, n], [0, m], mine.signal)] : []));
    newest.abort(UNWANTED); // only now: what is wanted still is not asked for again
    newest = mine;
    if (tiles.flat().every((tile) => !(tile instanceof Promise))) {
      show(tiles as Tile[][]);
    } else {
      Promise.all(tiles.map((ofHead) => Promise.all(ofHead))).then(show, (error: Error) => {
        if (!mine.signal.aborted) problem.value = error.message;
      });
    }
  });
  abort.addEventListener("abort", () => {
    stop();
    newest.abort(UNWANTED);
  });
  return computed(() => scene.value && look(scene.value, looks.leftOut.value, looks.together.value));
}
