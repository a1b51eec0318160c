// What the effect view holds in one mounted widget: what the kernel computed of the run on screen, and what is pointed at.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import {
  type Column,
  type EffectKind,
  type HeadNumbers,
  headBeside,
  openNumbers,
  switched,
} from "../../layout/effects";
import { headName } from "../../layout/heads";
import type { Context } from "../../parts/context";
import type { Effects, Head, Links, Outcome, Outline, Question } from "../../wire/schema";

export interface EffectStore {
  /** Of the run and the attention on screen; null before they are here. */
  effects: ReadonlySignal<Effects | null>;
  grid: ReadonlySignal<HeadNumbers | null>;
  outcome: ReadonlySignal<Outcome | null>;
  /** Null unless they are of what is pinned. */
  links: ReadonlySignal<Links | null>;
  /** Whether all of it is there that was asked for. */
  isWhole: ReadonlySignal<boolean>;
  /** Whether there is a model to run: of a page and a trace without one there is none. */
  canRun: ReadonlySignal<boolean>;
  pointed: Signal<Head | null>;
  /** The head that the keyboard is at. */
  cursor: Signal<Head>;
  sort: Signal<{ by: Column | "head"; isReversed: boolean }>;
  isOff(head: Head): boolean;
  toggle(head: Head): void;
  move(from: Head, key: string): Head | null;
  ask(target: Question | null): void;
  choose(kind: EffectKind, value: Effects["value"]): void;
  stop(): void;
  cut(): void;
}

export function createStore({ state, client, problem }: Context): EffectStore {
  const { outline } = state.kernel;
  const { off, queries, keys } = state.traits;
  const isOf = (one: { run: number; attention?: string } | null, now: Outline | null) =>
    Boolean(one && now && one.run === now.run && (one.attention ?? now.attention) === now.attention);
  const effects = computed(() => {
    const one = state.kernel.effects.value;
    return isOf(one, outline.value) ? one : null;
  });
  const grid = computed(() => (effects.value?.grid ? openNumbers(effects.value.grid) : null));
  const links = computed(() => {
    const one = state.kernel.links.value;
    const same = (some: number[] | undefined, pinned: number[]) => some?.join() === pinned.join();
    const isPinned = same(one?.queries, queries.value) && same(one?.keys, keys.value);
    return isOf(one, outline.value) && isPinned ? one : null;
  });
  const tell = (error: Error) => {
    problem.value = error.message;
  };
  const all = computed((): HeadNumbers => {
    const { layers = 0, heads = 0 } = outline.value ?? {};
    return { layers, heads, values: new Float32Array(), limit: 0 };
  });
  const outcome = computed(() => {
    const one = state.kernel.outcome.value;
    return isOf(one, outline.value) ? one : null;
  });
  return {
    ...{ effects, grid, links, outcome },
    isWhole: computed(() => {
      const isPage = typeof outline.value?.page === "string"; // what it does not carry never comes
      const isPair = queries.value.length > 0 && keys.value.length > 0;
      const isThere = outcome.value !== null && (!isPair || links.value !== null);
      return isPage || (effects.value !== null && effects.value.state !== "running" && isThere);
    }),
    canRun: computed(() => outline.value?.page === null && !outcome.value?.message),
    pointed: signal(null),
    cursor: signal<Head>([0, 0]),
    sort: signal<{ by: Column | "head"; isReversed: boolean }>({ by: "weight", isReversed: false }),
    isOff: (head) => off.value.some((one) => headName(one) === headName(head)),
    toggle: (head) => state.set({ off: switched(off.value, head) }),
    move: (from, key) => headBeside(from, key, all.value),
    ask: (target) => state.set({ target }),
    choose(kind, value) {
      client.ask("effects", { kind, value }).catch(tell);
    },
    stop: () => void client.ask("stopEffects").catch(tell),
    cut: () => void client.ask("cuts").catch(tell),
  };
}
