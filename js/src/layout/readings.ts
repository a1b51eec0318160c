// What is pointed at, in words and exact numbers. Pure.

import type { Head } from "../wire/schema";
import { whyNoNumber } from "./comparison";
import { type Best, bestOf, type Combine, type Focus, howTaken, numberOf, shadedSide } from "./focus";
import { howMany, whoseName } from "./heads";
import { takenFrom } from "./leave-out";
import type { Profile } from "./profile";
import { placeInWords, type Ranking } from "./ranking";
import { addsUp, DIFFERENCE, exactly, mostIn, rankOf, WEIGHTS } from "./scale";
import type { Scene } from "./scene";
import {
  evenSpread,
  rankInWords,
  type Standing,
  spreadInShort,
  spreadInWords,
  standingAmong,
  standingOf,
} from "./standing";
import { STRANDS } from "./strands";
import { FORBIDDEN, isForbidden, type Tile, valueAt } from "./tile";
import { queryLabel, type Side } from "./units";

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
 * @param profile of the focus against all of the other side; a long text is read from it
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
  profile: Profile | null = null,
): Reading[] {
  const { heads, together, units, scale } = scene;
  const counts = { query: units.query.labels.length, key: units.key.labels.length };
  // Of the pair that is pinned, not of one that is hovered.
  const isPair = pinned && focus.queries !== null && focus.keys !== null;
  const pair = isPair && ranking?.measure === scale.name ? ranking : null;
  const which = isPair ? "" : focus.keys === null ? "query " : "key ";
  const hint = pinned && !pair ? `${which}pinned · Esc clears` : "";
  const name = (at: number) =>
    together ? `${together} of ${howMany(scale, heads.length)}` : whoseName(scale, heads[at] as Head);
  const isWhole = focus.queries !== null && focus.keys !== null;
  const numbers = scene.isWhole ? fromTiles(scene, counts, combine) : fromProfile(scene, profile, focus, combine);
  if (!numbers) return waiting(scene, focus);
  const isOne = numbers.count === 1;
  const best = numbers.best(focus);
  const { queries = [], keys = [] } = best ?? (isWhole ? focus : {});
  if (!queries?.length || !keys?.length) {
    if (!scene.isWhole && profile?.values.some((value) => !isForbidden(value))) return []; // no numbers: NaN
    return readBlind(scene, focus, hint);
  }

  /** The number of one of those drawn, and all that is said of it. */
  const read = (at: number, alone: boolean, last: boolean): Reading => {
    const value = numbers.of(at, queries, keys);
    const own = heads.flatMap((_, head) => (together || head === at ? [head] : [])); // whose number it is
    const isSpread = scale.name === WEIGHTS.name && together !== "maximum"; // no other number adds up to 1 for sure
    const standing = alone && isOne && keys.length === 1 ? numbers.standing(at, queries, keys[0] as number) : null;
    const even = isSpread ? numbers.even(own, queries, keys) : Number.NaN;
    const inWords = alone ? spreadInWords : spreadInShort;
    const spread = standing?.keys === 1 || isForbidden(value) ? "" : inWords(value, even);
    const several = (side: Side, of: readonly number[]) =>
      of.length > 1 && `${howTaken(scale, side, combine)} of ${of.length} ${side === "query" ? "queries" : "keys"}`;
    const among = !isOne
      ? `the ${mostIn(scale)} of ${howMany(scale, numbers.count)}`
      : focus.queries
        ? standing &&
          rankInWords(standing, scene.leftOut ? "the only token that is not left out" : undefined, mostIn(scale))
        : `the ${mostIn(scale)} that ${keys.length > 1 ? "these keys get" : "this key gets"}`;
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
        together && scene.isWhole && strongestHead(scene, queries, keys, combine),
        alone && pair && !together && placeInWords(pair, heads[at] as Head),
        last && isForbidden(value) && pair?.why,
        last && scene.isWhole && leftOutInWords(scene, alone ? own : [...heads.keys()], queries),
        last && hint,
      ),
    };
  };
  if (!isWhole && best && !isOne) return [read(best.head, true, true)];
  const each = Array.from({ length: numbers.count }, (_, at) => ({ at, number: numbers.of(at, queries, keys) }));
  const rank = ({ at, number }: (typeof each)[number]) =>
    at === pointed ? Number.POSITIVE_INFINITY : rankOf(scale, number);
  const shown = each.sort((a, b) => rank(b) - rank(a)).slice(0, STRANDS);
  return shown.map(({ at }, nth) => {
    const reading = read(at, shown.length === 1, nth === shown.length - 1);
    if (shown.length === 1) return reading;
    return { ...reading, ...(nth > 0 && { query: "", key: "" }) };
  });
}

/** Where the numbers of a reading come from. */
interface Numbers {
  /** Of how many heads; of many together, 1. */
  count: number;
  best(focus: Focus): Best | null;
  of(at: number, queries: readonly number[], keys: readonly number[]): number;
  standing(at: number, queries: readonly number[], key: number): Standing | null;
  even(own: number[], queries: readonly number[], keys: readonly number[]): number;
}

function fromTiles({ drawn, tiles, scale }: Scene, counts: Record<Side, number>, combine: Combine): Numbers {
  return {
    count: drawn.length,
    best: (focus) => bestOf(drawn, focus, counts, scale, combine),
    of: (at, queries, keys) => numberOf([drawn[at] as Tile[]], queries, keys, scale, combine),
    standing: (at, queries, key) => standingOf(drawn[at] as Tile[], queries, key, counts.key, scale, combine),
    even: (own, queries, keys) => evenSpread(pick(tiles, own), queries, keys, counts.key, combine),
  };
}

/** Of a long text: what is in focus on one side, as one, against all of the other. Null while that is on its way. */
function fromProfile(
  { scale, heads, together }: Scene,
  profile: Profile | null,
  focus: Focus,
  combine: Combine,
): Numbers | null {
  const side = shadedSide(focus);
  const of = side === "key" ? focus.queries : focus.keys;
  if (!profile || profile.side !== side || `${profile.of}` !== `${of}`) return null;
  // The last one stands until what is asked for is here: it may be of other heads.
  if (profile.measure !== scale.name || `${profile.heads}` !== `${heads}`) return null;
  if (profile.byHead.length !== (together ? 1 : heads.length)) return null;
  const row = (at: number) => profile.byHead[at] as Float32Array;
  const number = (at: number, units: readonly number[]): number => {
    const found = units.map((unit) => row(at)[unit] ?? Number.NaN).filter((value) => !isForbidden(value));
    if (found.length === 0) return FORBIDDEN;
    const total = found.reduce((sum, value) => sum + value, 0);
    const how = howTaken(scale, side, combine);
    return how === "sum" ? total : total / (addsUp(scale) ? units.length : found.length);
  };
  const openOf = (queries: readonly number[], keys: readonly number[]) => (side === "key" ? keys : queries);
  return {
    count: profile.byHead.length,
    best({ queries, keys }) {
      const chosen = side === "key" ? keys : queries;
      let best: Best | null = null;
      for (let at = 0; at < profile.byHead.length; at++) {
        for (const open of chosen ? [chosen] : Array.from(row(at).keys(), (unit) => [unit])) {
          const value = number(at, open);
          if (isForbidden(value) || Number.isNaN(value)) continue;
          if (best && !(rankOf(scale, value) > rankOf(scale, best.value))) continue;
          best = {
            head: at,
            value,
            queries: side === "key" ? (of ?? []) : open,
            keys: side === "key" ? open : (of ?? []),
          };
        }
      }
      return best;
    },
    of: (at, queries, keys) => number(at, openOf(queries, keys)),
    standing: (at, _, key) =>
      side === "key" ? standingAmong((one) => rankOf(scale, number(at, [one])), key, row(at).length) : null,
    even(_, queries, keys) {
      // Of several queries each sees another number of keys, and of a key alone nobody has counted.
      if (side !== "key" || queries.length > 1) return Number.NaN;
      const seen = row(0).reduce((count, value) => count + (isForbidden(value) ? 0 : 1), 0);
      return keys.filter((key) => !isForbidden(row(0)[key] ?? FORBIDDEN)).length / seen;
    },
  };
}

/** Whose numbers are on their way from the kernel. */
function waiting({ heads, units, scale }: Scene, { queries, keys }: Focus): Reading[] {
  const head = heads
    .map((one) => whoseName(scale, one))
    .slice(0, STRANDS)
    .join(", ");
  const query = queries ? listed((at) => queryLabel(units.query, at), queries) : "";
  const key = keys ? listed((at) => units.key.labels[at] ?? "", keys) : "";
  return [{ head, query: query || key, key: query && key, value: "…", note: "" }];
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
  { given, leftOut, scale, outline, units }: Scene,
  own: number[],
  queries: readonly number[],
  keys: readonly number[],
): string {
  const before = leftOut ? numberOf(pick(given, own), queries, keys, scale) : Number.NEGATIVE_INFINITY;
  return isForbidden(before)
    ? whyNoNumber(outline, scale, queries, keys, units)
    : `${exactly(scale, before)}, left out`;
}

/** Of many heads: the one with the largest number of its own. */
function strongestHead(
  { heads, tiles, scale }: Scene,
  queries: readonly number[],
  keys: readonly number[],
  combine: Combine,
) {
  const numbers = tiles.map((ofHead) => numberOf([ofHead], queries, keys, scale, combine));
  const ranks = numbers.map((one) => rankOf(scale, one));
  const at = ranks.indexOf(Math.max(...ranks));
  return at >= 0 && !isForbidden(numbers[at] as number)
    ? `most in ${whoseName(scale, heads[at] as Head)}: ${exactly(scale, numbers[at] as number)}`
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
  const part = removed > 0 && removed < 0.005 ? "<\u00a00.01" : removed.toFixed(2); // never as none
  return `without ${names}: ${average}${part} removed, the rest scaled to ${Number(sum.toFixed(2))}`;
}

/** A token that may attend to nothing, or to which nothing may. */
function readBlind(
  { heads, tiles, given, units, isWhole, scale, outline }: Scene,
  { queries, keys }: Focus,
  note: string,
): Reading[] {
  const [side, of] = queries ? (["query", queries] as const) : (["key", keys ?? []] as const);
  const [token] = of;
  if (token === undefined || of.length > 1) return [];
  const others = units[side === "query" ? "key" : "query"].labels;
  const isSeen = (head: Tile[]) =>
    isWhole && // a long text's profile says it
    others.some((_, at) => !isForbidden(side === "query" ? valueAt(head, token, at) : valueAt(head, at, token)));
  if (tiles.some(isSeen)) return []; // or a part that is not here yet
  const lone =
    scale.name === DIFFERENCE &&
    whyNoNumber(outline, scale, side === "query" ? [token] : [], side === "key" ? [token] : [], units);
  const hidden =
    lone || (side === "query" ? "attends to nothing: every key is hidden from it" : "hidden from every query");
  const value = given.some(isSeen) ? "all that it has is left out" : hidden;
  const head = heads
    .map((one) => whoseName(scale, one))
    .slice(0, STRANDS)
    .join(", ");
  return [{ head, query: units[side].labels[token] ?? "", key: "", value, note }];
}
