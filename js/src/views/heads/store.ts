// What the heads view holds in one mounted widget: never synced.

import { computed, effect, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";
import type { Shades } from "../../draw/pictures";
import { numberOf } from "../../layout/categories";
import { headName } from "../../layout/heads";
import { type Filter, groupsOf, type Known, type Order, passes } from "../../layout/heads-order";
import { mapOf, planeOf, rowsOf, type Wall } from "../../layout/heads-wall";
import { numberIn } from "../../layout/ranking";
import { rankOf, scaleNamed } from "../../layout/scale";
import type { Context } from "../../parts/context";
import type { Head, Outline } from "../../wire/schema";
import { createDistances, type Distances } from "./distances";
import { createShades } from "./shades";

export interface HeadsStore {
  /** The order that is chosen; one that cannot be had here gives way to the map. */
  chosen: Signal<Order>;
  order: ReadonlySignal<Order>;
  /** Only heads whose number is so much; null for all. */
  bound: Signal<number | null>;
  /** Whether only heads of the category that is open are shown. */
  only: Signal<boolean>;
  filter: ReadonlySignal<Filter>;
  known: ReadonlySignal<Known>;
  /** The head that the others are compared with; null for none. */
  reference: Signal<Head | null>;
  /** On the map: the other head of the pair that is pointed at in the grid. */
  across: Signal<Head | null>;
  /** From which head distances are told. */
  from: ReadonlySignal<Head | null>;
  /** Every head that there is something to see of. */
  every: ReadonlySignal<Head[]>;
  distances: ReadonlySignal<Distances | null>;
  /** Room for the pictures, in px. */
  room: Signal<{ width: number; height: number }>;
  wall: ReadonlySignal<Wall | null>;
  /** Whether a head passes the filter: on the map the others are faint, elsewhere they are left out. */
  isShown(head: Head): boolean;
  /** How many heads there are, and how many pass. */
  counts: ReadonlySignal<{ all: number; shown: number }>;
  pointed: Signal<Head | null>;
  /** What is told of: the head that is pointed at, else the last one chosen. */
  spot: ReadonlySignal<Head>;
  /** One head's picture, as fine as it is here and a side of so many px can show; null before there is any. */
  shades(head: Head, side: number): Shades | null;
  /** Say which part of the wall is in sight, in px. */
  look(top: number, bottom: number): void;
  /** Of how many queries the pictures on screen are drawn; null for all. */
  sampled: ReadonlySignal<number | null>;
  /** How many layers have fine pictures. */
  refined: ReadonlySignal<number>;
  /** The newest run of which pictures stand here; `problem` says why there are none. */
  pictured: ReadonlySignal<{ name: string; problem: string } | null>;
  /** The view that was on screen before. */
  before: ReadonlySignal<string>;
}

export function createStore(context: Context, own: string): HeadsStore {
  const { state, ranking, categories, abort } = context;
  const { heads, view, category } = state.traits;
  const chosen = signal<Order>("layer");
  const bound = signal<number | null>(null);
  const only = signal(false);
  const reference = signal<Head | null>(null);
  const across = signal<Head | null>(null);
  const room = signal({ width: 0, height: 0 });
  const pointed = signal<Head | null>(null);
  const before = signal("");
  const isOn = computed(() => view.value === own);
  const outline = state.kernel.outline;
  const pair = computed(() => {
    const now = ranking.value;
    return now && now.values.length > 0 && now.outline === outline.value ? now : null;
  });
  const order = computed((): Order => (chosen.value === "pinned pair" && !ranking.value ? "layer" : chosen.value));
  const distances = createDistances(
    context,
    computed(() => {
      if (!isOn.value) return null;
      return order.value === "map" ? "all" : order.value === "similarity" ? reference.value : null;
    }),
  );
  const from = computed(() => (order.value === "map" ? (across.value ?? heads.value.at(-1) ?? null) : reference.value));
  const known = computed((): Known => {
    const [numbers, apart] = [pair.value, distances.value?.values ? distances.value : null];
    return {
      categories: categories.now.value,
      pair: numbers && ((head) => numberIn(numbers, head)),
      ...(numbers && { rank: (value) => rankOf(scaleNamed(numbers.outline, numbers.measure), value) }),
      distance: apart && ((head) => distanceIn(apart, head)),
    };
  });
  const distanceIn = ({ values, heads, all }: Distances, head: Head): number => {
    const own = all ? every.value.length * indexIn(every.value, from.value) + indexIn(every.value, head) : null;
    return values?.[own ?? head[0] * heads + head[1]] ?? Number.NaN;
  };
  const filter = computed((): Filter => {
    const now = categories.now.value;
    const wanted = only.value && now ? numberOf(now, category.value) : null;
    return { category: wanted, bound: bound.value };
  });
  const isShown = (head: Head) => passes(head, order.value, known.value, filter.value);
  const every = computed(() => (outline.value ? headsOf(outline.value) : []));
  const wall = computed((): Wall | null => {
    const now = outline.value;
    const { width, height } = room.value;
    if (!now || width === 0) return null;
    const map = mapOf(now.layers, now.heads, width, height);
    if (order.value === "layer") return map;
    if (order.value === "map") {
      const all = distances.value?.all;
      if (!all) return map;
      const room = width - (width < BESIDE ? 0 : gridSide(width) + 16);
      if (all.places.length) return planeOf(every.value, all.places, room, Math.min(height, room));
      const heads = all.order.map((at) => every.value[at] as Head);
      return rowsOf([{ text: "", category: null, heads }], room, map.cell);
    }
    return rowsOf(groupsOf(every.value.filter(isShown), order.value, known.value), width, map.cell);
  });
  const { shades, look, sampled, refined, pictured } = createShades(context, isOn, wall);

  const stops = [
    effect(() => {
      if (view.value !== own) before.value = view.value;
    }),
    effect(() => {
      outline.value; // what was pointed at, or compared with, was of another text or model
      pointed.value = across.value = null;
      untracked(() => {
        const last = reference.value;
        if (last && !every.value.some((one) => headName(one) === headName(last))) reference.value = null;
      });
    }),
    effect(() => {
      order.value; // a bound is one of other numbers
      bound.value = null;
    }),
    effect(() => {
      if (category.value === null) only.value = false;
    }),
  ];
  abort.addEventListener("abort", () => {
    for (const stop of stops) stop();
  });

  return {
    ...{
      chosen,
      order,
      bound,
      only,
      filter,
      known,
      reference,
      across,
      from,
      every,
      distances,
      room,
      wall,
      isShown,
      pointed,
      before,
    },
    ...{ shades, look, sampled, refined, pictured },
    counts: computed(() => ({ all: every.value.length, shown: every.value.filter(isShown).length })),
    spot: computed(() => pointed.value ?? heads.value.at(-1) ?? [0, 0]),
  };
}

const BESIDE = 500; // px of width from which the grid of distances stands beside the map

/** Of the grid of distances, in px. */
export const gridSide = (width: number): number => Math.min(280, Math.floor(width < BESIDE ? width : width * 0.42));

const indexIn = (heads: Head[], head: Head | null): number =>
  heads.findIndex((one) => head && headName(one) === headName(head));

const headsOf = ({ kept, heads }: Outline): Head[] =>
  kept.flatMap((layer) => Array.from({ length: heads }, (_, head): Head => [layer, head]));
