// Requests about numbers, answered from what the page carries: each as its namesake in the kernel's wire/.

import { leaveOut } from "../layout/leave-out";
import { rankOf } from "../layout/scale";
import { strongestOf } from "../layout/strongest";
import { FORBIDDEN, type Span, type Tile } from "../layout/tile";
import { takeTogether } from "../layout/together";
import type { Head } from "../wire/schema";
import { type Answer, type Asked, asOne } from "./answer";
import type { Alive, Book } from "./book";
import { cells } from "./cells";
import type { LayerData } from "./data";
import { domainOf } from "./merge";
import { headPictures } from "./pictures";
import { blind, pairNumbers, type Rows, rowsOf } from "./rows";
import { similar } from "./similar";
import { whyForbidden } from "./why-forbidden";

type Answers = {
  [A in "tile" | "rank" | "profile" | "strongest" | "cells" | "headPictures" | "similar"]: (
    book: Book,
    attention: string,
    ask: Asked<A>,
    alive: Alive,
  ) => Promise<Answer>;
};

export const ANSWERS: Answers = { tile, rank, profile, strongest, cells, headPictures, similar };

const LONGEST = 4096; // queries, all of whose rows are looked through when no query is pinned
const LINES_MAX = 4096; // of one reply

async function tile(book: Book, attention: string, ask: Asked<"tile">, alive: Alive): Promise<Answer> {
  const rows = await rowsOf(book, { ...ask, attention }, [[ask.layer, ask.head]]);
  const [[top, bottom], [left, right]] = [within(ask.queries, rows.n), within(ask.keys, rows.m)];
  const numbers = new Float32Array((bottom - top) * (right - left));
  for (let unit = top; unit < bottom; unit++) {
    await alive();
    numbers.set(rows.row(0, unit).subarray(left, right), (unit - top) * (right - left));
  }
  return { shape: [bottom - top, right - left], numbers };
}

function within([start, stop]: Span, count: number): Span {
  if (!(start >= 0 && start < stop && stop <= count)) throw new Error(`${start} to ${stop} is no range of ${count}`);
  return [start, stop];
}

async function rank(book: Book, attention: string, ask: Asked<"rank">, alive: Alive): Promise<Answer> {
  const { outline } = book.attention(attention);
  const scale = { domain: domainOf(ask.measure) };
  const known = (value = Number.NaN): number => (Number.isNaN(value) ? FORBIDDEN : rankOf(scale, value));
  const isOpen = ask.queries.length === 0 || ask.keys.length === 0;
  if (ask.queries.length === 0 && book.sides(attention)[0].tokens.length > LONGEST)
    throw new Error("all rows of all heads would have to be computed: pin a query too, then one row of each says it");
  const count = outline.layers * outline.heads;
  const numbers = new Float32Array(2 * count).fill(Number.NaN);
  numbers.fill(-1, count);
  for (const number of outline.kept) {
    const layer = await book.layer(attention, number);
    if (ask.measure !== "weights" && !can(layer.about, ask.measure)) continue;
    for (const head of layer.about.heads) {
      await alive(number * outline.heads + head, count);
      const found = await pairNumbers(book, { ...ask, attention }, [ask.queries, ask.keys], layer, head, alive);
      const best = found.reduce((most, value, at) => (known(value) > known(found[most]) ? at : most), 0);
      numbers[number * outline.heads + head] = found[best] as number;
      if (isOpen && Number.isFinite(found[best])) numbers[count + number * outline.heads + head] = best;
    }
  }
  const values = numbers.subarray(0, count);
  const hidden = values.includes(FORBIDDEN) && values.every((value) => Number.isNaN(value) || value === FORBIDDEN);
  const why = hidden ? whyForbidden(book, attention, ask.queries, ask.keys) : "";
  return { shape: [2, outline.layers, outline.heads], numbers, more: { why } };
}

const can = (about: LayerData, measure: string): boolean =>
  measure === "norms" ? about.norms : measure === "contribution" ? about.ways : about.kind !== "weights";

async function profile(book: Book, attention: string, ask: Asked<"profile">, alive: Alive): Promise<Answer> {
  if (ask.queries.length > 0 === ask.keys.length > 0 || ask.heads.length === 0)
    throw new Error("a profile is of some heads, and of pinned queries or pinned keys");
  const rows: Float32Array[] = [];
  for (const [number, head] of ask.heads) {
    const layer = await book.layer(attention, number);
    rows.push(await pairNumbers(book, { ...ask, attention }, [ask.queries, ask.keys], layer, head, alive));
  }
  const units = rows[0]?.length ?? 0;
  let found = rows;
  if (ask.together) {
    const one = asOne(rows, ask.heads, [0, 1], [0, units], ask.together, ask.measure);
    found = [one.values];
    if (ask.together === "maximum") found.push(Float32Array.from(one.strongest ?? []));
  }
  if (ask.combine === "sum" && ask.queries.length > 1) {
    const layer = await book.layer(attention, (ask.heads[0] as Head)[0]);
    const cannot = blind(layer, book.sides(attention)[0].tokens.length);
    const times = new Set(ask.queries.filter((query) => !cannot.has(query))).size;
    for (const row of ask.together ? found.slice(0, 1) : found) row.set(row.map((value) => value * times));
  }
  const numbers = new Float32Array(found.length * units);
  found.forEach((row, at) => void numbers.set(row, at * units));
  return { shape: [found.length, units], numbers };
}

async function strongest(book: Book, attention: string, ask: Asked<"strongest">, alive: Alive): Promise<Answer> {
  const { heads, side, together, measure, count, least } = ask;
  const wanted = ask.spans.flatMap(([start, stop]) => Array.from({ length: stop - start }, (_, at) => start + at));
  const drawn = together ? 1 : heads.length;
  if (heads.length === 0 || wanted.length === 0 || count < 1 || !(least >= 0))
    throw new Error("lines are of some heads and some rows, at least one of each, and not below a negative number");
  if (wanted.length * drawn * count > LINES_MAX)
    throw new Error(
      `${wanted.length} rows × ${drawn} heads × ${count} are more than ${LINES_MAX} lines; ask for fewer`,
    );
  if (side === "key" && (ask.withoutSelf || ask.withoutFirst))
    throw new Error("what is left out of a row is known of whole rows: ask for the lines of queries");
  const rows = await rowsOf(book, { ...ask, attention }, heads);
  const across = side === "query" ? rows.m : rows.n;
  const columns = side === "key" ? await columnsOf(rows, heads.length, wanted, alive) : null;
  const lines: number[][] = [[], [], [], []];
  const sums: number[][] = [[], [], [], []];
  for (const [nth, unit] of wanted.entries()) {
    await alive(nth, wanted.length);
    const [queries, keys]: [Span, Span] =
      side === "query"
        ? [
            [unit, unit + 1],
            [0, across],
          ]
        : [
            [0, across],
            [unit, unit + 1],
          ];
    const tiles = heads.map((head, at): Tile[] => {
      const values = columns ? (columns[at]?.[nth] as Float32Array) : rows.row(at, unit);
      const whole: Tile[] = [{ head, queries, keys, values }];
      return columns ? whole : leaveOut(whole, { self: ask.withoutSelf, first: ask.withoutFirst }, across);
    });
    const scale = { domain: domainOf(measure) };
    const shown = together ? [takeTogether(tiles, together, scale)] : tiles;
    const row = strongestOf(shown, side, unit, across, { count, least }, scale);
    row.values.forEach((value, at) => {
      for (const [to, number] of [unit, row.units[at], row.heads[at], value].entries())
        lines[to]?.push(number as number);
    });
    for (const [to, number] of [row.shown, row.total, row.visible, row.more].entries()) sums[to]?.push(number);
  }
  const numbers = Float32Array.from([...lines.flat(), ...sums.flat()]);
  return { shape: [4, lines[0]?.length ?? 0], numbers, more: { rows: [4, wanted.length] } };
}

/** All queries' numbers of some keys, by head and key: each may take its whole row's sum first. */
async function columnsOf(rows: Rows, heads: number, wanted: number[], alive: Alive): Promise<Float32Array[][]> {
  const found = Array.from({ length: heads }, () => wanted.map(() => new Float32Array(rows.n)));
  for (let query = 0; query < rows.n; query++) {
    await alive(query, rows.n);
    for (let head = 0; head < heads; head++) {
      const row = rows.row(head, query);
      for (const [nth, key] of wanted.entries()) (found[head]?.[nth] as Float32Array)[query] = row[key] as number;
    }
  }
  return found;
}
