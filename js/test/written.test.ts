import assert from "node:assert/strict";
import { test } from "node:test";
import { pinsOf, stepOf, writtenIn } from "../src/layout/written";

const TOKENS = { tokens: ["The", "cat", "sat", "down"], generated: [false, false, true, true] };

test("a written token is looked at through the row before it", () => {
  const written = writtenIn(TOKENS);
  assert.deepEqual(written, [2, 3]);
  assert.deepEqual(pinsOf(written, 1), { queries: [1], keys: [], words: false });
  for (const step of [1, 2]) assert.equal(stepOf(written, pinsOf(written, step).queries, false), step);
  assert.deepEqual(pinsOf(written, 0), { queries: [], keys: [] });
});

test("no other choice is a step", () => {
  const written = writtenIn(TOKENS);
  for (const queries of [[], [0], [3], [1, 2]]) assert.equal(stepOf(written, queries, false), 0);
  assert.equal(stepOf(written, [1], true), 0, "a word's row is of several tokens");
});

test("the first token has no row before it, and what nobody wrote has no steps", () => {
  assert.deepEqual(writtenIn({ tokens: ["a", "b"], generated: [true, true] }), [1]);
  assert.deepEqual(writtenIn({ tokens: ["a", "b"], generated: null }), []);
});
