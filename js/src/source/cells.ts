// The matrix in cells: pooled here from a short text's numbers, asked of the kernel for a long one.

import { computed, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";
import { type Address, type Cells, poolCells } from "../layout/cells";
import { type Together, takeTogether } from "../layout/together";
import type { Looks } from "../state/looks";
import type { State } from "../state/state";
import { type Client, STOPPED, UNWANTED } from "../wire/client";
import { decodeArray } from "../wire/decode";
import { createKept } from "./kept";
import type { Scene } from "./scene";

/** How far the tiles that are wanted have come. */
export interface Progress {
  /** Of how many queries one was looked at, at most; 0 while a tile is not here at all. */
  step: number;
  /** What it would take to look at all of them, by what the sample took. */
  seconds: number;
  /** Whether that is being done. */
  refining: boolean;
}

export interface CellStore {
  /** A tile of the scene on screen, if it is here. */
  get(address: Address): Cells | null;
  /** Say what is in sight: what is not here is asked for, and what is out of sight no more. */
  want(addresses: Address[]): void;
  /** Changes when a tile comes. */
  changed: ReadonlySignal<number>;
  progress: ReadonlySignal<Progress>;
  /** How several heads are one; null of one head. */
  together: ReadonlySignal<Together | null>;
  /** Compute exactly however long it takes, or stop that. */
  insist(on: boolean): void;
}

const CACHE_BYTES = 64 << 20;
const BYTES_PER_CELL = 12; // two numbers, and a pixel of its picture
const AT_ONCE = 2;
const LONG = 10; // seconds from which on a sample has to be enough, unless the reader insists

export function createCells(
  { scene, looks, state, client }: { scene: ReadonlySignal<Scene | null>; looks: Looks; state: State; client: Client },
  problem: Signal<string>,
  abort: AbortSignal,
): CellStore {
  const cache = createKept<Cells>(CACHE_BYTES, ({ largest }) => BYTES_PER_CELL * largest.length);
  const asked = new Map<string, AbortController>();
  const failed = new Set<string>();
  const changed = signal(0);
  const wanted = signal<readonly Address[]>([]);
  const choice = signal<{ name: string; exact: boolean } | null>(null);
  let inSight = new Set<string>();

  const together = computed(() => ((scene.value?.heads.length ?? 0) > 1 ? looks.together.value : null));
  /** Names the matrix on screen. */
  const matrix = computed(() =>
    [scene.value?.name, together.value, scene.value?.isWhole && JSON.stringify(scene.value.leftOut)].join("|"),
  );
  const whole = computed(() => {
    const now = scene.value;
    if (!now?.isWhole) return null;
    const tiles = together.value ? takeTogether(now.tiles, together.value, now.scale) : now.tiles[0];
    return { given: now.given, tile: tiles?.[0], scale: now.scale, made: new Map<string, Cells>() };
  });
  const nameOf = ({ level, row, column }: Address) => [matrix.value, level, row, column].join("|");

  function get(address: Address): Cells | null {
    const here = whole.value;
    if (here) {
      if (!here.tile) return null;
      const name = nameOf(address);
      const cells = here.made.get(name) ?? poolCells(here.tile, address, here.scale);
      here.made.set(name, cells);
      return cells;
    }
    changed.value;
    return cache.get(nameOf(address)) ?? null;
  }

  const progress = computed((): Progress => {
    const tiles = wanted.value.map(get);
    if (tiles.some((one) => one === null)) return { step: 0, seconds: 0, refining: false };
    const rough = tiles.filter((one) => one !== null && one.step > 1) as Cells[];
    const seconds = rough.reduce((sum, { seconds, step }) => sum + seconds * step, 0);
    const chosen = choice.value?.name === matrix.value ? choice.value.exact : null;
    const refining = rough.length > 0 && (chosen ?? seconds <= LONG);
    return { step: Math.max(1, ...rough.map(({ step }) => step)), seconds, refining };
  });

  /** Ask for what is wanted most: a sample of what is not here, then exact numbers. */
  function pump(): void {
    const now = scene.peek();
    if (!now || now.isWhole || abort.aborted) return;
    untracked(() => {
      for (const sampled of [true, false]) {
        if (!sampled && !progress.value.refining) return;
        for (const address of wanted.value) {
          if (asked.size >= AT_ONCE) return;
          const name = nameOf(address);
          const here = cache.get(name);
          if (asked.has(name) || failed.has(name) || (sampled ? here : here?.step === 1)) continue;
          ask(now, address, name, sampled);
        }
      }
    });
  }

  function ask({ outline, heads }: Scene, address: Address, name: string, sampled: boolean): void {
    const cancel = new AbortController();
    asked.set(name, cancel);
    const { run, trace, attention } = outline;
    const { measure, words } = state.traits;
    const about = { measure: measure.value, words: words.value, run, trace, attention };
    const params = { ...about, ...address, heads, together: together.value, sampled };
    // Exact numbers may take long, and what is on screen is good without.
    const label = sampled ? "the matrix" : "exact numbers of the matrix";
    client.ask("cells", params, { abort: cancel.signal, quiet: !sampled, label }).then(
      ({ ok, buffers }) => {
        if (cancel.signal.aborted || !buffers[0]) return;
        asked.delete(name);
        const { shape, step, seconds } = ok as { shape: number[]; step: number; seconds: number };
        const [, rows = 0, columns = 0] = shape;
        const { values } = decodeArray({ dtype: "float32", shape, data: buffers[0] });
        const [largest, mass] = [values.subarray(0, rows * columns), values.subarray(rows * columns)];
        cache.keep(name, { ...address, rows, columns, largest, mass, step, seconds });
        changed.value += 1;
        pump();
      },
      (error: Error) => {
        if (cancel.signal.aborted) return;
        asked.delete(name);
        if (error.message === STOPPED) choice.value = { name: matrix.peek(), exact: false };
        else problem.value = error.message;
        if (sampled || error.message !== STOPPED) failed.add(name);
        pump();
      },
    );
  }

  function drop(keep: Set<string>): void {
    for (const [name, one] of asked) {
      if (keep.has(name)) continue;
      asked.delete(name);
      one.abort(UNWANTED);
    }
  }

  abort.addEventListener("abort", () => drop(new Set()));
  return {
    get,
    changed,
    progress,
    together,
    want(addresses) {
      untracked(() => {
        const names = new Set(addresses.map(nameOf));
        if ([...names].join() === [...inSight].join()) return;
        inSight = names;
        wanted.value = addresses;
        for (const name of failed) if (!names.has(name)) failed.delete(name);
        drop(names);
        pump();
      });
    },
    insist(exact) {
      choice.value = { name: matrix.peek(), exact };
      if (!exact) drop(new Set());
      pump();
    },
  };
}
