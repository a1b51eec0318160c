// The mask that the reader puts in the place of the model's own: what is painted and not sent yet, and the way back.

import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Cell, type Cells, fromRows, type Mask, toRows } from "../layout/masks";
import type { Client } from "../wire/client";
import { UNWANTED } from "../wire/client";
import { decodeArray } from "../wire/decode";
import type { MaskReply } from "../wire/schema";
import type { State } from "./state";

/** What the kernel says of a mask. */
export type Told = Pick<MaskReply, "exact" | "sentence" | "causal" | "presets" | "missing">;

export interface Masks {
  open: Signal<boolean>;
  /** The one that is chosen, sent or not; null is the model's own. */
  chosen: ReadonlySignal<Mask>;
  /** Null until the kernel has said it. */
  told: ReadonlySignal<Told | null>;
  cells: ReadonlySignal<Cells | null>;
  /** Why there are none; empty where there are, or will be. */
  problem: ReadonlySignal<string>;
  /** Whether something is not sent yet. */
  waits: ReadonlySignal<boolean>;
  canUndo: ReadonlySignal<boolean>;
  canRedo: ReadonlySignal<boolean>;
  /** Put on another one; null is the model's own. */
  put(mask: Mask): void;
  /** What follows is one step, until the next time. */
  begin(): void;
  /** Let a pair attend, or hide it. */
  paint(cells: readonly Cell[], attends: boolean): void;
  undo(): void;
  redo(): void;
  /** One step back out of it: to the model's own mask, then out of the editor. */
  leave(): void;
}

const SOON = 250; // ms without another change until one is sent

export function createMasks(state: State, client: Client, abort: AbortSignal): Masks {
  const { outline } = state.kernel;
  const { mask, heads } = state.traits;
  const open = signal(false);
  const told = signal<Told | null>(null);
  const drawn = signal<{ name: string; cells: Cells } | null>(null);
  const problem = signal("");
  const next = signal<{ mask: Mask } | null>(null); // not sent yet
  const painted = signal<Uint8Array | null>(null); // and not drawn by the kernel yet
  const past = signal<Mask[]>([]);
  const future = signal<Mask[]>([]);
  let timer: ReturnType<typeof setTimeout> | undefined;

  const chosen = computed((): Mask => (next.value ?? { mask: mask.value ?? null }).mask);
  const cells = computed((): Cells | null => {
    const known = drawn.value?.cells ?? null;
    return known && painted.value ? { ...known, now: painted.value } : known;
  });

  function send(): void {
    clearTimeout(timer);
    const wanted = next.peek();
    if (!wanted) return;
    batch(() => {
      next.value = null;
      state.set({ mask: wanted.mask });
    });
  }

  function want(wanted: Mask): void {
    clearTimeout(timer);
    timer = setTimeout(send, SOON);
    batch(() => {
      next.value = { mask: wanted };
      const shape = drawn.peek()?.cells;
      painted.value = shape && Array.isArray(wanted) ? fromRows(shape, wanted) : null;
    });
  }

  function begin(): void {
    batch(() => {
      past.value = [...past.peek(), chosen.peek()];
      future.value = [];
    });
  }

  function step(from: Signal<Mask[]>, to: Signal<Mask[]>): void {
    const there = from.peek().at(-1);
    if (there === undefined) return;
    batch(() => {
      to.value = [...to.peek(), chosen.peek()];
      from.value = from.peek().slice(0, -1);
      want(there);
    });
  }

  function put(wanted: Mask): void {
    if (JSON.stringify(wanted) === JSON.stringify(chosen.peek())) return;
    begin();
    want(wanted);
    if (wanted === null) send(); // nobody tries several of it
  }

  const shape = computed(() => {
    const { attention = "", queries, keys } = outline.value ?? {};
    return `${attention}|${queries?.tokens}|${keys?.tokens}`;
  });
  const stops = [
    effect(() => {
      shape.value; // another text: what was painted was of the last one
      batch(() => {
        past.value = [];
        future.value = [];
        painted.value = next.value = drawn.value = null;
      });
      clearTimeout(timer);
    }),
    effect(() => {
      const shown = outline.value;
      const wanted = mask.value ?? null;
      const mode = state.traits.mask_mode.value;
      const [layer, head] = heads.value?.[0] ?? [0, 0];
      if (!open.value || !shown || shown.page !== null || shown.attention !== state.traits.attention.value) return;
      const name = JSON.stringify([shape.value, wanted, mode, layer, head]);
      if (drawn.peek()?.name === name) {
        if (!next.peek()) painted.value = null; // what was painted was refused
        return;
      }
      const mine = new AbortController();
      client
        .ask(
          "mask",
          { mask: wanted, mode, layer, head, attention: shown.attention, run: shown.run },
          { abort: mine.signal },
        )
        .then(({ ok, buffers: [data] }) => {
          if (!data) throw new Error("the kernel's answer came without its numbers");
          const [, rows = 0, columns = 0] = ok.shape as number[];
          const { values } = decodeArray({ dtype: "uint8", shape: ok.shape as number[], data });
          const both = Uint8Array.from(values);
          batch(() => {
            const [own, put] = [both.subarray(0, rows * columns), both.subarray(rows * columns)];
            drawn.value = { name, cells: { rows, columns, own, now: put } };
            told.value = ok as unknown as Told;
            problem.value = "";
            if (!next.peek()) painted.value = null;
          });
        })
        .catch((error: Error) => {
          if (!mine.signal.aborted) problem.value = error.message;
        });
      return () => mine.abort(UNWANTED);
    }),
  ];
  abort.addEventListener("abort", () => {
    clearTimeout(timer);
    for (const stop of stops) stop();
  });

  return {
    open,
    chosen,
    told,
    cells,
    problem,
    waits: computed(() => next.value !== null),
    canUndo: computed(() => past.value.length > 0),
    canRedo: computed(() => future.value.length > 0),
    put,
    begin,
    paint(those, attends) {
      const before = cells.peek();
      if (!before) return;
      const after = before.now.slice();
      for (const [row, column] of those) after[row * before.columns + column] = attends ? 255 : 0;
      want(toRows(before, after));
    },
    undo: () => step(past, future),
    redo: () => step(future, past),
    leave() {
      // A saved page shows the one that it was saved with.
      if (chosen.peek() === null || outline.peek()?.page !== null) {
        open.value = false;
        return;
      }
      put(null);
    },
  };
}
