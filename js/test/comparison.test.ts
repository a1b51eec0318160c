// What two sides have in common, in words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { aloneIn, listed, partnersIn, whyNoNumber } from "../src/layout/comparison";
import { hiddenIn, WEIGHTS } from "../src/layout/scale";
import type { Comparison, Outline, TokenList } from "../src/wire/schema";

const tokensOf = (labels: string[]) =>
  ({
    ...{ tokens: labels.map((one) => `|${one}`).join(""), special: [], wordTexts: "", odd: [], writes: false },
    ...{ words: labels.map(() => 1).join(" "), gaps: ".".repeat(labels.length), segments: null, generated: null },
  }) as unknown as TokenList;

// A: the boat at the bank; B: the money of a bank
const comparison = {
  ...{
    names: ["A", "B"],
    shown: "a",
    queries: [
      [0, 0, 1],
      [4, 4, 1],
    ],
    keys: null,
    missing: "",
    head: null,
  },
  otherQueries: tokensOf(["the", "money", "of", "a", "bank"]),
} as unknown as Comparison;
const outline = { queries: tokensOf(["the", "boat", "at", "the", "bank"]), comparison } as unknown as Outline;
const DIFFERENCE = { ...WEIGHTS, name: "difference" };

test("stretches are pairs", () => {
  assert.deepEqual(
    [...partnersIn([[2, 5, 3]])],
    [
      [2, 5],
      [3, 6],
      [4, 7],
    ],
  );
});

test("tokens without a partner are told of A and of B, whichever is on screen", () => {
  assert.deepEqual(aloneIn(outline, comparison), [
    ["boat", "at", "the"],
    ["money", "of", "a"],
  ]);
  const turned = { ...outline, queries: comparison.otherQueries };
  const other = { ...comparison, shown: "b", otherQueries: outline.queries } as Comparison;
  assert.deepEqual(aloneIn(turned, other), aloneIn(outline, comparison));
  assert.equal(listed(["a", "b", "c", "d", "e", "f", "g", "h"]), "a, b, c, d, e, f and 2 more");
});

test("a pair without a difference has a reason", () => {
  assert.equal(whyNoNumber(outline, DIFFERENCE, [1], [0]), "no partner in B");
  assert.equal(whyNoNumber(outline, DIFFERENCE, [4], [2]), "no partner in B");
  assert.equal(whyNoNumber(outline, DIFFERENCE, [0], [4]), "hidden on one side");
  assert.equal(whyNoNumber(outline, WEIGHTS, [1], [0]), "forbidden by the mask");
  assert.equal(hiddenIn(DIFFERENCE), "no partner, or hidden");
  assert.equal(hiddenIn(WEIGHTS, "query"), "cannot see it");
});
