import assert from "node:assert/strict";
import { test } from "node:test";
import { agreement, shadesOfDistances } from "../src/layout/alike";
import { type HeadCategories, OTHER, type Scores, UNKNOWN } from "../src/layout/categories";
import { groupsOf, type Known, numberFor, passes } from "../src/layout/heads-order";
import { cellsFor, mapOf, neighbourOf, type Placed, planeOf, rowsOf } from "../src/layout/heads-wall";
import type { Category, Head } from "../src/wire/schema";

const ROOMS: [number, number][] = [
  [590, 438],
  [448, 600],
  [1050, 560],
  [320, 300],
];

test("a map fits its width at any size of model, and its height where a picture stays one", () => {
  for (const [layers, heads] of [
    [4, 8],
    [12, 12],
    [32, 32],
    [1, 1],
    [96, 64],
  ] as const) {
    for (const [width, height] of ROOMS) {
      const wall = mapOf(layers, heads, width, height);
      assert.equal(wall.placed.length, layers * heads);
      assert.ok(wall.cell >= 6);
      if (wall.cell > 6) assert.ok(wall.width <= width, `${layers} × ${heads} in ${width}`);
      if (wall.cell > 12) assert.ok(wall.height <= height, `${layers} × ${heads} in ${height}`);
      const right = wall.placed.filter(({ head }) => head[0] === 0).map(({ x }) => x);
      assert.deepEqual(
        right,
        [...right].sort((a, b) => a - b),
      );
    }
  }
  assert.ok(mapOf(12, 12, 590, 438).cell >= 30, "twelve heads are read, not guessed");
  assert.ok(mapOf(32, 32, 590, 438).height <= 438, "the whole model at a glance");
});

test("rows are filled one after the other, below their headings, and nothing overlaps", () => {
  const heads = Array.from({ length: 23 }, (_, at): Head => [0, at]);
  const groups = [
    { text: "Induction", category: 5, heads: heads.slice(0, 9) },
    { text: "Other", category: OTHER, heads: heads.slice(9) },
  ];
  const wall = rowsOf(groups, 300, 40);
  assert.deepEqual(
    wall.headings.map(({ text, count }) => [text, count]),
    [
      ["Induction", 9],
      ["Other", 14],
    ],
  );
  assert.ok(wall.width <= 300);
  const { cell, under } = wall;
  for (const [at, one] of wall.placed.entries()) {
    assert.ok(one.x + cell <= 300 && one.y + cell + under <= wall.height);
    for (const other of wall.placed.slice(at + 1)) {
      assert.ok(Math.abs(one.x - other.x) >= cell || Math.abs(one.y - other.y) >= cell + under);
    }
  }
  assert.ok((wall.headings[1]?.y ?? 0) >= Math.max(...wall.placed.slice(0, 9).map(({ y }) => y + cell + under)));
});

test("arrow keys go to the next picture, over what is not there", () => {
  const { placed } = mapOf(3, 4, 400, 400);
  assert.equal(neighbourOf(placed, 5, "ArrowRight"), 6);
  assert.equal(neighbourOf(placed, 5, "ArrowUp"), 1);
  assert.equal(neighbourOf(placed, 5, "ArrowDown"), 9);
  assert.equal(neighbourOf(placed, 0, "ArrowLeft"), -1);
  assert.equal(neighbourOf(placed, 9, "ArrowDown"), -1);
  assert.equal(
    neighbourOf(placed, 1, "ArrowDown", (at) => at >= 8),
    9,
    "the second layer was left out",
  );
  assert.equal(neighbourOf(placed, 1, "Home"), -1);
});

test("finer pictures are asked for in steps", () => {
  assert.deepEqual(
    [cellsFor(12, 1), cellsFor(33, 1), cellsFor(40, 1), cellsFor(40, 2), cellsFor(88, 3)],
    [32, 48, 48, 64, 64],
  );
});

const NAMES = ["First", "Second"];
const HEADS: Head[] = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const MAIN = [1, 0, OTHER, 0];
const SCORES: Scores = {
  categories: 2,
  layers: 2,
  heads: 2,
  values: Float32Array.from([0.1, 0.5, 0.1, 0.9, 0.7, 0, 0.2, 0]),
};
const categories = {
  fresh: true,
  list: NAMES.map((name) => ({ name }) as Category),
  scores: SCORES,
  thresholds: [0.4, 0.4],
  main: ([layer, head]: Head) => MAIN[layer * 2 + head] ?? UNKNOWN,
} as unknown as HeadCategories;
const of =
  (values: number[]) =>
  ([layer, head]: Head) =>
    values[layer * 2 + head] ?? Number.NaN;
const KNOWN: Known = {
  categories,
  pair: of([0.2, Number.NEGATIVE_INFINITY, 0.9, Number.NaN]),
  distance: of([0.5, 0, 0.3, 1]),
};
const named = (heads: Head[]) => heads.map(([layer, head]) => `${layer}${head}`).join(" ");

test("heads stand in the order of their numbers, those without one last", () => {
  const order = (name: Parameters<typeof groupsOf>[1]) =>
    groupsOf(HEADS, name, KNOWN).map(({ text, heads }) => `${text}: ${named(heads)}`);
  assert.deepEqual(order("pinned pair"), [": 10 00 01 11"]);
  assert.deepEqual(order("similarity"), [": 01 10 00 11"]);
  assert.deepEqual(order("category"), ["First: 11 01", "Second: 00", "Other: 10"]);
  assert.equal(numberFor("category", { ...KNOWN, categories: null }), null);
  assert.ok(Number.isNaN(numberFor("category", KNOWN)?.([1, 0]) ?? 0), "what is of no kind has no score");
});

test("a filter leaves out other kinds, and numbers on the far side of a bound", () => {
  const left = (order: Parameters<typeof passes>[1], category: number | null, bound: number | null) =>
    named(HEADS.filter((head) => passes(head, order, KNOWN, { category, bound })));
  assert.equal(left("layer", null, null), "00 01 10 11");
  assert.equal(left("layer", 0, null), "01 11");
  assert.equal(left("layer", null, 0.5), "10", "of the pinned pair");
  assert.equal(left("pinned pair", null, 0.2), "00 10");
  assert.equal(left("similarity", null, 0.3), "01 10");
  assert.equal(left("category", OTHER, null), "10");
});

test("a map keeps distances in proportion, inside its room, and leaves out heads without a place", () => {
  const heads = Array.from({ length: 5 }, (_, at): Head => [0, at]);
  const places = [[0, 0], [1, 0], [0, 0.5], [], [1, 0.5]];
  const wall = planeOf(heads, places, 400, 300);
  assert.deepEqual(
    wall.placed.map(({ head }) => head[1]),
    [0, 1, 2, 4],
  );
  const [a, b, c] = wall.placed as [Placed, Placed, Placed, Placed];
  assert.ok(Math.abs(b.x - a.x - 2 * (c.y - a.y)) <= 1, "across as down");
  for (const { x, y } of wall.placed) {
    assert.ok(x >= 0 && x + wall.cell <= 400);
    assert.ok(y >= 0 && y + wall.cell <= 300);
  }
  const same = planeOf(heads, Array(5).fill([0.3, 0.3]), 400, 300);
  const seen = new Set(same.placed.map(({ x, y }) => `${x} ${y}`));
  assert.equal(seen.size, 5, "of heads at one place each is seen");
  const alone = planeOf([[0, 0]], [[0.2, 0.1]], 400, 300);
  assert.deepEqual(
    alone.placed.map(({ x, y }) => [Number.isFinite(x), y]),
    [[true, 0]],
  );
});

test("on a map the category filters, and no number does", () => {
  const known: Known = { categories: null, pair: () => 0.5, distance: () => 0.1 };
  assert.equal(numberFor("map", known), null);
  assert.ok(passes([0, 0], "map", known, { category: null, bound: 0.9 }));
});

test("distances as shades: the nearer the stronger, in their order, and nothing without a number", () => {
  const values = Float32Array.from([0, 0.5, 1, 0.5, 0, Number.NaN, 1, Number.NaN, 0]);
  assert.deepEqual([...shadesOfDistances(values, [0, 1, 2])], [255, 65, 1, 65, 255, 0, 1, 0, 255]);
  assert.deepEqual([...shadesOfDistances(values, [2, 1, 0])], [255, 0, 1, 0, 255, 65, 1, 65, 255]);
});

test("heads agree with their colours where the nearest one is of the same category", () => {
  const heads = Array.from({ length: 5 }, (_, at): Head => [0, at]);
  const kinds = [0, 0, 1, 1, OTHER];
  const main = ([, head]: Head) => kinds[head] as number;
  const far = [
    [0, 1, 9, 9, 0],
    [1, 0, 9, 9, 0],
    [2, 9, 0, 3, 0],
    [9, 9, 3, 0, 0],
    [0, 0, 0, 0, 0],
  ];
  const found = agreement(Float32Array.from(far.flat()), heads, { main });
  assert.deepEqual(found, { same: 3, of: 4, chance: 4 / 3 });
  assert.equal(agreement(new Float32Array(1), [[0, 0]], { main }).of, 0);
});
