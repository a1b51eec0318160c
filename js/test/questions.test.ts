// Questions: the judge is the same as Python's, and what is said of an answer is true of it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Fields, failing, type Rule } from "../src/layout/judge";
import { judged, styled, takesModel } from "../src/layout/questions";
import type { PosedQuestion } from "../src/wire/schema";

interface Case {
  about: string;
  rules: Rule[];
  selection: Fields;
  failing: string[];
}

test("every case of the table that Python is held against too", () => {
  const cases = JSON.parse(readFileSync("tests/judge.json", "utf8")) as Case[];
  for (const one of cases) assert.deepEqual(failing(one.rules, one.selection), one.failing, one.about);
});

test("emphasis is styling, and nothing else is", () => {
  const strong = (text: string) =>
    styled(text)
      .map(({ text: one, strong: is }) => (is ? `[${one}]` : one))
      .join("");
  assert.equal(strong("Pin *it* now"), "Pin [it] now");
  assert.equal(strong("*The cat* and *it*"), "[The cat] and [it]");
  assert.equal(strong("2 * 3 * 4"), "2 * 3 * 4");
  assert.equal(strong("<b>*a*</b>"), "<b>[a]</b>");
});

const names = { queries: ["The", "cat", "sat"], keys: ["The", "cat", "sat"] };
const posed = (...rules: Rule[]) => ({ rules, because: "" }) as unknown as PosedQuestion;
const says = (rule: Rule, selection: Fields) => judged(posed(rule), selection, names).says;

test("what is said is true of what is selected", () => {
  const keys = { keys: { each: [[1]] } };
  assert.equal(says(keys, { keys: [] }), "No key is pinned yet: click a token that is looked at.");
  assert.equal(says(keys, { keys: [0] }), "You pinned *The* as key: try another one.");
  assert.match(says(keys, { keys: [0, 1] }), /^You pinned \*The\*, \*cat\* as key: not all of these belong here/);
  assert.equal(
    says({ keys: { each: [[1], [2]] } }, { keys: [1] }),
    "You pinned *cat* as key: there is more to it; a click with Shift adds one.",
  );
  assert.equal(says(keys, { keys: [1] }), "Right: *cat* as key.");
  assert.equal(says({ heads: { each: [[[3, 0]]] } }, { heads: [[1, 2]] }), "The head drawn: L1-H2. Try another head.");
  assert.equal(says({ off: { each: [[[3, 0]]] } }, { off: [] }), "No head is switched off yet.");
  assert.equal(says({ layer: { range: [2, 3] } }, { layer: 1 }), "The layer is 1: try a higher one.");
  assert.equal(says({ threshold: { is: 0.1 } }, { threshold: 0.5 }), "The threshold is 0.5: try a lower one.");
  assert.equal(says({ mask: { is: null } }, { mask: "causal" }), "Another mask is on: go back to the model’s own.");
  const warm = { what_if: { parts: { temperature: [{ range: [3, 9] }, 1] } } } as unknown as Rule;
  assert.equal(says(warm, { what_if: {} }), "Nothing is changed in the breakdown yet.");
  assert.equal(says(warm, { what_if: { temperature: 2 } }), "The temperature is 2: try a higher one.");
  assert.equal(says(warm, { what_if: { scaled: false } }), "The temperature is 1: try a higher one.");
  assert.equal(says(warm, { what_if: { temperature: 4 } }), "Right.");
  const bare = { what_if: { parts: { scaled: [{ is: false }, true] } } } as unknown as Rule;
  assert.equal(says(bare, { what_if: { temperature: 2 } }), "The scale is still on.");
});

test("a right answer is told, with what there is to learn from it", () => {
  const question = { rules: [{ heads: { each: [[[3, 0]]] }, keys: { each: [[1]] } }], because: "It is *so*." };
  const verdict = judged(question as unknown as PosedQuestion, { heads: [[3, 0]], keys: [1] }, names);
  assert.deepEqual(verdict, { right: true, says: "Right: L3-H0, *cat* as key. It is *so*." });
});

test("what takes a model is known", () => {
  assert.ok(takesModel(posed({ off: { each: [[[0, 0]]] } })));
  assert.ok(!takesModel(posed({ keys: { each: [[0]] } })));
});
