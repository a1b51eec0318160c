// The lab's layout: what stands where, and how counts, shapes and weights read.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  amount,
  apartInWords,
  beside,
  groupsOf,
  inProse,
  largestOf,
  movedBy,
  offsetsOf,
  placesOf,
  shapeHere,
  stepped,
  subscripts,
  weightInWords,
  withoutVariant,
  withVariant,
} from "../src/layout/lab";

const TOKENS = "The animal didn 't cross the road because it was too tired".split(" ");

test("another variant is added, or takes the place of the chosen one", () => {
  assert.deepEqual(withVariant(["a"], "a", "b"), ["a", "b"]);
  assert.deepEqual(withVariant(["a", "b", "c"], "b", "d"), ["a", "d", "c"]);
  assert.deepEqual(withVariant(["a", "b", "c"], "b", "c"), ["a", "b", "c"]);
  assert.deepEqual(withoutVariant(["a", "b", "c"], "b", "b"), { variants: ["a", "c"], chosen: "c" });
  assert.deepEqual(withoutVariant(["a", "b"], "b", "b"), { variants: ["a"], chosen: "a" });
  assert.deepEqual(withoutVariant(["a"], "a", "a"), { variants: ["a"], chosen: "a" });
});

test("matrices stand in a row as far as that is wide, with cells of one size, and inside it", () => {
  for (const [width, isRow] of [
    [655, true],
    [448, false],
    [288, false],
  ] as const) {
    const places = placesOf(width, TOKENS, [false, true, false]);
    const total = places.reduce((sum, { size }) => sum + size[0], 0);
    assert.ok(isRow ? total + 20 <= width : places.every(({ size }) => size[0] <= width), String(width));
    assert.equal(new Set(places.map(({ at }) => at.zoom)).size, 1);
    assert.deepEqual(
      places.map(({ named }) => named),
      isRow ? [true, false, false] : [true, true, true],
    );
  }
  const [long] = placesOf(655, Array(64).fill("a"), [false, false, false]);
  assert.equal(long?.at.labelled, false);
});

test("keys move by one and stay inside", () => {
  assert.deepEqual(stepped(null, "ArrowDown", 3), { query: 0, key: 0 });
  assert.deepEqual(stepped({ query: 2, key: 1 }, "ArrowDown", 3), { query: 2, key: 1 });
  assert.deepEqual(stepped({ query: 2, key: 1 }, "ArrowLeft", 3), { query: 2, key: 0 });
  assert.equal(stepped(null, "a", 3), null);
});

test("numbers that are none do not set the scale", () => {
  assert.equal(largestOf([Float32Array.of(0.5, Number.NEGATIVE_INFINITY, Number.NaN), Float32Array.of(-0.75)]), 0.75);
  assert.equal(largestOf([]), 1);
});

test("shapes, counts and weights are read", () => {
  const sizes = { heads: 8, n: 12, d_k: 32, d_v: 16, m: 12 };
  assert.equal(shapeHere("(heads, n, d_k)", sizes), "8 × 12 × 32");
  assert.equal(shapeHere("(m, 2 · d_v)", sizes), "12 × 32");
  assert.equal(shapeHere("(d_model, rank)", sizes), "");
  assert.equal(shapeHere("", sizes), "");
  assert.equal(amount(2_044_928, ""), "2.04 million");
  assert.equal(amount(8448, ""), "8,448");
  assert.equal(amount(8_192_000, "bytes"), "8.19 MB");
  assert.equal(amount(12, "bytes"), "12 bytes");
  assert.equal(beside(50, 100), "50 % of");
  assert.equal(beside(389, 100), "3.89 times");
  assert.equal(beside(1001, 1000), "about as much as");
  assert.equal(beside(7, 7), "as much as");
  assert.equal(beside(1, 1e6), "less than 0.1 % of");
  assert.equal(apartInWords(0), "largest difference 0");
  assert.equal(apartInWords(3.1e-16), "largest difference 3e-16");
  assert.equal(apartInWords(null), "not a number");
  assert.equal(weightInWords(Number.NEGATIVE_INFINITY, false), "hidden");
  assert.equal(weightInWords(Number.NaN, false), "not a number");
  assert.equal(weightInWords(0.85524, false), "0.8552");
  assert.equal(weightInWords(-0.25, true), "−0.2500");
  assert.equal(weightInWords(0.25, true), "+0.2500");
});

test("names with something below the line, and no others", () => {
  assert.deepEqual(inProse("divided by √d_k, and W_O mixes"), [
    ["divided by √", "d", "k"],
    [", and ", "W", "O"],
    [" mixes", "", ""],
  ]);
  assert.deepEqual(inProse("block_q and head_1"), [["block_q and head_1", "", ""]]);
  assert.deepEqual(subscripts("head_1"), ["head", "1"]);
  assert.deepEqual(subscripts("Q"), ["Q", ""]);
});

test("flash attention's rows and bytes, step by step", () => {
  const tile = (queries: [number, number], read: number, written: number) => ({
    ...{ queries, keys: [0, 2] as [number, number], skipped: false, last: written > 0, read, written },
  });
  const run = { steps: [tile([0, 4], 10, 0), tile([0, 4], 5, 3), tile([4, 6], 7, 0)] };
  assert.deepEqual(offsetsOf(run), [0, 4, 8]);
  assert.deepEqual(movedBy(run, 1), { read: 15, written: 3 });
  assert.deepEqual(groupsOf({ groups: [0, 0, 1, 1] }), [
    [0, 1],
    [2, 3],
  ]);
});
