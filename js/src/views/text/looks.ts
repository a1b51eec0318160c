// How each unit of a text looks: its shade, and what is pinned, pointed at, found or hidden.

import { useComputed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { type Signs, signsOf } from "../../draw/colours";
import { largestOf, shadeOf } from "../../layout/shading";
import type { Side } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Scene } from "../../source/scene";
import type { TextStore } from "./store";
import { type Tint, tintOf } from "./tint";

export interface Looks {
  /** A number a unit; null where this text is not shaded. */
  values: Float32Array | null;
  strengthOf(value: number): number;
  /** The colours of numbers with either sign. */
  signs: Signs | null;
  tint: Tint;
  pinned: Record<Side, readonly number[]>;
  isPinned(unit: number): boolean;
  /** Units of the places that were found. */
  found: readonly number[];
  classOf(unit: number): string;
}

/**
 * Follow what a text looks like.
 *
 * @param sides which parts it plays
 * @param own the one that clicks pin
 */
export function useLooks(context: Context, store: TextStore, scene: Scene, sides: readonly Side[], own: Side): Looks {
  const { state, focus, theme, find } = context;
  const units = scene.units[own];
  const shades = store.shades.value;
  const shading = store.shading.value;
  const tint = useComputed(() => tintOf(context, context.scene.value ?? scene)).value;
  const [queries, keys] = [state.traits.queries.value, state.traits.keys.value];
  const at = focus.value;
  const places = find.places.value;
  const place = places[find.at.value];
  const isSearched = sides.includes(scene.outline.keys ? find.side.value : own);
  const marked = store.marked.value;
  const drag = store.drag.value;

  const shade = useMemo(() => {
    const values = shades && sides.includes(shades.side) ? shades.values : null;
    const largest = values ? largestOf(values) : 0;
    return { values, strengthOf: (value: number) => shadeOf(shading, value, largest) };
  }, [shades, shading, sides]);

  const sets = useMemo(() => {
    const of = (side: Side, tokens: readonly number[]) =>
      sides.includes(side) ? scene.units[side].of(tokens as number[]) : [];
    const pinned = { query: of("query", queries), key: of("key", keys) };
    const isHere = marked && marked.run === scene.outline.run && sides.includes(marked.side);
    const found = isSearched ? units.of([...new Set(places.flat())]) : [];
    return {
      pinned,
      found,
      query: new Set(pinned.query),
      key: new Set(pinned.key),
      hit: new Set(found),
      here: new Set(isSearched && place ? units.of(place) : []),
      marked: new Set(isHere ? units.of([marked.token]) : []),
    };
  }, [scene.units, scene.outline, sides, units, queries, keys, marked, isSearched, places, place]);

  return useMemo(() => {
    const focused = new Set(sides.flatMap((side) => (side === "query" ? at?.queries : at?.keys) ?? []));
    const leftOut = shades?.side === "key" && scene.isWhole ? scene.leftOut : null;
    const [first, last] = drag?.side === own ? [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)] : [0, -1];
    const hiddenAs = (unit: number) =>
      (leftOut?.first && unit === 0) || (leftOut?.self && shades?.of.includes(unit)) ? "left-out" : "forbidden";
    return {
      ...shade,
      tint,
      signs: signsOf(scene.scale, theme.value),
      pinned: sets.pinned,
      isPinned: (unit: number) => sets[own].has(unit),
      found: sets.found,
      classOf: (unit: number) =>
        [
          "piece",
          units.special[unit] && "special",
          units.generated[unit] && "generated",
          sets.query.has(unit) && `pinned as-query${joined(sets.query, unit)}`,
          sets.key.has(unit) && `pinned as-key${joined(sets.key, unit)}`,
          focused.has(unit) && "focused",
          sets.marked.has(unit) && "marked",
          sets.hit.has(unit) && (sets.here.has(unit) ? "hit here" : "hit"),
          unit >= first && unit <= last && "dragged",
          shade.values?.[unit] === Number.NEGATIVE_INFINITY && hiddenAs(unit),
        ]
          .filter(Boolean)
          .join(" "),
    };
  }, [shade, sets, tint, scene, shades, units, own, sides, at, drag, theme.value]);
}

/** Pins side by side are one frame. */
const joined = (all: Set<number>, unit: number): string =>
  `${all.has(unit - 1) ? " goes-on" : ""}${all.has(unit + 1) ? " and-more" : ""}`;
