// What the lab's model holds, as signals: the text and the choice, which both sides set, and the board, which follows.

import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { listen, type Model } from "../host";
import type { Cells } from "../layout/cells";
import type { Client } from "../wire/client";
import { decodeArray } from "../wire/decode";
import {
  type Envelope,
  LAB_CHOICE,
  type LabBoard,
  type LabChoice,
  type LabFlash,
  type LabPicture,
  type Status,
  TEXTS,
} from "../wire/schema";

/** A pair of tokens. */
export interface Pair {
  query: number;
  key: number;
}

/** A variant's picture, its numbers read out of their bytes. */
export interface Picture extends LabPicture {
  /** Row by row; null where it cannot be computed. */
  values: Float32Array | null;
  cells: Cells | null;
  /** Of each row, beside the matrix. */
  beside: Float32Array | null;
}

/** Flash attention as it ran, likewise. */
export interface Run extends Omit<LabFlash, "arrays"> {
  numbers: Record<string, Float32Array>;
  /** How many numbers of an output are shown. */
  shown: number;
}

export type Choice = { readonly [K in keyof LabChoice]: ReadonlySignal<LabChoice[K]> };

export interface Lab {
  readonly text: ReadonlySignal<string>;
  readonly choice: Choice;
  readonly status: ReadonlySignal<Status | null>;
  readonly board: ReadonlySignal<LabBoard | null>;
  readonly pictures: ReadonlySignal<Picture[]>;
  readonly flash: ReadonlySignal<Run | null>;
  /** Whether the board is of what is chosen. */
  readonly fresh: ReadonlySignal<boolean>;
  /** What is pointed at, and what is pinned: the same pair in all pictures. */
  readonly pointed: Signal<Pair | null>;
  readonly pinned: Signal<Pair | null>;
  /** The step of flash attention that is looked at. */
  readonly step: Signal<number>;
  set(patch: Partial<LabChoice>): void;
  setOption(variant: string, option: string, value: boolean | number | null): void;
}

const [TEXT] = TEXTS;
/** What is said, and changes no number. */
const WORDS: readonly string[] = ["depth"];

export function createLab(model: Model, client: Client, abort: AbortSignal): Lab {
  const text = signal("");
  const told = signal({} as LabChoice); // by the kernel
  const wanted = signal<Partial<LabChoice>>({}); // here, and on its way
  const board = signal<LabBoard | null>(null);
  const status = signal<Status | null>(null);
  const readAll = () =>
    batch(() => {
      text.value = model.get(TEXT) as string;
      told.value = Object.fromEntries(LAB_CHOICE.map((name) => [name, model.get(name)])) as unknown as LabChoice;
      board.value = filled(model.get("_board"));
      status.value = filled(model.get("_status"));
    });
  readAll();
  for (const name of [TEXT, ...LAB_CHOICE, "_board", "_status"]) listen(model, `change:${name}`, readAll, abort);
  for (const name of ["_board", "_status"]) listen(model, `change:${name}`, client.hear, abort); // only the kernel's

  const choice = Object.fromEntries(
    LAB_CHOICE.map((name) => [name, computed(() => ({ ...told.value, ...wanted.value })[name])]),
  ) as unknown as Choice;
  const fresh = computed(() => {
    const of = board.value?.choice;
    if (!of || board.value?.text !== text.value) return false;
    return LAB_CHOICE.filter((name) => !WORDS.includes(name)).every(
      (name) => JSON.stringify(of[name]) === JSON.stringify(choice[name].value),
    );
  });
  const pictures = computed(() => (board.value?.pictures ?? []).map(opened));
  const flash = computed(() => (board.value?.flash ? ran(board.value.flash) : null));
  const [pointed, pinned] = [signal<Pair | null>(null), signal<Pair | null>(null)];
  const step = signal(0);

  const stops = [
    effect(() => {
      const n = board.value?.tokens.length ?? 0;
      for (const one of [pointed, pinned]) {
        const at = one.peek();
        if (at && Math.max(at.query, at.key) >= n) one.value = null;
      }
    }),
    effect(() => {
      step.value = Math.min(step.peek(), Math.max(0, (flash.value?.steps.length ?? 1) - 1));
    }),
  ];
  abort.addEventListener("abort", () => {
    for (const stop of stops) stop();
  });

  // One question at a time: a slider moves faster than a kernel computes, and what lies between is nobody's wish.
  let next: Partial<LabChoice> | null = null;
  let asking = false;
  async function ask(): Promise<void> {
    asking = true;
    while (next) {
      const now = next;
      next = null;
      try {
        await client.ask("chooseInLab", { choice: now });
      } catch {
        next = null; // the status says why, and all stays as it was
      }
    }
    asking = false;
    wanted.value = {};
  }

  function set(patch: Partial<LabChoice>): void {
    wanted.value = { ...wanted.peek(), ...patch };
    next = { ...next, ...patch };
    if (!asking) void ask();
  }

  return {
    ...{ text, choice, status, board, pictures, flash, fresh, pointed, pinned, step, set },
    setOption(variant, option, value) {
      const all = choice.options.peek();
      set({ options: { ...all, [variant]: { ...all[variant], [option]: value } } });
    },
  };
}

/** An empty object stands for nothing. */
function filled<T>(value: unknown): T | null {
  return typeof value === "object" && Object.keys(value ?? {}).length > 0 ? (value as T) : null;
}

const floats = (envelope: Envelope): Float32Array => decodeArray(envelope as Envelope & { dtype: "float32" }).values;

function opened(picture: LabPicture): Picture {
  const values = picture.weights && floats(picture.weights);
  const [rows = 0, columns = 0] = picture.weights?.shape ?? [];
  const cells = values && {
    ...{ level: 0, row: 0, column: 0, rows, columns, largest: values, mass: values, step: 1, seconds: 0 },
  };
  return { ...picture, values, cells, beside: picture.strip && floats(picture.strip.values) };
}

function ran({ arrays, ...run }: LabFlash): Run {
  const numbers = Object.fromEntries(Object.entries(arrays).map(([name, one]) => [name, floats(one)]));
  return { ...run, numbers, shown: arrays.output?.shape[1] ?? 0 };
}
