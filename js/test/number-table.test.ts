// What is on screen as rows: which pairs, in which order, and what a spreadsheet makes of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { csv, type NumberTable, pairTable, profileTable, tabbed } from "../src/layout/number-table";
import type { Profile } from "../src/layout/profile";
import type { Scene } from "../src/layout/scene";
import { FORBIDDEN } from "../src/layout/tile";

const labels = ["a", "=b", "c"];
const side = { labels, tokens: (unit: number) => [unit * 10] };
const values = Float32Array.from([1, FORBIDDEN, FORBIDDEN, 0.25, 0.75, FORBIDDEN, 0.1, Number.NaN, 0.9]);
const scene = {
  heads: [[3, 0]],
  units: { query: side, key: side },
  scale: { of: "head", label: "weight" },
  given: [[{ head: [3, 0], queries: [0, 3], keys: [0, 3], values }]],
} as unknown as Scene;

test("every pair, or those in focus, in the text's order", () => {
  const all = pairTable(scene, null);
  assert.equal(all.rows.length, 9);
  assert.deepEqual(all.rows[3], [10, "=b", 0, "a", "L3-H0", 0.25, ""]);
  assert.deepEqual(all.rows[1]?.slice(5), [null, "hidden by the mask"]);
  assert.deepEqual(all.rows[7]?.slice(5), [null, "not a number"]);
  const some = pairTable(scene, { queries: [2, 1], keys: null });
  assert.deepEqual([...new Set(some.rows.map(([query]) => query))], [10, 20]);
});

test("too many rows are cut, and counted", () => {
  const { rows, count } = pairTable(scene, null, 4);
  assert.deepEqual([rows.length, count], [4, 9]);
});

test("of a profile the largest come first, and what has no number last", () => {
  const byHead = [Float32Array.from([0.2, FORBIDDEN, 0.8])];
  const profile = { side: "key", of: [2, 1], byHead, heads: [[3, 0]] } as unknown as Profile;
  const { rows } = profileTable(scene, profile);
  assert.deepEqual(
    rows.map((row) => [row[0], row[1], row[2]]),
    [
      ["20 10", "c =b", 20],
      ["20 10", "c =b", 0],
      ["20 10", "c =b", 10],
    ],
  );
});

test("no text is a formula, quotes and commas stay, numbers keep the digits of a float32", () => {
  const table: NumberTable = {
    columns: ["=x", "n"],
    rows: [
      ['say "no", now', Math.fround(0.1)],
      ["@SUM(A1)", -2],
      ["-", null],
    ],
    count: 3,
  };
  assert.equal(csv(table), `\ufeff'=x,n\r\n"say ""no"", now",0.100000001\r\n'@SUM(A1),-2\r\n'-,\r\n`);
  assert.equal(tabbed(table).split("\n")[2], "'@SUM(A1)\t-2");
});
