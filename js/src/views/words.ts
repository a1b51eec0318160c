// Names and numbers as they are read.

import { type Focus, strongestPair } from "../layout/focus";
import type { Scene } from "../scene";
import { isForbidden, type Tile, weightAt } from "../source";
import type { Head } from "../wire/protocol";

export const headName = ([layer, head]: Head): string => `L${layer}-H${head}`;

/** Exact: four digits. A weight that is not a number is said to be none. */
export const exact = (weight: number): string => (Number.isNaN(weight) ? "not a number" : weight.toFixed(4));

/** Beside a token: two digits without the zero, nothing where it would read .00. */
export function brief(weight: number): string {
  if (weight >= 0.995) return "1.0";
  return weight < 0.005 ? "" : weight.toFixed(2).slice(1);
}

/** A score: two digits without the zero. */
export function points(score: number): string {
  if (Number.isNaN(score)) return "–";
  const digits = Math.abs(score) >= 0.995 ? "1.0" : Math.abs(score).toFixed(2).slice(1);
  return score < -0.005 ? `−${digits}` : digits;
}

export interface Saying {
  head: string;
  /** The labels of the pair; empty where they were told before. */
  query: string;
  key: string;
  value: string;
  note: string;
}

const SEVERAL = 3; // heads named one by one

/** What the status line says about the focus. */
export function say(scene: Scene, focus: Focus, pinned: boolean): Saying[] {
  const { heads, tiles, units } = scene;
  const one = (list: readonly number[] | null) => (list?.length === 1 ? list[0] : undefined);
  const query = one(focus.queries);
  const key = one(focus.keys);
  const note = pinned ? "pinned · Esc clears" : "";
  if (query !== undefined && key !== undefined) {
    const found = heads
      .map((head, at) => ({ head: headName(head), weight: weightAt(tiles[at] ?? [], query, key) }))
      .sort((a, b) => b.weight - a.weight);
    return found.slice(0, SEVERAL).map(({ head, weight }, at, shown) => ({
      head,
      query: at === 0 ? (units.query.labels[query] ?? "") : "",
      key: at === 0 ? (units.key.labels[key] ?? "") : "",
      value: isForbidden(weight) ? "forbidden by the mask" : exact(weight),
      note: at === shown.length - 1 ? note : "",
    }));
  }
  const best = strongestPair(tiles, focus, {
    query: units.query.labels.length,
    key: units.key.labels.length,
  });
  if (!best) return sayBlind(scene, query, key, note);
  return [
    {
      head: headName(heads[best.head] as Head),
      query: units.query.labels[best.query] ?? "",
      key: units.key.labels[best.key] ?? "",
      value: exact(best.weight),
      note: ["strongest", note].filter(Boolean).join(" · "),
    },
  ];
}

/** A token that may attend to nothing, or to which nothing may. */
function sayBlind({ heads, tiles, units }: Scene, query: number | undefined, key: number | undefined, note: string) {
  const side = query === undefined ? "key" : "query";
  const token = query ?? key;
  if (token === undefined) return [];
  const others = units[side === "query" ? "key" : "query"].labels;
  const sees = (head: Tile[]) =>
    others.some((_, at) => !isForbidden(side === "query" ? weightAt(head, token, at) : weightAt(head, at, token)));
  if (tiles.some(sees)) return []; // or a part that is not here yet
  const value = side === "query" ? "attends to nothing: the mask hides every key" : "hidden from every query";
  const label = units[side].labels[token] ?? "";
  return [{ head: heads.map(headName).slice(0, SEVERAL).join(", "), query: label, key: "", value, note }];
}
