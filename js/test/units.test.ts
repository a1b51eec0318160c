import assert from "node:assert/strict";
import { test } from "node:test";
import { queryLabel, unitsOf, writtenAfter } from "../src/layout/units";
import type { TokenList } from "../src/wire/schema";

const DECODER: TokenList = {
  tokens: ["start", "the", "black", "squi", "rrel"],
  special: [true, false, false, false, false],
  words: [0, 1, 2, 3, 3],
  wordTexts: ["start", "the", "black", "squirrel"],
  segments: null,
  generated: null,
  writes: true,
  gaps: "0. *.",
  odd: [" squi"],
};

test("a decoder's row is labelled with what it reads and what it writes", () => {
  const tokens = unitsOf(DECODER, false);
  assert.deepEqual(tokens.writes, ["the", "black", "squi", "rrel", "…"]);
  assert.equal(queryLabel(tokens, 1), "the ▸ writes black");
  assert.equal(queryLabel(tokens, 1, " ▸ "), "the ▸ black");
  assert.equal(tokens.labels[1], "the", "as a key it is itself");
  const words = unitsOf(DECODER, true);
  assert.deepEqual(words.writes, ["the", "black", "squirrel", "…"]);
  assert.deepEqual(
    DECODER.tokens.map((_, token) => writtenAfter(DECODER, token)),
    tokens.writes,
  );
});

test("any other row is labelled with its token", () => {
  const side = { ...DECODER, writes: false };
  assert.deepEqual(unitsOf(side, false).writes, []);
  assert.equal(queryLabel(unitsOf(side, false), 1), "the");
  assert.equal(writtenAfter(side, 1), "");
});
