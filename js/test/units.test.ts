import assert from "node:assert/strict";
import { test } from "node:test";
import { queryLabel, type Tokens, tokensOf, unitsOf, writtenAfter } from "../src/layout/units";
import type { TokenList } from "../src/wire/schema";

const DECODER: Tokens = {
  tokens: ["start", "the", "black", "squi", "rrel"],
  special: [true, false, false, false, false],
  words: [0, 1, 2, 3, 3],
  wordTexts: ["start", "the", "black", "squirrel"],
  segments: null,
  generated: null,
  writes: true,
  parts: ["", "the", " black", " squi", "rrel"],
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

test("tokens are read from the few characters that they cross in", () => {
  const packed: TokenList = {
    tokens: "|[CLS]|squi|rrel|a b|",
    special: [0, 1, 4, 5],
    words: "1 2 1 1",
    wordTexts: "|||a\u2009b|",
    segments: [3, 2, 4, 1],
    generated: null,
    writes: false,
    gaps: "0..*0",
    odd: [" a b"],
  };
  const tokens = tokensOf(packed);
  assert.deepEqual(tokens, {
    tokens: ["[CLS]", "squi", "rrel", "a b", ""],
    special: [true, false, false, false, true],
    words: [0, 1, 1, 2, 3],
    wordTexts: ["[CLS]", "squirrel", "a\u2009b", ""],
    segments: [0, 0, 0, 2, 1],
    generated: null,
    writes: false,
    parts: ["", "squi", "rrel", " a b", ""],
  });
  assert.equal(tokensOf(packed), tokens, "once");
  const none = tokensOf({ ...packed, tokens: "", special: [], words: "", wordTexts: "", segments: null });
  assert.deepEqual([none.tokens, none.words, none.wordTexts, none.segments], [[], [], [], null]);
});
