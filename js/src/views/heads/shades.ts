// The heads' pictures: the small ones that came as a state at once, finer ones from a live kernel, those in sight first.

import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { type Shades, shadesOf } from "../../draw/pictures";
import { cellsFor, type Wall } from "../../layout/heads-wall";
import type { Context } from "../../parts/context";
import { UNWANTED } from "../../wire/client";
import { type Decoded, decodeArray } from "../../wire/decode";
import type { Head } from "../../wire/schema";

export const SMALL = 16; // cells a side of the pictures that come as a state
const LONG = 2048; // tokens: a layer of so many takes a moment, and is asked for by itself
const TOGETHER = 128 << 10; // bytes of a reply

interface Fine {
  name: string;
  layers: ReadonlyMap<number, Decoded<Uint8Array>>;
  sampled: number | null;
}

const NOTHING: Fine = { name: "", layers: new Map(), sampled: null };

export function createShades(
  { state, client, abort }: Context,
  isOn: ReadonlySignal<boolean>,
  wall: ReadonlySignal<Wall | null>,
) {
  const { outline, pictures } = state.kernel;
  const { measure } = state.traits;
  const fine = signal(NOTHING);

  const small = computed(() => {
    const [now, payload] = [outline.value, pictures.value];
    if (!now || payload?.run !== now.run || payload.measure !== measure.value) return null;
    return { payload, decoded: decodeArray({ ...payload, dtype: "uint8" }) };
  });
  /** Names what is worth asking for; a text, so that it is asked for once. */
  const wanted = computed((): string => {
    const now = small.value;
    const cell = wall.value?.cell ?? 0;
    if (!now || now.payload.problem || !isOn.value || cell === 0) return "";
    const cells = cellsFor(cell, globalThis.devicePixelRatio || 1);
    const [, , rows = 0, columns = 0] = now.payload.shape;
    if (Math.max(rows, columns) < SMALL) return ""; // all pairs of a short text are there
    return [now.payload.run, outline.value?.attention, measure.value, now.payload.limit, cells].join("|");
  });

  const stop = effect(() => {
    const name = wanted.value;
    if (!name) return;
    const mine = new AbortController();
    if (fine.peek().name !== name) fine.value = { ...NOTHING, name };
    void refine(name, mine.signal);
    return () => mine.abort(UNWANTED);
  });
  abort.addEventListener("abort", stop);

  async function refine(name: string, signal: AbortSignal): Promise<void> {
    const now = outline.peek();
    const limit = small.peek()?.payload.limit;
    if (!now || limit === undefined) return;
    const { run, trace, attention, heads } = now;
    const cells = Number(name.split("|").at(-1));
    const units = state.units.peek();
    const isLong = Math.max(units?.query.labels.length ?? 0, units?.key.labels.length ?? 0) > LONG;
    const together = isLong ? 1 : Math.max(1, Math.floor(TOGETHER / (heads * cells * cells)));
    while (!signal.aborted) {
      const missing = bySight(now.kept.filter((layer) => !fine.peek().layers.has(layer)));
      const layers = missing.slice(0, together);
      if (layers.length === 0) return;
      const ask = { layers, cells, limit, measure: measure.peek(), run, trace, attention };
      try {
        const { ok, buffers } = await client.ask("headPictures", ask, { abort: signal, quiet: true });
        const [, , rows = 0, columns = 0] = ok.shape as number[];
        const { values } = decodeArray({ dtype: "uint8", shape: ok.shape as number[], data: buffers[0] as DataView });
        if (signal.aborted) return;
        const size = heads * rows * columns;
        const found = layers.map((layer, at): [number, Decoded<Uint8Array>] => [
          layer,
          { shape: [1, heads, rows, columns], values: values.subarray(at * size, (at + 1) * size) },
        ]);
        const all = new Map([...fine.peek().layers, ...found]);
        fine.value = { name, layers: all, sampled: ok.sampled as number | null };
      } catch {
        return; // the small ones stay
      }
    }
  }

  /** Layers of the pictures in sight first. */
  function bySight(layers: number[]): number[] {
    const { top, bottom } = sight;
    const near = new Set(wall.peek()?.placed.flatMap(({ head, y }) => (y >= top && y <= bottom ? [head[0]] : [])));
    return [...layers.filter((layer) => near.has(layer)), ...layers.filter((layer) => !near.has(layer))];
  }
  const sight = { top: 0, bottom: Number.POSITIVE_INFINITY };

  const isFine = computed(() => fine.value.name === wanted.value && wanted.value !== "");
  return {
    /** Say which part of the wall is in sight, in px. */
    look(top: number, bottom: number): void {
      Object.assign(sight, { top, bottom });
    },
    shades([layer, head]: Head, side: number): Shades | null {
      const one = isFine.value && side > SMALL ? fine.value.layers.get(layer) : undefined; // no peak is blended away
      if (one) return shadesOf(one, 0, head);
      const { payload, decoded } = small.value ?? {};
      return payload && decoded && !payload.problem ? shadesOf(decoded, layer, head) : null;
    },
    refined: computed(() => (isFine.value ? fine.value.layers.size : 0)),
    sampled: computed(() => {
      const all = isFine.value && fine.value.layers.size === outline.value?.kept.length;
      return (all ? fine.value.sampled : small.value?.payload.sampled) ?? null;
    }),
    pictured: computed(() => {
      const { payload } = small.value ?? {};
      return payload ? { name: `${payload.run}|${payload.measure}`, problem: payload.problem } : null;
    }),
  };
}
