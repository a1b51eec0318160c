// What stands on screen, as one whole: labels, heads and weights of one run. It is replaced only when everything
// for the next one is here, so that no label ever stands beside another text's lines.

import { effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { WHOLE } from "../layout/stage";
import type { Span, Tile } from "../layout/tile";
import type { Sides } from "../layout/units";
import type { State } from "../state/state";
import { FORBIDDEN, type Head, type Outline } from "../wire/protocol";
import type { Source } from "./source";

export interface Scene {
  /** Names what is shown: run, words, heads. */
  name: string;
  outline: Outline;
  units: Sides;
  /** Rows of the longer side. */
  count: number;
  heads: Head[];
  /** For each head its tiles: all pairs of a short text; of a long one, those with an end in the visible rows. */
  tiles: Tile[][];
  /** Whether the mask forbids any of these pairs. */
  masked: boolean;
}

/** The name of the scene that the state calls for now; null before the first run. */
export function wantedName(state: State): string | null {
  const outline = state.kernel._outline.value;
  const { attention, words, heads } = state.traits;
  return outline && [outline.run, attention.value, words.value, ...heads.value].join("|");
}

/**
 * Follow the state and the visible rows until the signal aborts.
 *
 * @param wanted whether the view on screen draws tiles; else none are fetched
 */
export function createScene(
  state: State,
  source: Source,
  wanted: ReadonlySignal<boolean>,
  rows: ReadonlySignal<Span>,
  problem: Signal<string>,
  abort: AbortSignal,
): ReadonlySignal<Scene | null> {
  const scene = signal<Scene | null>(null);
  let newest = 0;
  const stop = effect(() => {
    if (!wanted.value) return;
    const name = wantedName(state);
    const outline = state.kernel._outline.value;
    const units = state.units.value;
    // After a change of attention the tokens of the other one are on their way.
    if (!name || !outline || !units || outline.attention !== state.traits.attention.value) return;
    const heads = state.traits.heads.value;
    state.kernel._snapshot.value; // new weights may have come with it
    const [n, m] = [units.query.labels.length, units.key.labels.length];
    const count = Math.max(n, m);
    const spans: [Span, Span][] =
      count <= WHOLE
        ? [
            [
              [0, n],
              [0, m],
            ],
          ]
        : [
            [clip(rows.value, n), [0, m]],
            [[0, n], clip(rows.value, m)],
          ];
    newest += 1;
    const mine = newest;
    const show = (tiles: Tile[][]) => {
      if (mine === newest) {
        const masked = tiles.flat().some(({ values }) => values.includes(FORBIDDEN));
        scene.value = { name, outline, units, count, heads, tiles, masked };
      }
    };
    const tiles = heads.map((head) => spans.map(([q, k]) => source.tile(head, q, k)));
    if (tiles.flat().every((tile) => !(tile instanceof Promise))) {
      show(tiles as Tile[][]);
    } else {
      Promise.all(tiles.map((ofHead) => Promise.all(ofHead))).then(show, (error: Error) => {
        if (mine === newest) problem.value = error.message;
      });
    }
  });
  abort.addEventListener("abort", stop);
  return scene;
}

function clip([start, stop]: Span, count: number): Span {
  return start < count ? [start, Math.min(stop, count)] : [0, Math.min(stop - start, count)];
}
