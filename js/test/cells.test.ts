import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Cells,
  inColumns,
  levelFor,
  meanOverQueries,
  placeIn,
  poolCells,
  rangeOf,
  roundUp,
  strengthIn,
  strongestIn,
  TILE,
  tilesOver,
  topLevel,
} from "../src/layout/cells";
import { FORBIDDEN, type Tile } from "../src/layout/tile";

const SHARE = { domain: "share" } as const;
const REAL = { domain: "real" } as const;

/** A causal matrix, always the same: rows of weights, or numbers of either sign. */
function matrix(n: number, m: number, isSigned = false): Tile {
  let seed = 7;
  const random = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647 - (isSigned ? 0.5 : 0);
  };
  const values = new Float32Array(n * m).fill(FORBIDDEN);
  for (let query = 0; query < n; query++) {
    const row = Array.from({ length: Math.min(m, query + 1) }, random);
    const sum = isSigned ? 1 : row.reduce((a, b) => a + b, 0);
    values.set(
      Float32Array.from(row, (value) => value / sum),
      query * m,
    );
  }
  return { head: [0, 0], queries: [0, n], keys: [0, m], values };
}

/** The same by going through every pair of a cell. */
function brute({ values, keys }: Tile, n: number, level: number, row: number, column: number, isSigned: boolean) {
  const [m, size] = [keys[1], 2 ** level];
  const seen: number[] = [];
  let queries = 0;
  for (let query = row * size; query < Math.min(n, (row + 1) * size); query++) {
    queries += 1;
    for (let key = column * size; key < Math.min(m, (column + 1) * size); key++) {
      const value = values[query * m + key] as number;
      if (value !== FORBIDDEN) seen.push(value);
    }
  }
  if (seen.length === 0) return [FORBIDDEN, FORBIDDEN];
  const sum = seen.reduce((a, b) => a + b, 0);
  const largest = seen.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
  return [largest, sum / (isSigned ? seen.length : queries)];
}

for (const isSigned of [false, true]) {
  test(`cells are those of brute force${isSigned ? ", with a sign" : ""}`, () => {
    const [n, m] = [300, 280];
    const whole = matrix(n, m, isSigned);
    for (const level of [0, 1, 3, 9]) {
      for (const address of tilesOver(level, [0, n], [0, m])) {
        const cells = poolCells(whole, address, isSigned ? REAL : SHARE);
        for (let at = 0; at < cells.largest.length; at += 7) {
          const row = address.row * TILE + Math.floor(at / cells.columns);
          const column = address.column * TILE + (at % cells.columns);
          const [largest, mass] = brute(whole, n, level, row, column, isSigned) as [number, number];
          assert.equal(cells.largest[at], largest);
          const [found, wanted] = [cells.mass[at] as number, mass];
          assert.ok(found === wanted || Math.abs(found - wanted) < 1e-6, `${found} is not ${wanted}`);
        }
      }
    }
  });
}

test("the mass of a row of cells is 1", () => {
  const whole = matrix(200, 200);
  for (const level of [0, 2, 5, 8]) {
    const { rows, columns, mass } = poolCells(whole, { level, row: 0, column: 0 }, SHARE);
    for (let row = 0; row < rows; row++) {
      const sum = mass.subarray(row * columns, (row + 1) * columns).reduce((all, one) => all + Math.max(0, one), 0);
      assert.ok(Math.abs(sum - 1) < 1e-5);
    }
  }
});

test("a query that may attend to nothing does not enter a mean; NaN stays", () => {
  const whole = matrix(4, 4);
  whole.values.fill(FORBIDDEN, 4, 8); // query 1
  const cells = poolCells(whole, { level: 1, row: 0, column: 0 }, SHARE);
  assert.equal(cells.mass[0], 1);
  assert.equal(cells.mass[1], FORBIDDEN);
  whole.values[0] = Number.NaN;
  const broken = poolCells(whole, { level: 1, row: 0, column: 0 }, SHARE);
  assert.deepEqual([broken.largest[0], broken.mass[0]], [Number.NaN, Number.NaN]);
  assert.ok(Number.isFinite(broken.largest[2]));
});

test("a level's cells are at least a pixel, and its tiles are those in sight", () => {
  assert.equal(levelFor(1, 1, 9), 0);
  assert.equal(levelFor(0.5, 1, 9), 1);
  assert.equal(levelFor(0.49, 1, 9), 2);
  assert.equal(levelFor(0.5, 2, 9), 0);
  assert.equal(levelFor(0.001, 1, 3), 3);
  assert.deepEqual([1, 256, 257, 32768].map(topLevel), [0, 0, 1, 7]);
  assert.deepEqual(tilesOver(0, [250, 260], [0, 256]), [
    { level: 0, row: 0, column: 0 },
    { level: 0, row: 1, column: 0 },
  ]);
});

test("a pair is in one cell of one tile", () => {
  const cells = { level: 2, row: 1, column: 0, rows: 256, columns: 256 } as Cells;
  assert.equal(placeIn(cells, 1024, 0), 0);
  assert.equal(placeIn(cells, 1029, 9), 258);
  assert.equal(placeIn(cells, 1023, 0), -1);
  assert.equal(placeIn(cells, 1024, 1024), -1);
});

test("the strongest pair of a cell", () => {
  const whole = matrix(20, 20);
  whole.values[13 * 20 + 4] = 2;
  whole.values[14 * 20 + 5] = Number.NaN;
  assert.deepEqual(strongestIn(whole, [8, 16], [0, 8]), { query: 13, key: 4, value: 2 });
  assert.equal(strongestIn(whole, [0, 4], [8, 12]), null);
});

/** Even weights, one strong. */
function lonely(n: number, strong: number): Cells {
  const values = new Float32Array(n * n).fill(1 / n);
  values[n * 3 + 5] = strong;
  return poolCells({ head: [0, 0], queries: [0, n], keys: [0, n], values }, { level: 0, row: 0, column: 0 }, SHARE);
}

test("one strong number does not hide all others, and is drawn with full strength", () => {
  const range = rangeOf([lonely(200, 1)], [0, 200], [0, 200], "maximum", false);
  assert.equal(range.largest, 1);
  assert.equal(range.top, 0.005);
  assert.equal(strengthIn(1, range.top, false), 1);
  assert.equal(rangeOf([lonely(200, 1)], [50, 200], [0, 200], "maximum", false).largest, Math.fround(1 / 200));
  const log = rangeOf([lonely(200, 1)], [0, 200], [0, 200], "maximum", true);
  assert.equal(log.top, 1);
  assert.ok(strengthIn(1 / 200, log.top, true) > 0.4);
  assert.equal(strengthIn(1e-9, log.top, true), 0);
});

test("of a short text the scale goes to 1", () => {
  const [n, whole] = [12, matrix(12, 12)];
  const cells = poolCells(whole, { level: 0, row: 0, column: 0 }, SHARE);
  assert.equal(rangeOf([cells], [0, n], [0, n], "maximum", false).top, 1);
  assert.ok(rangeOf([cells], [0, n], [0, n], "maximum", false).forbidden);
  assert.ok(!rangeOf([cells], [0, n], [0, n], "maximum", false).broken);
});

test("round numbers", () => {
  assert.deepEqual([0.0139, 0.02, 1, 0.51, 8, 123].map(roundUp), [0.015, 0.02, 1, 0.7, 10, 150]);
});

test("the strips are means of what is in sight, and what a row adds up to", () => {
  const whole = matrix(8, 8);
  const at = (query: number, key: number) => Math.max(0, whole.values[query * 8 + key] as number);
  const fine = poolCells(whole, { level: 0, row: 0, column: 0 }, SHARE);
  const means = meanOverQueries([fine], [2, 6], [1, 4], 8, SHARE);
  assert.equal(means.length, 3);
  assert.ok(Math.abs((means[0] as number) - (at(2, 1) + at(3, 1) + at(4, 1) + at(5, 1)) / 4) < 1e-6);
  const coarse = poolCells(whole, { level: 1, row: 0, column: 0 }, SHARE);
  const sums = meanOverQueries([coarse], [0, 8], [0, 8], 8, SHARE);
  assert.ok(Math.abs(sums.reduce((a, b) => a + b, 0) - 1) < 1e-6);
  const row = whole.values.subarray(24, 32); // query 3
  const columns = inColumns(row, [0, 8], 1, SHARE);
  assert.ok(Math.abs((columns[0] as number) + (columns[1] as number) - 1) < 1e-6);
  assert.equal(columns[2], FORBIDDEN);
});
