// Where numbers come from: what the state brought along, what was sent ahead, or a live kernel. Views cannot tell which.

import { effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import { mergeWords } from "../layout/merge";
import type { PairNumbers } from "../layout/ranking";
import { WEIGHTS } from "../layout/scale";
import type { Span, Tile } from "../layout/tile";
import { tokensOf } from "../layout/units";
import type { State } from "../state/state";
import type { Client } from "../wire/client";
import { UNWANTED } from "../wire/client";
import { decodeArray } from "../wire/decode";
import type { Ahead, Head, Snapshot } from "../wire/schema";
import { type AheadWeights, openAhead, unpack } from "./ahead";
import { createKept } from "./kept";

export interface Source {
  /** The tile of the measure on screen at once if it is here, else a promise of it. */
  tile(head: Head, queries: Span, keys: Span, abort: AbortSignal): Tile | Promise<Tile>;
  /** A pair's number in every head if that is here, to 16 bits; no positions stand for an open side. */
  near(pair: { measure: string; words: boolean; queries: number[]; keys: number[] }): PairNumbers | null;
  /** Changes when a tile that was good to 16 bits is here in full. */
  refined: ReadonlySignal<number>;
  /** Ask for what else there is to see of a run, as far as it has not come yet. */
  askRest(run: number): void;
}

const CACHE_BYTES = 64 << 20;
const SAVED_AHEAD = 64 << 10; // bytes of what was sent ahead that a saved notebook carries

export function createSource(state: State, client: Client): Source {
  const cache = createKept<Tile>(CACHE_BYTES, ({ values }) => values.byteLength);
  const asked = new Map<string, { tile: Promise<Tile>; waiting: Set<AbortSignal>; cancel: AbortController }>();
  const refined = signal(0);
  const refining = new WeakSet<Promise<Tile>>(); // for which somebody makes do with 16 bits
  let opened: { snapshot: Snapshot; tiles: Map<string, Tile> } | null = null;
  const taken = signal<{ payload: Ahead; weights: AheadWeights } | null>(null);

  function saved(name: string): Tile | undefined {
    const snapshot = state.kernel.snapshot.value;
    if (!snapshot?.data) return undefined;
    if (opened?.snapshot !== snapshot) opened = { snapshot, tiles: openSnapshot(snapshot) };
    return opened.tiles.get(name);
  }

  // What was sent ahead is kept here, and only little of it in the state, which a notebook saves.
  effect(() => {
    const payload = state.kernel.ahead.value;
    if (!payload) return;
    taken.value = { payload, weights: openAhead(payload) };
    if (payload.data.byteLength > SAVED_AHEAD) queueMicrotask(() => state.drop("ahead"));
  });

  function ahead(): AheadWeights | null {
    const outline = state.kernel.outline.value;
    const { payload, weights } = taken.value ?? {};
    return weights && payload?.run === outline?.run && payload?.attention === outline?.attention ? weights : null;
  }

  const sent = (head: Head, queries: Span, keys: Span) => ahead()?.tile(head, queries, keys) ?? undefined;

  /** A head's words, of its tokens that came along. */
  function merged(head: Head): Tile | undefined {
    const outline = state.kernel.outline.value;
    const units = state.units.value;
    if (!outline || !units) return undefined;
    const queries = [0, tokensOf(outline.queries).tokens.length] as const;
    const keys = outline.keys ? ([0, tokensOf(outline.keys).tokens.length] as const) : queries;
    const name = tileName(outline.run, WEIGHTS.name, false, head, queries, keys);
    const tokens = saved(name) ?? cache.get(name) ?? sent(head, queries, keys);
    return tokens && mergeWords(tokens, units);
  }

  /** One question for all that wait for the same tile; cancelled when nobody does. */
  function ask(
    name: string,
    [head, queries, keys]: readonly [Head, Span, Span],
    abort: AbortSignal,
    quiet: boolean,
  ): Promise<Tile> {
    const open = asked.get(name);
    if (open) {
      waitFor(name, abort);
      return open.tile;
    }
    const cancel = new AbortController();
    const { run = 0, attention = null, trace = "main" } = state.kernel.outline.value ?? {};
    const { measure, words } = state.traits;
    const about = { run, attention, trace, measure: measure.value, words: words.value };
    const params = { ...about, layer: head[0], head: head[1], queries: [...queries], keys: [...keys] };
    const tile = client
      .ask("tile", params as never, { abort: cancel.signal, quiet })
      .finally(() => asked.delete(name))
      .then(({ ok, buffers }) => {
        const data = buffers[0];
        if (!data) throw new Error("the kernel's answer came without its numbers");
        const { values } = decodeArray({ dtype: "float32", shape: ok.shape as number[], data });
        const tile: Tile = { head, queries, keys, values };
        cache.keep(name, tile);
        return tile;
      });
    asked.set(name, { tile, waiting: new Set(), cancel });
    waitFor(name, abort);
    return tile;
  }

  function waitFor(name: string, abort: AbortSignal): void {
    const open = asked.get(name);
    if (!open || open.waiting.has(abort)) return;
    open.waiting.add(abort);
    abort.addEventListener("abort", () => {
      open.waiting.delete(abort);
      if (open.waiting.size > 0 || asked.get(name) !== open) return;
      asked.delete(name);
      open.cancel.abort(UNWANTED);
    });
  }

  return {
    refined,
    near({ measure, words, queries, keys }) {
      const isOpen = queries.length === 0 || keys.length === 0;
      return measure === WEIGHTS.name && !(words && isOpen) ? (ahead()?.pair(queries, keys) ?? null) : null;
    },
    tile(head, queries, keys, abort) {
      const run = state.kernel.outline.value?.run ?? 0;
      const { words, measure } = state.traits;
      const name = tileName(run, measure.value, words.value, head, queries, keys);
      const there = saved(name);
      const isRounded = state.kernel.snapshot.value?.dtype === "uint16";
      const here = (isRounded ? undefined : there) ?? cache.get(name);
      if (here) return here;
      const near =
        there ?? (measure.value === WEIGHTS.name && (words.value ? merged(head) : sent(head, queries, keys)));
      const exact = ask(name, [head, queries, keys], abort, Boolean(near));
      if (!near) return exact;
      if (!refining.has(exact)) {
        refining.add(exact);
        const refine = () => {
          refined.value += 1;
        };
        exact.then(refine, () => {}); // without, it stays as it is
      }
      return near;
    },
    askRest(run) {
      const { pictures, categories, ahead } = state.kernel;
      const here = {
        pictures: pictures.peek(),
        categories: categories.peek(),
        ahead: ahead.peek() ?? taken.peek()?.payload,
      };
      const late = (["pictures", "categories", "ahead"] as const).filter((name) => here[name]?.run !== run);
      // The picture is usable without: the picker has no pictures then, heads have no kind.
      for (const name of late) {
        const needless = new AbortController();
        client.ask(name, {}, { abort: needless.signal, quiet: name === "ahead" }).catch(() => {});
        // A busy kernel sends it unasked, and answers late.
        effect(function () {
          if (state.kernel.outline.value?.run === run && state.kernel[name].value?.run !== run) return;
          this.dispose(); // it may be so at once, and nothing would end it later
          untracked(() => needless.abort(UNWANTED));
        });
      }
      client.check();
    },
  };
}

function tileName(run: number, measure: string, words: boolean, head: Head, queries: Span, keys: Span): string {
  return [run, measure, words, head, queries, keys].join("|");
}

function openSnapshot({ run, measure, words, heads, dtype, shape, data }: Snapshot): Map<string, Tile> {
  if (!data) return new Map();
  const values =
    dtype === "uint16"
      ? Float32Array.from(decodeArray({ dtype, shape, data }).values, unpack)
      : decodeArray({ dtype: "float32", shape, data }).values;
  const [, n = 0, m = 0] = shape;
  return new Map(
    heads.map((head, at) => [
      tileName(run, measure, words, head, [0, n], [0, m]),
      {
        head,
        queries: [0, n],
        keys: [0, m],
        values: values.subarray(at * n * m, (at + 1) * n * m),
      },
    ]),
  );
}
