// What is pointed at, in words and exact numbers. Pure.

import { type Focus, strongestPair } from "../../layout/focus";
import { headName } from "../../layout/heads";
import { exactly } from "../../layout/scale";
import { isForbidden, type Tile, valueAt } from "../../layout/tile";
import type { Scene } from "../../source/scene";
import type { Head } from "../../wire/schema";

export interface Reading {
  head: string;
  /** The labels of the pair; empty where they were named before. */
  query: string;
  key: string;
  value: string;
  note: string;
}

const SEVERAL = 3; // heads named one by one

/** What is to be read of the focus. */
export function readingsOf(scene: Scene, focus: Focus, pinned: boolean): Reading[] {
  const { heads, tiles, units, scale } = scene;
  const one = (list: readonly number[] | null) => (list?.length === 1 ? list[0] : undefined);
  const query = one(focus.queries);
  const key = one(focus.keys);
  const note = pinned ? "pinned · Esc clears" : "";
  if (query !== undefined && key !== undefined) {
    const found = heads
      .map((head, at) => ({ head: headName(head), number: valueAt(tiles[at] ?? [], query, key) }))
      .sort((a, b) => b.number - a.number);
    return found.slice(0, SEVERAL).map(({ head, number }, at, shown) => ({
      head,
      query: at === 0 ? (units.query.labels[query] ?? "") : "",
      key: at === 0 ? (units.key.labels[key] ?? "") : "",
      value: isForbidden(number) ? "forbidden by the mask" : exactly(scale, number),
      note: at === shown.length - 1 ? note : "",
    }));
  }
  const best = strongestPair(tiles, focus, {
    query: units.query.labels.length,
    key: units.key.labels.length,
  });
  if (!best) return readBlind(scene, query, key, note);
  return [
    {
      head: headName(heads[best.head] as Head),
      query: units.query.labels[best.query] ?? "",
      key: units.key.labels[best.key] ?? "",
      value: exactly(scale, best.value),
      note: ["strongest", note].filter(Boolean).join(" · "),
    },
  ];
}

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
