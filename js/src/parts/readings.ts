// What is pointed at, in words and exact numbers. Pure.

import { bestOf, type Combine, type Focus, howTaken, numberOf } from "../layout/focus";
import { headName } from "../layout/heads";
import { takenFrom } from "../layout/leave-out";
import { placeInWords } from "../layout/ranking";
import { exactly, WEIGHTS } from "../layout/scale";
import { evenSpread, rankInWords, spreadInShort, spreadInWords, standingOf } from "../layout/standing";
import { STRANDS } from "../layout/strands";
import { isForbidden, type Tile, valueAt } from "../layout/tile";
import { queryLabel, type Side } from "../layout/units";
import type { Ranking } from "../source/ranking";
import type { Scene } from "../source/scene";
import type { Head } from "../wire/schema";

export interface Reading {
  head: string;
  /** The labels of the pair; empty where they were named before. */
  query: string;
  key: string;
  value: string;
  /** What the value means. */
  note: string;
}

const LISTED = 3; // tokens named one by one

/**
 * What is to be read of the focus.
 *
 * @param pointed the head, among those shown, whose line the pointer is on: it is read first
 */
export function readingsOf(
  scene: Scene,
  focus: Focus,
  pinned: boolean,
  words: boolean,
  combine: Combine = "mean",
  pointed: number | null = null,
  ranking: Ranking | null = null,
): Reading[] {
  const { heads, drawn, together, units, scale } = scene;
  const counts = { query: units.query.labels.length, key: units.key.labels.length };
  // Of the pair that is pinned, not of one that is hovered.
  const isPair = pinned && focus.queries !== null && focus.keys !== null;
  const pair = isPair && ranking?.measure === scale.name ? ranking : null;
  const hint = pinned && !pair ? "pinned · Esc clears" : "";
  const name = (at: number) => (together ? `${together} of ${heads.length} heads` : headName(heads[at] as Head));
  const isWhole = focus.queries !== null && focus.keys !== null;
  const isOne = drawn.length === 1;
  const best = bestOf(drawn, focus, counts, scale, combine);
  const { queries = [], keys = [] } = best ?? (isWhole ? focus : {});
  if (!queries?.length || !keys?.length) return readBlind(scene, focus, hint);

  /** The number of one of those drawn, and all that is said of it. */
  const read = (at: number, alone: boolean, last: boolean): Reading => {
    const tiles = drawn[at] as Tile[];
    const value = numberOf([tiles], queries, keys, scale, combine);
    const own = heads.flatMap((_, head) => (together || head === at ? [head] : [])); // whose number it is
    const isSpread = scale.name === WEIGHTS.name && together !== "maximum"; // no other number adds up to 1 for sure
    const standing =
      alone && isOne && keys.length === 1
        ? standingOf(tiles, queries, keys[0] as number, counts.key, scale, combine)
        : null;
    const even = isSpread ? evenSpread(pick(scene.tiles, own), queries, keys, counts.key, combine) : Number.NaN;
    const inWords = alone ? spreadInWords : spreadInShort;
    const spread = standing?.keys === 1 || isForbidden(value) ? "" : inWords(value, even);
    const several = (side: Side, of: readonly number[]) =>
      of.length > 1 && `${howTaken(scale, side, combine)} of ${of.length} ${side === "query" ? "queries" : "keys"}`;
    const among = !isOne
      ? `the largest of ${drawn.length} heads`
      : focus.queries
        ? standing && rankInWords(standing, scene.leftOut ? "the only token that is not left out" : undefined)
        : `the largest that ${keys.length > 1 ? "these keys get" : "this key gets"}`;
    return {
      head: name(at),
      query: listed((at) => queryLabel(units.query, at), queries),
      key: listed((at) => units.key.labels[at] ?? "", keys),
      value: isForbidden(value) ? whyNone(scene, own, queries, keys) : exactly(scale, value),
      note: noteOf(
        several("query", queries),
        several("key", keys),
        alone && !isForbidden(value) && among,
        spread && (words && alone ? `${spread} over words` : spread),
        together && strongestHead(scene, queries, keys, combine),
        alone && pair && !together && placeInWords(pair, heads[at] as Head),
        last && isForbidden(value) && pair?.why,
        last && leftOutInWords(scene, alone ? own : [...heads.keys()], queries),
        last && hint,
      ),
    };
  };
  if (!isWhole && best && !isOne) return [read(best.head, true, true)];
  const numbers = drawn.map((tiles, at) => ({ at, number: numberOf([tiles], queries, keys, scale, combine) }));
  const rank = ({ at, number }: (typeof numbers)[number]) => (at === pointed ? Number.POSITIVE_INFINITY : number);
  const shown = numbers.sort((a, b) => rank(b) - rank(a)).slice(0, STRANDS);
  return shown.map(({ at }, nth) => {
    const reading = read(at, shown.length === 1, nth === shown.length - 1);
    if (shown.length === 1) return reading;
    return { ...reading, ...(nth > 0 && { query: "", key: "" }) };
  });
}

const noteOf = (...parts: (string | false | null | undefined)[]): string => parts.filter(Boolean).join(" · ");

/** "it, tired", or "Harry Potter" of what stands side by side; of many, how many. */
const listed = (label: (at: number) => string, some: readonly number[]): string =>
  some.length > LISTED
    ? `${some.length} tokens`
    : some.reduce((said, at, nth) => said + (nth === 0 ? "" : some[nth - 1] === at - 1 ? " " : ", ") + label(at), "");

const pick = (all: Tile[][], some: number[]): Tile[][] => some.map((at) => all[at] as Tile[]);

/** Why some heads have no number. */
function whyNone(
  { given, leftOut, scale }: Scene,
  own: number[],
  queries: readonly number[],
  keys: readonly number[],
): string {
  const before = leftOut ? numberOf(pick(given, own), queries, keys, scale) : Number.NEGATIVE_INFINITY;
  return isForbidden(before) ? "forbidden by the mask" : `${exactly(scale, before)}, left out`;
}

/** Of many heads: the one with the largest number of its own. */
function strongestHead(
  { heads, tiles, scale }: Scene,
  queries: readonly number[],
  keys: readonly number[],
  combine: Combine,
) {
  const numbers = tiles.map((ofHead) => numberOf([ofHead], queries, keys, scale, combine));
  const at = numbers.indexOf(Math.max(...numbers));
  return at >= 0 && !isForbidden(numbers[at] as number)
    ? `most in ${headName(heads[at] as Head)}: ${exactly(scale, numbers[at] as number)}`
    : "";
}

/** "without The: 0.62 removed, the rest scaled to 1". */
function leftOutInWords({ leftOut, given, tiles, units }: Scene, own: number[], queries: readonly number[]): string {
  if (!leftOut) return "";
  const rows = own.flatMap((at) =>
    queries.map((query) => takenFrom(given[at] as Tile[], tiles[at] as Tile[], query, units.key.labels.length)),
  );
  const mean = (of: number[]) => of.reduce((total, one) => total + one, 0) / of.length;
  const removed = mean(rows.map((row) => row.removed));
  const sum = mean(rows.map((row) => row.sum));
  const names = [leftOut.self && "itself", leftOut.first && units.key.labels[0]].filter(Boolean).join(" and ");
  const average = rows.length > 1 ? "on average " : "";
  return `without ${names}: ${average}${removed.toFixed(2)} removed, the rest scaled to ${Number(sum.toFixed(2))}`;
}

/** A token that may attend to nothing, or to which nothing may. */
function readBlind({ heads, tiles, given, units }: Scene, { queries, keys }: Focus, note: string): Reading[] {
  const [side, of] = queries ? (["query", queries] as const) : (["key", keys ?? []] as const);
  const [token] = of;
  if (token === undefined || of.length > 1) return [];
  const others = units[side === "query" ? "key" : "query"].labels;
  const isSeen = (head: Tile[]) =>
    others.some((_, at) => !isForbidden(side === "query" ? valueAt(head, token, at) : valueAt(head, at, token)));
  if (tiles.some(isSeen)) return []; // or a part that is not here yet
  const hidden = side === "query" ? "attends to nothing: the mask hides every key" : "hidden from every query";
  const value = given.some(isSeen) ? "all that it has is left out" : hidden;
  const head = heads.map(headName).slice(0, STRANDS).join(", ");
  return [{ head, query: units[side].labels[token] ?? "", key: "", value, note }];
}
