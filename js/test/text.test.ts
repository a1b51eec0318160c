import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { findPlaces } from "../src/layout/find";
import { partsOf } from "../src/layout/parts";
import {
  breakLines,
  heightsOf,
  lineAtRow,
  lineOf,
  maximaOf,
  mayBreak,
  type Passage,
  rowsIn,
  splitGap,
} from "../src/layout/passage";
import { strongestPlaces, wordsAround } from "../src/layout/places";
import { WEIGHTS } from "../src/layout/scale";
import { largestOf, shadeOf } from "../src/layout/shading";
import { FORBIDDEN } from "../src/layout/tile";
import { unitsOf } from "../src/layout/units";

/** Breaks with letters of one px, spaces among them. */
function broken(parts: string[], width: number): string[] {
  const gaps = parts.map((part) => part.length - part.trimStart().length);
  const passage = breakLines(
    parts,
    parts.map((part) => part.replace(/\n/g, "").length),
    gaps,
    width,
  );
  return linesOf(parts, passage);
}

const linesOf = (parts: string[], { starts }: Passage): string[] =>
  Array.from(starts.slice(0, -1), (start, line) => parts.slice(start, starts[line + 1]).join(""));

test("the text reads as it was written", () => {
  const tokens = ["[CLS]", "The", "cat", "↵", "it", "␣␣", "😀 1/2", "😀 2/2"];
  const parts = partsOf(tokens, { gaps: "0. */**0", odd: ["\n", "  ", "😀"] });
  assert.deepEqual(parts, ["", "The", " cat", "\n", "\nit", "  ", "😀", ""]);
  const none = tokens.map(() => false);
  const side = { tokens, parts, special: none, segments: null, generated: null, writes: false };
  const words = unitsOf({ ...side, words: [0, 1, 2, 3, 4, 5, 6, 6], wordTexts: Array(7).fill("") }, true);
  assert.deepEqual(words.parts.slice(-1), ["😀"]);
});

test("places by the rule that Python follows", () => {
  interface Case {
    parts: string[];
    labels: string[];
    special: number[];
    finds: Record<string, number[][]>;
  }
  const table = JSON.parse(readFileSync("tests/find.json", "utf8")) as Record<string, Case>;
  for (const { parts, labels, special, finds } of Object.values(table)) {
    const tokens = { tokens: labels, parts, special: labels.map((_, at) => special.includes(at)) };
    for (const [wanted, places] of Object.entries(finds)) assert.deepEqual(findPlaces(tokens, wanted), places, wanted);
  }
  assert.deepEqual(findPlaces({ tokens: ["a"], parts: ["a"], special: [false] }, " "), [], "nothing to look for");
});

test("lines end between words, and where the writer ended them", () => {
  assert.deepEqual(broken(["The", " cat", " s", "at", " on", " it"], 8), ["The cat", " sat on", " it"]);
  assert.deepEqual(broken(["a", "\n", "b", "\n", "\n", "c"], 80), ["a\n", "b\n\n", "c"]);
  assert.deepEqual(broken(["a", "\n\n b", " c"], 80), ["a", "\n\n b c"]);
  assert.deepEqual(broken(["abc", "def", "ghi"], 7), ["abcdef", "ghi"], "what has no break is broken anywhere");
  assert.deepEqual(broken(["他", "的", "书", "。"], 3), ["他的", "书。"], "a stop is never first");
  assert.deepEqual(broken(["ab", " cd", "."], 5), ["ab", " cd."]);
  assert.deepEqual(broken(["x", "\n", "   ", " y"], 80), ["x\n", "    y"], "what is indented stays so");
  assert.deepEqual(broken([], 10), []);
  assert.deepEqual(broken(["", ""], 10), [""], "marks alone are a line");
});

test("an empty line takes a row, many of them no more", () => {
  const passage = breakLines(["a", "\n\n\n\n", "b"], [1, 1, 1], [0, 0, 0], 10);
  assert.deepEqual([...passage.rows], [0, 2, 3]);
  assert.equal(rowsIn(passage), 3);
  assert.equal(lineAtRow(passage, 1), 0);
  assert.equal(lineOf(passage, 2), 1);
  assert.deepEqual([...passage.begun.slice(0, 2)], [1, 1]);
  assert.deepEqual(splitGap("\n  ", true), ["\n", "  "]);
  assert.deepEqual(splitGap("  ", false), ["  ", ""]);
});

test("a paragraph's first letter tells its direction", () => {
  const passage = breakLines(["1", " שלום", " a", "\n", "abc"], [1, 5, 2, 1, 3], [0, 1, 1, 0, 0], 6);
  assert.deepEqual([...passage.rightToLeft], [1, 1, 0]);
});

test("a line may end at a space and between ideographs", () => {
  assert.ok(mayBreak("cat", " sat"));
  assert.ok(!mayBreak("un", "able"));
  assert.ok(mayBreak("他", "的"));
  assert.ok(!mayBreak("cat", "."));
  assert.ok(!mayBreak("cat", " "), "a space alone does not begin a line");
});

test("no peak of a long text is lost, at whatever height", () => {
  const count = 32_768;
  const parts = Array.from({ length: count }, (_, at) => (at % 97 === 0 ? "word" : " word"));
  const passage = breakLines(parts, new Float32Array(count).fill(40), new Float32Array(count).fill(4), 560);
  const heights = heightsOf(passage, count);
  for (let at = 1; at < count; at++) assert.ok((heights[at] as number) > (heights[at - 1] as number));
  assert.ok((heights[0] as number) > 0 && (heights[count - 1] as number) < 1);
  for (const pixels of [1, 7, 352, 100_000]) {
    for (const peak of [0, 1, 16_384, count - 1]) {
      const values = new Float32Array(count).fill(1e-6);
      values[peak] = 1;
      const maxima = maximaOf(values, heights, pixels);
      assert.equal(maxima.indexOf(1), Math.min(pixels - 1, Math.floor((heights[peak] as number) * pixels)));
    }
  }
  const signed = Float32Array.of(-3, 2, FORBIDDEN, Number.NaN);
  assert.deepEqual([...maximaOf(signed, Float32Array.of(0, 0, 0, 0), 1)], [-3], "by size");
});

test("neighbours are one place, and crowd out no far one", () => {
  const values = new Float32Array(40).fill(0.001);
  values.set([0.2, 0.3, 0.25], 10);
  values.set([0.05], 30);
  values[0] = FORBIDDEN;
  const [first, second] = strongestPlaces(values, 2, WEIGHTS);
  assert.equal(first?.unit, 11);
  assert.equal(first?.units, 7);
  assert.ok(Math.abs((first?.share ?? 0) - 0.754) < 1e-6);
  assert.equal(second?.unit, 30);
  const all = strongestPlaces(values, 99, WEIGHTS);
  assert.equal(
    all.reduce((sum, { units }) => sum + units, 0),
    39,
    "each once, and none that is forbidden",
  );
  assert.deepEqual(strongestPlaces(Float32Array.of(Number.NaN, FORBIDDEN), 3, WEIGHTS), []);
  const alone = strongestPlaces(values, 3, WEIGHTS, [], 0);
  assert.deepEqual(
    alone.map(({ unit, units }) => [unit, units]),
    [[11, 1], [12, 1], [10, 1]], // biome-ignore format: one line
    "without reach each for itself",
  );
});

test("the words around a place", () => {
  const parts = ["It", " was", " then", " seven", "\n", "o'clock", " .", " The"];
  assert.deepEqual(wordsAround(parts, 3, "seven"), { before: "…was then ", key: "seven", after: " o'clock . The" });
  assert.deepEqual(wordsAround(parts, 5, "o'clock").before, "…seven ");
  assert.equal(wordsAround(parts, 4, "↵").key, "↵", "what has no shape is named");
  assert.equal(wordsAround(parts, 0, "It").before, "");
});

test("the darkest is the largest, and a needle among thousands is seen", () => {
  const values = Float32Array.of(0.085, 0.016, -0.2, FORBIDDEN, Number.NaN);
  assert.equal(largestOf(values), Math.fround(0.2));
  assert.equal(shadeOf("root", 0.085, 0.085), 1);
  assert.ok(shadeOf("root", 0.016, 0.085) > 0.4);
  assert.equal(shadeOf("linear", -0.1, 0.2), 0.5);
  assert.ok(Math.abs(shadeOf("log", 0.1, 1) - 2 / 3) < 1e-6);
  assert.equal(shadeOf("log", 1e-4, 1), 0);
  for (const bad of [0, FORBIDDEN, Number.NaN]) assert.equal(shadeOf("root", bad, 1), 0);
  assert.equal(shadeOf("root", 0, 0), 0);
});
