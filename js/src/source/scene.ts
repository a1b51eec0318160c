// What stands on screen, as one whole: labels, heads and weights of one run. It is replaced only when everything
// for the next one is here, so that no label ever stands beside another text's lines.

import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { canLeaveOut, type LeftOut, leaveOut } from "../layout/leave-out";
import { type Scale, scaleOf, WEIGHTS } from "../layout/scale";
import { WHOLE } from "../layout/stage";
import { STRANDS } from "../layout/strands";
import { FORBIDDEN, type Tile } from "../layout/tile";
import { type Together, takeTogether } from "../layout/together";
import type { Sides } from "../layout/units";
import type { Looks } from "../state/looks";
import type { State } from "../state/state";
import type { Head, Outline } from "../wire/schema";
import type { Source } from "./source";

/** The numbers of a run, as the model has them. */
interface Given {
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
    const count = Math.max(n, m);
    const isWhole = count <= WHOLE;
    const mine = new AbortController();
    const show = (given: Tile[][]) => {
      if (mine.signal.aborted) return;
      const masked = given.flat().some(({ values }) => values.includes(FORBIDDEN));
      const scale = { ...(measure ? scaleOf(measure, given) : WEIGHTS), isFine: !isWhole };
      scene.value = { name, outline, units, count, heads, isWhole, given, scale, masked };
    };
    const tiles = heads.map((head) => (isWhole ? [source.tile(head, [0, n], [0, m], mine.signal)] : []));
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
  return computed(() => scene.value && look(scene.value, looks));
}

function look(given: Given, looks: Looks): Scene {
  const { heads, units, scale } = given;
  const { self, first } = looks.leftOut.value;
  const leftOut = canLeaveOut(scale) && (self || first) ? { self: self && units.query === units.key, first } : null;
  const tiles = leftOut ? given.given.map((ofHead) => leaveOut(ofHead, leftOut, units.key.labels.length)) : given.given;
  const together = heads.length > STRANDS ? looks.together.value : null;
  const drawn = together ? [takeTogether(tiles, together, scale)] : tiles;
  return { ...given, leftOut, tiles, together, drawn };
}
