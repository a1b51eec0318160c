// What a saved picture is made of: whole or damaged, and words made of its tokens' weights.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeWords } from "../src/layout/merge";
import { FORBIDDEN } from "../src/layout/tile";
import type { Units } from "../src/layout/units";
import { isWhole } from "../src/state/damage";

const AHEAD = { dtype: "uint16", shape: [1, 2], data: new DataView(new ArrayBuffer(4)), run: 1 };

test("a state is whole if its bytes are as many as its shape says", () => {
  for (const one of [AHEAD, { run: 1 }, { ...AHEAD, data: null }]) assert.ok(isWhole(one));
  const wrong = [
    { data: new DataView(new ArrayBuffer(3)) },
    { data: "AAAA" },
    { shape: [1, 3] },
    { shape: "1, 2" },
    { shape: [1, null] },
    { dtype: "float64" },
  ];
  for (const one of wrong) assert.ok(!isWhole({ ...AHEAD, ...one }), JSON.stringify(one));
  for (const one of [null, undefined, "hello", 3]) assert.ok(!isWhole(one));
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
