// A matrix in cells: each of a square of pairs, with its largest number and its mass. Pure.

import { addsUp, type Scale } from "./scale";
import { FORBIDDEN, isForbidden, type Span, type Tile } from "./tile";

/** Cells a side of a tile of the pyramid. */
export const TILE = 256;

/** Which tile: its cells are squares of 2^level units. */
export interface Address {
  level: number;
  row: number;
  column: number;
}

export interface Cells extends Address {
  rows: number;
  columns: number;
  /** Of each cell, row by row: of numbers with a sign the one farthest from 0. FORBIDDEN where every pair is. */
  largest: Float32Array;
  /** The sum over its keys, the mean over its queries; of scores the mean over the pairs that may attend. */
  mass: Float32Array;
  /** One query of so many was looked at; 1 for all. */
  step: number;
  /** How long the kernel took. */
  seconds: number;
}

/** What of a cell is drawn. */
export const KINDS = ["maximum", "mass"] as const;
export type Kind = (typeof KINDS)[number];

export const numbersOf = (cells: Cells, kind: Kind): Float32Array => (kind === "maximum" ? cells.largest : cells.mass);

/** The finest level whose cells are at least one pixel of the display. */
export const levelFor = (zoom: number, density: number, largest: number): number =>
  Math.min(largest, Math.max(0, Math.ceil(Math.log2(1 / (zoom * density)) - 1e-9)));

/** The level at which a matrix is one tile. */
export const topLevel = (count: number): number => Math.max(0, Math.ceil(Math.log2(Math.max(1, count) / TILE)));

/** The tiles of a level that show some units, from above and from the left. */
export function tilesOver(level: number, queries: Span, keys: Span): Address[] {
  const side = TILE * 2 ** level;
  const over = ([start, stop]: Span) => [Math.floor(start / side), Math.ceil(stop / side)] as const;
  const found: Address[] = [];
  for (let row = over(queries)[0]; row < over(queries)[1]; row++) {
    for (let column = over(keys)[0]; column < over(keys)[1]; column++) found.push({ level, row, column });
  }
  return found;
}

/** Pool one tile out of a matrix that is here as a whole. */
export function poolCells(whole: Tile, { level, row, column }: Address, scale: Pick<Scale, "domain">): Cells {
  const [n, m] = [whole.queries[1], whole.keys[1]];
  const cell = 2 ** level;
  const [top, left] = [row * TILE * cell, column * TILE * cell];
  const rows = Math.min(TILE, Math.ceil((n - top) / cell));
  const columns = Math.min(TILE, Math.ceil((m - left) / cell));
  const largest = new Float32Array(rows * columns).fill(FORBIDDEN);
  const total = new Float64Array(rows * columns);
  const allowed = new Float64Array(rows * columns);
  const attending = new Float64Array(rows);
  for (let query = top; query < Math.min(n, top + rows * cell); query++) {
    const values = whole.values.subarray(query * m, (query + 1) * m);
    const at = Math.floor((query - top) / cell);
    if (!values.every(isForbidden)) attending[at]! += 1;
    for (let key = left; key < Math.min(m, left + columns * cell); key++) {
      const value = values[key] as number;
      if (isForbidden(value)) continue;
      const to = at * columns + Math.floor((key - left) / cell);
      const before = largest[to] as number;
      const isFarther = Math.abs(value) > Math.abs(before) || isForbidden(before) || Number.isNaN(value);
      if (isFarther && !Number.isNaN(before)) largest[to] = value;
      total[to]! += value;
      allowed[to]! += 1;
    }
  }
  const mass = largest.map((value, at) => {
    const count = addsUp(scale) ? (attending[Math.floor(at / columns)] as number) : (allowed[at] as number);
    return isForbidden(value) ? FORBIDDEN : (total[at] as number) / Math.max(1, count);
  });
  return { level, row, column, rows, columns, largest, mass, step: 1, seconds: 0 };
}

/** The cell that a pair is in: its place in the tile's arrays; -1 if it is in another tile. */
export function placeIn(cells: Cells, query: number, key: number): number {
  const row = Math.floor(query / 2 ** cells.level) - cells.row * TILE;
  const column = Math.floor(key / 2 ** cells.level) - cells.column * TILE;
  const isIn = row >= 0 && row < cells.rows && column >= 0 && column < cells.columns;
  return isIn ? row * cells.columns + column : -1;
}

/** The strongest pair of a rectangle: null if none has a number. Of numbers with a sign the one farthest from 0. */
export function strongestIn(
  tile: Tile,
  [top, bottom]: Span,
  [left, right]: Span,
): { query: number; key: number; value: number } | null {
  let best: { query: number; key: number; value: number } | null = null;
  const width = tile.keys[1] - tile.keys[0];
  for (let query = top; query < bottom; query++) {
    for (let key = left; key < right; key++) {
      const value = tile.values[(query - tile.queries[0]) * width + key - tile.keys[0]] as number;
      if (Number.isFinite(value) && !(Math.abs(value) <= Math.abs(best?.value ?? Number.NaN)))
        best = { query, key, value };
    }
  }
  return best;
}

/** Numbers of the cells in sight, and where each is, in cells of the level. */
export function eachInSight(
  tiles: readonly Cells[],
  queries: Span,
  keys: Span,
  kind: Kind,
  see: (value: number, row: number, column: number) => void,
): void {
  for (const cells of tiles) {
    const size = 2 ** cells.level;
    const [top, left] = [cells.row * TILE, cells.column * TILE];
    const numbers = numbersOf(cells, kind);
    const [first, last] = [Math.max(0, Math.floor(queries[0] / size) - top), Math.ceil(queries[1] / size) - top];
    const [from, to] = [Math.max(0, Math.floor(keys[0] / size) - left), Math.ceil(keys[1] / size) - left];
    for (let row = first; row < Math.min(last, cells.rows); row++) {
      for (let column = from; column < Math.min(to, cells.columns); column++) {
        see(numbers[row * cells.columns + column] as number, top + row, left + column);
      }
    }
  }
}

/** What is to be known of the numbers in sight, to choose colours for them. */
export interface Range {
  /** The size of number that is drawn with full strength; what is beyond looks the same. */
  top: number;
  /** The largest size there is. */
  largest: number;
  forbidden: boolean;
  /** Whether the model computed no number somewhere. */
  broken: boolean;
}

const SAMPLES = 4096;
const SHARE = 0.995; // of the numbers that stay below the top: one strong row or column does not hide all others

/**
 * Choose the top of a colour scale.
 *
 * @param isLog a logarithmic one ends at the largest number, for it shows what is far below
 */
export function rangeOf(tiles: readonly Cells[], queries: Span, keys: Span, kind: Kind, isLog: boolean): Range {
  let [largest, forbidden, broken, count] = [0, false, false, 0];
  eachInSight(tiles, queries, keys, kind, (value) => {
    if (isForbidden(value)) forbidden = true;
    else if (Number.isNaN(value)) broken = true;
    else {
      count += 1;
      largest = Math.max(largest, Math.abs(value));
    }
  });
  if (largest === 0) return { top: 1, largest, forbidden, broken };
  if (isLog) return { top: roundUp(largest), largest, forbidden, broken };
  const every = Math.max(1, Math.floor(count / SAMPLES));
  const some: number[] = [];
  let nth = 0;
  eachInSight(tiles, queries, keys, kind, (value) => {
    if (Number.isFinite(value) && nth++ % every === 0) some.push(Math.abs(value));
  });
  some.sort((a, b) => a - b);
  const most = some[Math.min(some.length - 1, Math.floor(SHARE * some.length))] || largest;
  return { top: roundUp(most), largest, forbidden, broken };
}

const STEPS = [1, 1.5, 2, 3, 5, 7, 10];

/** The next round number: a scale that moves a little with every cell would never stand still. */
export function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  const step = STEPS.find((one) => value <= one * power * (1 + 1e-9)) ?? 10;
  return Number((step * power).toPrecision(2));
}

export const DECADES = 4; // of a logarithmic scale

/** How strongly a number is drawn, 0 to 1. */
export function strengthIn(value: number, top: number, isLog: boolean): number {
  const part = Math.min(1, Math.abs(value) / top);
  return isLog ? Math.max(0, 1 + Math.log10(part) / DECADES) : part;
}

/**
 * The mean over the queries in sight, of each column of cells: of what adds up the sum over its keys. A forbidden pair
 * is 0 there, and does not enter a mean of scores.
 *
 * @param count queries of the whole matrix
 * @returns a number a column, from the first in sight; NaN where nothing is known
 */
export function meanOverQueries(
  tiles: readonly Cells[],
  queries: Span,
  keys: Span,
  count: number,
  scale: Pick<Scale, "domain">,
): Float64Array {
  const size = 2 ** (tiles[0]?.level ?? 0);
  const first = Math.floor(keys[0] / size);
  const sums = new Float64Array(Math.max(0, Math.ceil(keys[1] / size) - first));
  const rows = new Float64Array(sums.length);
  eachInSight(tiles, queries, keys, "mass", (value, row, column) => {
    if (!addsUp(scale) && isForbidden(value)) return;
    const inside = Math.min(queries[1], count, (row + 1) * size) - Math.max(queries[0], row * size);
    sums[column - first]! += isForbidden(value) ? 0 : value * inside;
    rows[column - first]! += inside;
  });
  return sums.map((sum, at) => sum / (rows[at] as number));
}

/** A number a unit, taken together in columns of cells: the sum, or of scores the mean. */
export function inColumns(values: Float32Array, keys: Span, level: number, scale: Pick<Scale, "domain">): Float64Array {
  const size = 2 ** level;
  const first = Math.floor(keys[0] / size);
  return Float64Array.from({ length: Math.max(0, Math.ceil(keys[1] / size) - first) }, (_, at) => {
    const start = (first + at) * size;
    const some = values.subarray(start, start + size).filter((value) => !isForbidden(value));
    const sum = some.reduce((total, value) => total + value, 0);
    return some.length === 0 ? Number.NEGATIVE_INFINITY : sum / (addsUp(scale) ? 1 : some.length);
  });
}
