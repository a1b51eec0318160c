import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bring,
  CELL_MAX,
  geometryOf,
  inSightOf,
  pairAt,
  panBy,
  stageOf,
  ticksOf,
  xOf,
  yOf,
  zoomAt,
} from "../src/layout/matrix";

const stage = (queries: number, keys = queries) => ({ width: 550, height: 400, queries, keys });

test("a short matrix is labelled and whole, a long one is whole without labels", () => {
  const short = geometryOf(stage(12), null);
  assert.ok(short.labelled && short.isWhole);
  const long = geometryOf(stage(32768), null);
  assert.ok(!long.labelled && long.isWhole);
  for (const at of [short, long]) {
    assert.ok(at.left + at.width <= 550 && at.strips[1] + 26 <= 400);
    assert.equal(Math.round(at.width), Math.round(at.height));
  }
});

test("every number of units fits, also where the sides differ", () => {
  for (let n = 1; n < 600; n += 7) {
    for (const m of [1, 5, 40, 600]) {
      const at = geometryOf(stage(n, m), null);
      assert.ok(Math.abs(at.height - n * at.zoom) < 1e-6 && Math.abs(at.width - m * at.zoom) < 1e-6, `${n} × ${m}`);
      assert.deepEqual(inSightOf(at, stage(n, m)), { query: [0, n], key: [0, m] });
    }
  }
});

test("what is under the pointer stays there while one zooms", () => {
  const long = stage(4096);
  let at = geometryOf(long, null);
  const [x, y] = [at.left + 0.5 * at.width, at.top + 0.6 * at.height]; // it grows from the middle until it fills the stage
  const before = pairAt(at, x, y);
  for (let step = 0; step < 40; step++) at = geometryOf(long, zoomAt(long, at, 1.3, x, y));
  assert.equal(at.zoom, CELL_MAX);
  const after = pairAt(at, x, y);
  assert.ok(before && after);
  assert.ok(Math.abs(before.query - after.query) <= 16 && Math.abs(before.key - after.key) <= 16); // of a cell then
  assert.ok(Math.abs(yOf(at, after.query) - y) <= at.zoom && Math.abs(xOf(at, after.key) - x) <= at.zoom);
  for (let step = 0; step < 40; step++) at = geometryOf(long, zoomAt(long, at, 1 / 1.3, x, y));
  assert.ok(at.isWhole);
});

test("one does not leave the matrix", () => {
  const long = stage(1000, 700);
  let at = geometryOf(long, { zoom: 10, query: 500, key: 300 });
  at = geometryOf(long, panBy(long, at, 1e6, 1e6));
  assert.deepEqual([at.query, at.key], [0, 0]);
  at = geometryOf(long, panBy(long, at, -1e6, -1e6));
  assert.deepEqual(inSightOf(at, long).query[1], 1000);
  assert.deepEqual(inSightOf(at, long).key[1], 700);
  assert.equal(panBy(long, geometryOf(long, null), 5, 5), null);
});

test("a unit is brought into sight, and nothing moves for one that is", () => {
  const long = stage(1000);
  const at = geometryOf(long, { zoom: 20, query: 500, key: 500 });
  const there = geometryOf(long, bring(long, at, { query: 900 }, true));
  const [first, last] = inSightOf(there, long).query;
  assert.ok(first < 900 && last > 900 && Math.abs((first + last) / 2 - 900) < 2);
  assert.equal(there.key, at.key);
  const still = geometryOf(long, bring(long, at, { query: 505, key: 505 }));
  assert.deepEqual([still.query, still.key], [at.query, at.key]);
});

test("positions are round and far enough apart", () => {
  assert.deepEqual(ticksOf([0, 12], 20, 30), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(ticksOf([0, 32768], 0.01, 50), [0, 5000, 10000, 15000, 20000, 25000, 30000]);
  assert.deepEqual(ticksOf([1203, 1210], 40, 20), [1203, 1204, 1205, 1206, 1207, 1208, 1209]);
});

test("the stage fits the window, and a narrow one is not higher than it needs", () => {
  assert.equal(stageOf(700, 550), 398);
  assert.equal(stageOf(2000, 1200), 720);
  assert.equal(stageOf(300, 550), 380);
  const height = stageOf(900, 446);
  const at = geometryOf({ width: 446, height, queries: 5000, keys: 5000 }, null);
  assert.ok(height - at.strips[1] - 26 < 60, "no more than what labels will take is left below");
});
