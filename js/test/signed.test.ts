// Numbers around a zero that means something: strong is what is far from it, either way, and they add up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { accent, SIGNS, signOf, signsOf } from "../src/draw/colours";
import { colouring, GROUND } from "../src/draw/heat";
import { inking } from "../src/draw/pictures";
import { poolCells } from "../src/layout/cells";
import { edgesFrom, indexEdges } from "../src/layout/edge-index";
import { groupsOf, passes } from "../src/layout/heads-order";
import { strongestPlaces } from "../src/layout/places";
import { placeInWords, type Ranking, ranked } from "../src/layout/ranking";
import { readingsOf } from "../src/layout/readings";
import { atMost, briefly, endsInWords, exactly, rankOf, type Scale } from "../src/layout/scale";
import { pairsOf } from "../src/layout/scene";
import { FORBIDDEN, type Tile } from "../src/layout/tile";
import { takeTogether } from "../src/layout/together";
import type { Scene } from "../src/source/scene";
import type { Head, Outline } from "../src/wire/schema";

const PULL: Scale = {
  name: "pull",
  of: "head",
  label: "pull",
  domain: "signed",
  below: "lowers",
  above: "raises",
  limit: 2,
};

const ROWS = [
  [0.5, FORBIDDEN, FORBIDDEN],
  [-2, 0.25, FORBIDDEN],
  [0, -0.75, 1.5],
];
const tile = (rows: number[][]): Tile => ({
  head: [0, 0],
  queries: [0, rows.length],
  keys: [0, rows[0]?.length ?? 0],
  values: Float32Array.from(rows.flat()),
});

function sceneOf(tiles: Tile[][]): Scene {
  const side = { labels: ["The", "cat", "sat"], writes: [] };
  const heads = tiles.map((_, head): Head => [0, head]);
  const units = { query: side, key: side };
  return {
    ...{ heads, given: tiles, tiles, drawn: tiles, together: null, leftOut: null, isWhole: true, units, scale: PULL },
  } as unknown as Scene;
}

const said = (...args: Parameters<typeof readingsOf>) =>
  readingsOf(...args).map(({ head, query, key, value, note }) => [head, query, key, value, note].join("|"));

test("a number has its sign, with a minus as wide as the plus, and the scale's ends have words", () => {
  assert.deepEqual(
    [0.42, -0.42, 0].map((value) => exactly(PULL, value)),
    ["+0.4200", "−0.4200", "0"],
  );
  assert.deepEqual(
    [0.42, -0.42, 0.001].map((value) => briefly(PULL, value)),
    ["+0.42", "−0.42", ""],
  );
  assert.deepEqual(endsInWords(PULL), ["lowers −2.00", "+2.00 raises"]);
  assert.deepEqual(endsInWords(PULL, "0.5", true), ["lowers ≤ −0.5", "≥ +0.5 raises"]);
  assert.deepEqual(endsInWords({ ...PULL, domain: "real" }), ["−2.00", "2.00"]);
  assert.equal(atMost(PULL, -0.12), "none beyond ±0.1200");
  assert.equal(rankOf(PULL, FORBIDDEN), FORBIDDEN, "what is forbidden is not the strongest");
});

test("what is strong is far from 0, either way", () => {
  const scene = sceneOf([[tile(ROWS)]]);
  assert.deepEqual(
    pairsOf(scene, 3).map(({ query, key, value }) => [query, key, value]),
    [
      [1, 0, -2],
      [2, 1, -0.75],
    ],
    "0 is no pair, and the first row sees one key only",
  );
  assert.deepEqual(said(scene, { queries: [1], keys: null }, false, false), [
    "L0-H0|cat|The|−2.000|the strongest of 2",
  ]);
  assert.deepEqual(said(scene, { queries: [2], keys: [1] }, false, false), [
    "L0-H0|sat|cat|−0.7500|2nd strongest of 3",
  ]);
  assert.deepEqual(said(scene, { queries: null, keys: [0] }, false, false), [
    "L0-H0|cat|The|−2.000|the strongest that this key gets",
  ]);
  assert.deepEqual(said(scene, { queries: [2], keys: [1, 2] }, false, false), [
    "L0-H0|sat|cat sat|+0.7500|sum of 2 keys",
  ]);
  const edges = edgesFrom(indexEdges([[tile(ROWS)]], PULL), 0.3);
  assert.deepEqual([...edges.negative], [1, 0, 1]);
  assert.deepEqual([...edges.strength], [0.375, 0.75, 1]);
  const places = strongestPlaces(Float32Array.of(0.2, -3, 1, FORBIDDEN, Number.NaN), 2, PULL, [], 0);
  assert.deepEqual(
    places.map(({ unit, value }) => [unit, value]),
    [
      [1, -3],
      [2, 1],
    ],
  );
});

test("heads stand by the size of their number", () => {
  const measures = [{ ...PULL, sentence: "", missing: "" }];
  const side = { tokens: "", words: "", wordTexts: "", special: [], segments: null, generated: null, writes: false };
  const outline = { measures, queries: { ...side, odd: [], gaps: "" }, keys: null } as unknown as Outline;
  const values = Float32Array.of(0.3, -1, FORBIDDEN, 0.9);
  const pair: Ranking = {
    ...{ layers: 2, heads: 2, values, strongest: new Float32Array(4), why: "" },
    ...{ outline, measure: "pull", words: false, queries: [1], keys: [0] },
  };
  assert.deepEqual(
    ranked(pair, PULL)
      .map(({ value }) => value)
      .map(Math.fround),
    [-1, Math.fround(0.9), Math.fround(0.3)],
  );
  assert.equal(placeInWords(pair, [0, 1]), "first of 3 heads on this pair");
  assert.equal(placeInWords(pair, [1, 1]), "2nd of 3 heads on this pair");
  const known = {
    ...{ categories: null, distance: null, rank: (value: number) => rankOf(PULL, value) },
    pair: ([layer, head]: Head) => values[2 * layer + head] as number,
  };
  const heads: Head[] = [[0, 0], [0, 1], [1, 0], [1, 1]]; // biome-ignore format: four heads
  assert.deepEqual(groupsOf(heads, "pinned pair", known)[0]?.heads, [[0, 1], [1, 1], [0, 0], [1, 0]]); // biome-ignore format: four heads
  const filter = { category: null, bound: 0.5 };
  assert.deepEqual(
    heads.map((head) => passes(head, "pinned pair", known, filter)),
    [false, true, false, true],
  );
});

test("they add up: a forbidden pair is 0 in a mean, and a cell has its strongest number and the sum", () => {
  const heads = [[tile([[2, FORBIDDEN, -1]])], [tile([[-4, FORBIDDEN, FORBIDDEN]])]];
  assert.deepEqual([...(takeTogether(heads, "mean", PULL)[0] as Tile).values], [-1, FORBIDDEN, -0.5]);
  assert.deepEqual([...(takeTogether(heads, "maximum", PULL)[0] as Tile).values], [-4, FORBIDDEN, -1]);
  const { largest, mass } = poolCells(tile(ROWS), { level: 1, row: 0, column: 0 }, PULL);
  assert.deepEqual([...largest], [-2, FORBIDDEN, -0.75, 1.5]);
  assert.deepEqual(
    [...mass],
    [(0.5 - 2 + 0.25) / 2, FORBIDDEN, -0.75, 1.5],
    "over the keys the sum, over queries the mean",
  );
});

test("0 is as blank as the ground, and the strongest has one of two colours", () => {
  for (const theme of ["light", "dark"] as const) {
    const signs = signsOf(PULL, theme);
    assert.equal(signs, SIGNS[theme]);
    const colour = colouring({ kind: "maximum", colour: accent(theme), signs, top: 1, isLog: false, theme });
    const hex = (value: number) =>
      `#${colour(value)
        .map((one) => Math.round(one).toString(16).padStart(2, "0"))
        .join("")}`;
    assert.deepEqual([hex(0), hex(1), hex(-1)], [GROUND[theme], SIGNS[theme].positive, SIGNS[theme].negative]);
    assert.equal(signOf(SIGNS[theme], -1), SIGNS[theme].negative);
  }
  assert.equal(signsOf({ domain: "positive" }, "light"), null);
  assert.equal(signsOf(null, "light"), null);
  const [none, , high] = [128, 0, 255].map((shade) => inking(accent("light"), SIGNS.light)(shade));
  assert.deepEqual(none, [128, 128, 128, 10], "in small, 0 is faint and what is hidden is clear");
  assert.deepEqual(high, [178, 24, 43, 255]);
});
