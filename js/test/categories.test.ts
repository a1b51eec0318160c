import assert from "node:assert/strict";
import { test } from "node:test";
import { accent, categoryColour, pensFor } from "../src/draw/colours";
import { contrast, mix, shadeFor } from "../src/draw/contrast";
import {
  bestOf,
  countsOf,
  type HeadCategories,
  headsOf,
  isMeasured,
  layerMeans,
  mainOf,
  OTHER,
  type Scores,
  scoreOf,
  UNKNOWN,
} from "../src/layout/categories";
import type { Head } from "../src/wire/schema";

const NONE = Number.NaN;

// Three categories of 2 layers × 2 heads; the third was not measured.
const scores: Scores = {
  categories: 3,
  layers: 2,
  heads: 2,
  values: Float32Array.of(0.9, 0.5, 0.1, -0.2, 0.4, 0.7, 0.3, -0.1, NONE, NONE, NONE, NONE),
};
const thresholds = [0.4, 0.4, 0.4];

test("a head is named after the largest of the scores that reach their own threshold", () => {
  assert.equal(mainOf(scores, thresholds, [0, 0]), 0);
  assert.equal(mainOf(scores, thresholds, [0, 1]), 1);
  assert.equal(mainOf(scores, [0.4, 0.8, 0.4], [0, 1]), 0, "the larger score does not reach its threshold");
  assert.equal(mainOf(scores, thresholds, [1, 0]), OTHER);
});

test("a score that is its threshold reaches it, in single precision too", () => {
  assert.equal(mainOf(scores, [1, 0.7, 1], [0, 1]), 1);
  assert.equal(mainOf(scores, [1, 0.71, 1], [0, 1]), OTHER);
});

test("a head without scores is not called Other", () => {
  const empty = { ...scores, values: new Float32Array(12).fill(NONE) };
  assert.equal(mainOf(empty, thresholds, [0, 0]), UNKNOWN);
  assert.deepEqual(countsOf(empty, thresholds), [null, null, null, null]);
  assert.equal(mainOf(scores, thresholds, [5, 0]), UNKNOWN);
  assert.ok(Number.isNaN(scoreOf(scores, 0, [0, 2])), "not the next layer's first head");
});

test("counts are of main categories; every head is counted once", () => {
  assert.deepEqual(countsOf(scores, thresholds), [1, 1, null, 2]);
  assert.deepEqual(countsOf(scores, [0, 0, 0]), [1, 2, null, 1]);
  assert.equal(isMeasured(scores, 1), true);
  assert.equal(isMeasured(scores, 2), false);
});

test("heads of a category: best first, those named after another category too", () => {
  assert.deepEqual(
    headsOf(scores, thresholds, 1).map(({ head, main }) => [head, main]),
    [
      [[0, 1], 1],
      [[0, 0], 0],
    ],
  );
  const others = headsOf(scores, thresholds, OTHER);
  assert.deepEqual(
    others.map(({ head, main }) => [head, main]),
    [
      [[1, 0], 1],
      [[1, 1], 1],
    ],
    "with the category they come nearest to",
  );
  assert.ok(Math.abs((others[0]?.score ?? 0) - 0.3) < 1e-6);
});

test("best scores and layer means leave out what was not measured", () => {
  assert.deepEqual(
    bestOf(scores, [0, 0], 3).map(({ category }) => category),
    [0, 1],
  );
  const [first, second] = layerMeans(scores, 0);
  assert.ok(Math.abs((first as number) - 0.7) < 1e-6 && Math.abs((second as number) + 0.05) < 1e-6);
  assert.ok(layerMeans(scores, 2).every(Number.isNaN));
});

const category = (name: string, colour: string | null = null) => ({ name, colour }) as HeadCategories["list"][number];
const known = (list: HeadCategories["list"]): HeadCategories => ({
  fresh: true,
  list,
  scores,
  thresholds,
  peak: [],
  warning: "",
  probe: { state: "none", message: "", done: 0, total: 0 },
  main: (head: Head) => mainOf(scores, thresholds, head),
});

test("pens: a category's colour, deeper for the next head of the same category, and a mark each", () => {
  const labels = known([category("Previous-Token"), category("Induction"), category("Self")]);
  const pens = pensFor(
    [
      [0, 0],
      [1, 0],
      [1, 1],
    ],
    labels,
    "light",
  );
  assert.deepEqual(
    pens.map(({ colour }) => colour),
    ["#0072b2", "#808a9a", "#464c55"],
  );
  assert.deepEqual(
    pens.map(({ mark }) => mark),
    [0, 1, 2],
  );
  assert.notEqual(pensFor([[0, 0]], labels, "dark")[0]?.colour, "#0072b2");
});

test("pens: a user's category has its own colour, if it is one, else a spare one", () => {
  const colour = (own: string | null) =>
    pensFor([[0, 0]], known([category("mine", own), category("Induction"), category("Self")]), "light")[0]?.colour;
  assert.equal(colour("#123456"), "#123456");
  assert.match(colour("red; background: url(x)") ?? "", /^#[0-9a-f]{6}$/);
  assert.match(colour(null) ?? "", /^#[0-9a-f]{6}$/);
});

test("pens: without categories one head has the accent, a few a colour each; many are drawn as one", () => {
  const of = (count: number) =>
    pensFor(
      Array.from({ length: count }, (_, at): Head => [0, at]),
      null,
      "light",
    ).map(({ colour }) => colour);
  const [alone] = of(1);
  assert.ok(!of(4).includes(alone as string));
  assert.equal(new Set(of(4)).size, 4);
  assert.deepEqual([...new Set(of(5))], [alone]);
});

test("a shaded token stays readable in every colour, on both themes", () => {
  const names = [
    "Previous-Token",
    "First/Positional",
    "Bag-of-Words",
    "Syntactic",
    "Coreference",
    "Induction",
    "Duplicate-Token",
    "Next-Token",
    "Self",
    "Separator/Punctuation",
    "mine",
  ];
  const labels = known(names.map((name) => category(name)));
  for (const [theme, text, ground] of [
    ["light", "#1b1f24", "#ffffff"],
    ["dark", "#e6e8ec", "#14171c"],
  ] as const) {
    const own = [OTHER, ...names.keys()].map((category) => categoryColour(labels, category, theme) as string);
    for (const colour of [...own, accent(theme), "#000000", "#ffffff", "#ffff00", "#000080"]) {
      const share = shadeFor(colour, theme);
      assert.ok(share >= 0.1 || colour === "#ffffff", `${colour} is still seen: ${share}`);
      assert.ok(contrast(mix(text, text, 1), mix(colour, ground, share)) >= 4.5, `${colour} on ${theme}`);
    }
    for (const colour of own) {
      const seen = contrast(mix(colour, colour, 1), mix(ground, ground, 1));
      assert.ok(seen >= (theme === "dark" ? 4.5 : 2.2), `a line in ${colour} on ${theme}: ${seen}`);
    }
  }
});
