// What is pointed at, in words and exact numbers. Pure.

import { type Focus, strongestPair } from "../../layout/focus";
import { headName } from "../../layout/heads";
import { exactly, WEIGHTS } from "../../layout/scale";
import { rankInWords, spreadInWords, standingOf } from "../../layout/standing";
import { isForbidden, type Tile, valueAt } from "../../layout/tile";
import { queryLabel } from "../../layout/units";
import type { Scene } from "../../source/scene";
import type { Head } from "../../wire/schema";

export interface Reading {
  head: string;
  /** The labels of the pair; empty where they were named before. */
  query: string;
  key: string;
  value: string;
  /** What the value means. */
  note: string;
}

const SEVERAL = 3; // heads named one by one

/** What is to be read of the focus. In whole words an even spread over tokens is none over words: it is left out. */
export function readingsOf(scene: Scene, focus: Focus, pinned: boolean, words: boolean): Reading[] {
  const { heads, tiles, units, scale } = scene;
  const one = (list: readonly number[] | null) => (list?.length === 1 ? list[0] : undefined);
  const [query, key] = [one(focus.queries), one(focus.keys)];
  const counts = { query: units.query.labels.length, key: units.key.labels.length };
  const hint = pinned ? "pinned · Esc clears" : "";
  const meaning = (head: number, query: number, key: number): string[] => {
    const standing = standingOf(tiles[head] ?? [], query, key, counts.key);
    const spreads = scale.name === WEIGHTS.name && !words; // no other share adds up to 1 for sure
    return standing ? [rankInWords(standing), spreads ? spreadInWords(standing) : ""] : [];
  };
  if (query !== undefined && key !== undefined) {
    const found = heads
      .map((head, at) => ({ head: headName(head), at, number: valueAt(tiles[at] ?? [], query, key) }))
      .sort((a, b) => b.number - a.number);
    return found.slice(0, SEVERAL).map(({ head, at, number }, nth, shown) => ({
      head,
      query: nth === 0 ? queryLabel(units.query, query) : "",
      key: nth === 0 ? (units.key.labels[key] ?? "") : "",
      value: isForbidden(number) ? "forbidden by the mask" : exactly(scale, number),
      note: noteOf(...(shown.length === 1 ? meaning(at, query, key) : []), nth === shown.length - 1 ? hint : ""),
    }));
  }
  const best = strongestPair(tiles, focus, counts);
  if (!best) return readBlind(scene, query, key, hint);
  const among =
    heads.length > 1
      ? [`the largest of ${heads.length} heads`]
      : query !== undefined
        ? meaning(best.head, best.query, best.key)
        : [key !== undefined ? "the largest that this key gets" : "the largest of those pinned"];
  return [
    {
      head: headName(heads[best.head] as Head),
      query: queryLabel(units.query, best.query),
      key: units.key.labels[best.key] ?? "",
      value: exactly(scale, best.value),
      note: noteOf(...among, hint),
    },
  ];
}

const noteOf = (...parts: string[]): string => parts.filter(Boolean).join(" · ");

/** A token that may attend to nothing, or to which nothing may. */
function readBlind({ heads, tiles, units }: Scene, query: number | undefined, key: number | undefined, note: string) {
  const side = query === undefined ? "key" : "query";
  const token = query ?? key;
  if (token === undefined) return [];
  const others = units[side === "query" ? "key" : "query"].labels;
  const sees = (head: Tile[]) =>
    others.some((_, at) => !isForbidden(side === "query" ? valueAt(head, token, at) : valueAt(head, at, token)));
  if (tiles.some(sees)) return []; // or a part that is not here yet
  const value = side === "query" ? "attends to nothing: the mask hides every key" : "hidden from every query";
  const label = units[side].labels[token] ?? "";
  return [{ head: heads.map(headName).slice(0, SEVERAL).join(", "), query: label, key: "", value, note }];
}
