// What a saved picture is made of: whole or damaged, and words made of its tokens' weights.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeWords } from "../src/layout/merge";
import { FORBIDDEN } from "../src/layout/tile";
import type { Units } from "../src/layout/units";
import { isWhole, mended } from "../src/state/damage";
import { SHAPES, STATES } from "../src/wire/schema";

const AHEAD = {
  dtype: "uint16",
  shape: [1, 2],
  data: new DataView(new ArrayBuffer(4)),
  run: 1,
  attention: "self",
  layers: [0],
};
const SELECTION = {
  ...{ view: "lines", attention: "self", measure: "weights", layer: 0, heads: [[0, 1]], queries: [], keys: [2] },
  ...{ threshold: 0.1, words: false, category: null, combine: "mean", what_if: {} },
};

test("a state is whole if each field is of its kind and its bytes are as many as its shape says", () => {
  assert.ok(isWhole(AHEAD, "Ahead"));
  const wrong = [
    { data: new DataView(new ArrayBuffer(3)) },
    { data: "AAAA" },
    { data: null },
    { shape: [1, 3] },
    { shape: "1, 2" },
    { shape: [1, null] },
    { dtype: "float64" },
    { run: undefined },
    { layers: null },
  ];
  for (const one of wrong) assert.ok(!isWhole({ ...AHEAD, ...one }, "Ahead"), JSON.stringify(one));
  for (const one of [null, undefined, "hello", 3, []]) assert.ok(!isWhole(one, "Ahead"));
});

test("what stands in a state is looked into", () => {
  const tokens = { tokens: "|a", special: [], words: "1", wordTexts: "", segments: null, generated: null };
  const list = { ...tokens, writes: false, gaps: ".", odd: [] };
  assert.ok(isWhole(list, "TokenList"));
  assert.ok(!isWhole({ ...list, special: [1, "2"] }, "TokenList"));
  assert.ok(!isWhole({ ...list, segments: undefined }, "TokenList"), "of another version");
});

test("the fields of all states are known, but for the breakdown's, whose reader looks for itself", () => {
  const unknown = STATES.filter((name) => !SHAPES[`${name[0]?.toUpperCase()}${name.slice(1)}`]);
  assert.deepEqual(unknown, ["breakdown"]);
  assert.ok(isWhole({ anything: 1 }, "Breakdown"));
});

test("of a damaged selection the rest is kept", () => {
  assert.deepEqual(mended(SELECTION, "Selection"), SELECTION);
  const broken = { ...SELECTION, heads: null, view: undefined, threshold: "x", queries: ["it"] };
  const blank = { heads: [], view: "", threshold: 0, queries: [] };
  assert.deepEqual(mended(broken, "Selection"), { ...SELECTION, ...blank });
});

const units = (members: number[][]) =>
  ({ labels: members.map(String), tokens: (unit: number) => members[unit] ?? [] }) as unknown as Units;

test("words of tokens: sums over the keys, means over the queries that attend at all", () => {
  const X = FORBIDDEN;
  const rows = [[...[X, X, X]], [...[0.25, 0.75, X]], [...[0.5, 0.125, 0.375]]];
  const tile = { head: [1, 2] as [number, number], queries: [0, 3] as const, keys: [0, 3] as const };
  const values = Float32Array.from(rows.flat());
  const words = units([[0, 1], [2]]);
  const merged = mergeWords({ ...tile, values }, { query: words, key: words });
  assert.deepEqual([...merged.values], [1, X, 0.625, 0.375]);
  assert.deepEqual(
    [merged.head, merged.queries, merged.keys],
    [
      [1, 2],
      [0, 2],
      [0, 2],
    ],
  );
  const alone = units([[0], [1], [2]]);
  assert.deepEqual([...mergeWords({ ...tile, values }, { query: alone, key: alone }).values], rows.flat());
  const hole = mergeWords({ ...tile, values: values.fill(Number.NaN, 6, 7) }, { query: words, key: words });
  assert.deepEqual([...hole.values].map(Number.isNaN), [false, false, true, false]);
});
