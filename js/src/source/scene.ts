// What stands on screen, as one whole: labels, heads and weights of one run. It is replaced only when everything
// for the next one is here, so that no label ever stands beside another text's lines.

import { effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Scale, scaleOf, WEIGHTS } from "../layout/scale";
import { WHOLE } from "../layout/stage";
import { FORBIDDEN, type Span, type Tile } from "../layout/tile";
import type { Sides } from "../layout/units";
import type { State } from "../state/state";
import type { Head, Outline } from "../wire/schema";
import type { Source } from "./source";

export interface Scene {
  /** Names what is shown: run, measure, words, heads. */
  name: string;
  outline: Outline;
  units: Sides;
  /** Rows of the longer side. */
  count: number;
  heads: Head[];
  /** For each head its tiles: all pairs of a short text; of a long one, those with an end in the visible rows. */
  tiles: Tile[][];
  /** What their numbers are, and how strongly they are drawn. */
  scale: Scale;
  /** Whether the mask forbids any of these pairs. */
  masked: boolean;
}

/** The name of the scene that the state calls for now; null before the first run. */
export function wantedName(state: State): string | null {
  const outline = state.kernel.outline.value;
  const { attention, measure, words, heads } = state.traits;
  return outline && [outline.run, attention.value, measure.value, words.value, ...heads.value].join("|");
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
    const mine = new AbortController();
    const show = (tiles: Tile[][]) => {
      if (mine.signal.aborted) return;
      const masked = tiles.flat().some(({ values }) => values.includes(FORBIDDEN));
      const scale = measure ? scaleOf(measure, tiles) : WEIGHTS;
      scene.value = { name, outline, units, count, heads, tiles, scale, masked };
    };
    const tiles = heads.map((head) => spans.map(([q, k]) => source.tile(head, q, k, mine.signal)));
    newest.abort(); // only now: what is wanted still is not asked for again
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
    newest.abort();
  });
  return scene;
}

function clip([start, stop]: Span, count: number): Span {
  return start < count ? [start, Math.min(stop, count)] : [0, Math.min(stop - start, count)];
}
