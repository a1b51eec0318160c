import assert from "node:assert/strict";
import { test } from "node:test";
import { costOf, size } from "../src/layout/cost";
import { edgesFrom, indexEdges } from "../src/layout/edge-index";
import { edgeAt } from "../src/layout/edges";
import { type Focus, numberOf } from "../src/layout/focus";
import { leaveOut, takenFrom } from "../src/layout/leave-out";
import { readingsOf } from "../src/layout/readings";
import { WEIGHTS } from "../src/layout/scale";
import { evenSpread, spreadInWords } from "../src/layout/standing";
import { asideOf, bendOf, STRANDS, strandsOf } from "../src/layout/strands";
import { FORBIDDEN, type Tile } from "../src/layout/tile";
import { takeTogether } from "../src/layout/together";
import type { Scene } from "../src/source/scene";
import type { Head } from "../src/wire/schema";

const tile = (rows: number[][], queries = 0, keys = 0): Tile => ({
  head: [0, 0],
  queries: [queries, queries + rows.length],
  keys: [keys, keys + (rows[0]?.length ?? 0)],
  values: Float32Array.from(rows.flat()),
});

const near = (one: Iterable<number>, other: number[]) =>
  [...one].forEach((value, at) => {
    assert.ok(value === other[at] || Math.abs(value - other[at]!) < 1e-6, `${[...one]} is not ${other}`);
  });

const ROWS = [
  [1, FORBIDDEN, FORBIDDEN],
  [0.6, 0.4, FORBIDDEN],
  [0.5, 0.2, 0.3],
];

// -- what is left out ------------------------------------------------------------------------------------------------

test("a row without a key: the others grow to the row's sum; the mask stays, and so does what was given", () => {
  const given = [tile(ROWS)];
  const [first] = leaveOut(given, { self: false, first: true }, 3);
  near(first!.values, [FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, 1, FORBIDDEN, FORBIDDEN, 0.4, 0.6]);
  const [self] = leaveOut(given, { self: true, first: false }, 3);
  near(self!.values.subarray(3), [1, FORBIDDEN, FORBIDDEN, 0.5 / 0.7, 0.2 / 0.7, FORBIDDEN]);
  const both = leaveOut(given, { self: true, first: true }, 3);
  near(both[0]!.values.subarray(6), [FORBIDDEN, 1, FORBIDDEN]);
  near(Object.values(takenFrom(given, both, 2, 3)), [0.8, 1]);
  near(given[0]!.values, ROWS.flat());
  assert.equal(leaveOut(given, { self: false, first: false }, 3), given);
});

test("a row that ends in a sink keeps its sum; of nothing nothing grows; NaN stays NaN", () => {
  const rows = [
    [0.2, 0.2, 0.1],
    [1, 0, 0],
    [0.5, Number.NaN, 0.1],
  ];
  const [out] = leaveOut([tile(rows)], { self: false, first: true }, 3);
  near(out!.values.subarray(1, 3), [1 / 3, 1 / 6]);
  near(out!.values.subarray(4, 6), [0, 0]);
  assert.ok(Number.isNaN(out!.values[8]));
});

test("a part of a row has no known sum: such tiles are let go", () => {
  const whole = tile([[0.5, 0.2, 0.3]], 2);
  const left = leaveOut([whole, tile([[0.5], [0.1]])], { self: true, first: false }, 3);
  assert.deepEqual(
    left.map(({ queries }) => queries),
    [[2, 3]],
  );
  near(left[0]!.values, [0.5 / 0.7, 0.2 / 0.7, FORBIDDEN]);
});

// -- many heads as one -----------------------------------------------------------------------------------------------

test("many heads: the mean or the largest of each pair, and whose it is", () => {
  const heads = [
    [tile(ROWS)],
    [tile(ROWS.map((row) => row.map((one) => one / 2)))],
    [
      tile([
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ]),
    ],
  ];
  const [mean] = takeTogether(heads, "mean", WEIGHTS);
  near(mean!.values.subarray(0, 6), [2.5 / 3, 0, 0, 0.3, 1.6 / 3, 0]);
  const [largest] = takeTogether(heads, "maximum", WEIGHTS);
  near(largest!.values.subarray(3, 6), [0.6, 1, 0]);
  assert.deepEqual([...largest!.strongest!.subarray(3)], [0, 2, 2, 0, 0, 2]);
  const { head } = edgesFrom(indexEdges([[largest!]]), 0.55);
  assert.deepEqual([...head], [0, 0, 2, 2]);
});

test("numbers with a sign: a forbidden pair does not enter the mean, the maximum is farthest from 0", () => {
  const real = { domain: "real" as const };
  const heads = [[tile([[2, FORBIDDEN, -1]])], [tile([[-4, FORBIDDEN, FORBIDDEN]])]];
  near(takeTogether(heads, "mean", real)[0]!.values, [-1, FORBIDDEN, -1]);
  near(takeTogether(heads, "maximum", real)[0]!.values, [-4, FORBIDDEN, -1]);
  const nan = takeTogether([[tile([[Number.NaN]])], [tile([[1]])]], "maximum", WEIGHTS);
  assert.ok(Number.isNaN(nan[0]!.values[0]));
});

// -- a few heads side by side ----------------------------------------------------------------------------------------

/** The point of a line at t: its handles are moved aside by `bend`. */
function pointAt(t: number, width: number, from: number, drop: number, bend: number): [number, number] {
  const middle = 3 * t * (1 - t) * (width / 2 + bend);
  return [middle + width * t ** 3, from + drop * (3 * t ** 2 - 2 * t ** 3)];
}

test("lines side by side keep apart, however steep they are", () => {
  for (const count of [2, 3, 4]) {
    const strands = strandsOf(count, 18);
    assert.ok(strands.pitch * count <= 18 && strands.widest < strands.pitch);
    for (const drop of [0, 60, -200, 500]) {
      const curve = (head: number) => {
        const aside = asideOf(strands, head);
        const bend = bendOf(aside, 120, drop);
        return Array.from({ length: 201 }, (_, at) => pointAt(at / 200, 120, aside, drop, bend));
      };
      const [one, next] = [curve(0), curve(1)];
      const least = Math.min(...one.flatMap(([x, y]) => next.map(([u, v]) => Math.hypot(x - u, y - v))));
      assert.ok(least > 0.7 * strands.pitch, `${count} heads, ${drop} px down: ${least} of ${strands.pitch}`);
    }
  }
  assert.equal(strandsOf(STRANDS + 1, 18).count, 1);
});

test("the pointer takes the line of the head that it is on", () => {
  const row = (index: number) => 13 + 26 * index;
  const heads = Array.from({ length: 3 }, () => [
    tile([
      [0.9, 0],
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0.5],
    ]),
  ]);
  const edges = edgesFrom(indexEdges(heads), 0.1);
  const curves = { width: 200, strands: strandsOf(3, 26), height: 400, query: row, key: row };
  for (const head of [0, 1, 2]) {
    const aside = asideOf(curves.strands, head);
    const drop = row(1) - row(5);
    for (const t of [0.3, 0.5, 0.8]) {
      const [x, y] = pointAt(t, 200, row(5) + aside, drop, bendOf(aside, 200, drop));
      const at = edgeAt(edges, x / 200, y, curves);
      assert.deepEqual([edges.query[at], edges.key[at], edges.head[at]], [5, 1, head]);
    }
  }
});

// -- what is read ----------------------------------------------------------------------------------------------------

const TILES = [
  [tile(ROWS)],
  [
    tile([
      [1, FORBIDDEN, FORBIDDEN],
      [0.1, 0.9, FORBIDDEN],
      [0.2, 0.6, 0.2],
    ]),
  ],
];

function sceneOf(heads: Head[], tiles: Tile[][], more: Partial<Scene> = {}): Scene {
  const side = { labels: ["The", "cat", "sat"], writes: [] };
  const units = { query: side, key: side };
  return {
    heads,
    given: tiles,
    tiles,
    drawn: tiles,
    together: null,
    leftOut: null,
    isWhole: true,
    units,
    scale: WEIGHTS,
    ...more,
  } as unknown as Scene;
}

const said = (...args: Parameters<typeof readingsOf>) =>
  readingsOf(...args).map(({ head, query, key, value, note }) => [head, query, key, value, note].join("|"));

test("several queries: their mean or their sum, said as such, beside an even spread of each", () => {
  const scene = sceneOf([[0, 0]], TILES.slice(0, 1));
  const focus = { queries: [1, 2], keys: null };
  const half = (1 / 2 + 1 / 3) / 2;
  assert.deepEqual(said(scene, focus, false, false), [
    `L0-H0|cat sat|The|0.5500|mean of 2 queries · the largest of 3 · about an even spread`,
  ]);
  assert.deepEqual(said(scene, { queries: [1, 2], keys: [1] }, false, false, "sum"), [
    "L0-H0|cat sat|cat|0.6000|sum of 2 queries · 2nd largest of 3 · 72\u00a0% of an even spread",
  ]);
  assert.ok(Math.abs(evenSpread(TILES.slice(0, 1), [1, 2], [0], 3) - half) < 1e-9);
  assert.equal(evenSpread(TILES.slice(0, 1), [1, 2], [2], 3), 1 / 6, "the first query cannot look there");
  assert.equal(spreadInWords(0.6, 2 * half), "72\u00a0% of an even spread");
});

test("several keys are summed; in whole words an even spread is one over words", () => {
  const scene = sceneOf([[0, 0]], TILES.slice(0, 1));
  assert.deepEqual(said(scene, { queries: [2], keys: [0, 2] }, false, true), [
    "L0-H0|sat|The, sat|0.8000|sum of 2 keys · about an even spread over words",
  ]);
  assert.deepEqual(
    said(scene, { queries: null, keys: [0] }, false, false)[0],
    "L0-H0|The|The|1.0000|the largest that this key gets",
  );
});

test("a few heads are read one by one, many as what is drawn", () => {
  const heads: Head[] = [
    [0, 0],
    [3, 1],
  ];
  assert.deepEqual(said(sceneOf(heads, TILES), { queries: [2], keys: [1] }, false, false), [
    "L3-H1|sat|cat|0.6000|1.8 × even",
    "L0-H0|||0.2000|0.6 × even",
  ]);
  const drawn = [takeTogether(TILES, "mean", WEIGHTS)];
  const many = sceneOf(heads, TILES, { together: "mean", drawn });
  assert.deepEqual(said(many, { queries: [2], keys: null }, false, false), [
    "mean of 2 heads|sat|cat|0.4000|the largest of 3 · about an even spread · most in L3-H1: 0.6000",
  ]);
  const largest = sceneOf(heads, TILES, { together: "maximum", drawn: [takeTogether(TILES, "maximum", WEIGHTS)] });
  assert.deepEqual(said(largest, { queries: [2], keys: [1] }, false, false), [
    "maximum of 2 heads|sat|cat|0.6000|the largest of 3 · most in L3-H1: 0.6000",
  ]);
});

test("what is left out is said, with how much it was", () => {
  const leftOut = { self: true, first: true };
  const tiles = TILES.slice(0, 1).map((ofHead) => leaveOut(ofHead, leftOut, 3));
  const scene = sceneOf([[0, 0]], TILES.slice(0, 1), { leftOut, tiles, drawn: tiles });
  assert.deepEqual(said(scene, { queries: [2], keys: null }, true, false), [
    "L0-H0|sat|cat|1.0000|the only token that is not left out · without itself and The: 0.80 removed, the rest scaled to 1 · query pinned · Esc clears",
  ]);
  assert.match(said(scene, { queries: [2], keys: [0] }, false, false)[0]!, /\|The\|0\.5000, left out\|without/);
  assert.match(said(scene, { queries: [1], keys: [2] }, false, false)[0]!, /\|forbidden by the mask\|/);
  assert.match(said(scene, { queries: [0], keys: null }, false, false)[0]!, /all that it has is left out/);
});

test("of a few heads each tells its own of what is left out", () => {
  const leftOut = { self: false, first: true };
  const tiles = TILES.map((ofHead) => leaveOut(ofHead, leftOut, 3));
  const heads: Head[] = [
    [0, 0],
    [3, 1],
  ];
  const scene = sceneOf(heads, TILES, { leftOut, tiles, drawn: tiles });
  assert.deepEqual(said(scene, { queries: [2], keys: null }, false, false), [
    "L3-H1|sat|cat|0.7500|the largest of 2 heads · 1.5 times an even spread · without The: 0.20 removed, the rest scaled to 1",
  ]);
  const [first, second] = said(scene, { queries: [2], keys: [0] }, false, false);
  assert.match(first!, /^L0-H0\|sat\|The\|0\.5000, left out/);
  assert.match(second!, /^L3-H1\|\|\|0\.2000, left out\|without The: on average 0\.35 removed/);
});

test("the number beside a key is that of the readout", () => {
  assert.equal(numberOf(TILES, [1, 2], [0], WEIGHTS).toFixed(4), "0.3500");
  assert.equal(numberOf(TILES, [1, 2], [0], WEIGHTS, "sum").toFixed(4), "0.7000");
});

// -- what it costs ---------------------------------------------------------------------------------------------------

test("the cost of all weights: one attention, or an encoder–decoder's three", () => {
  const one = { attention: "self", queries: 1024, keys: 1024, layers: 12, heads: 12 };
  assert.deepEqual(costOf([one]), {
    product: "1,024² pairs × 12 heads × 12 layers",
    numbers: 1024 * 1024 * 144,
    bytes: 4 * 1024 * 1024 * 144,
  });
  const layers = { layers: 2, heads: 4 };
  const three = [
    { attention: "encoder", queries: 6, keys: 6, ...layers },
    { attention: "decoder", queries: 8, keys: 8, ...layers },
    { attention: "cross", queries: 8, keys: 6, ...layers },
  ];
  assert.equal(costOf(three).product, "(6² + 8² + 8 × 6) pairs × 4 heads × 2 layers");
  assert.equal(costOf(three).numbers, (36 + 64 + 48) * 8);
  assert.equal(costOf([{ ...one, queries: 3, keys: 3, heads: 1, layers: 1 }]).product, "3² pairs × 1 head × 1 layer");
  assert.deepEqual([0, 900, 18_432, 4_200_000, 603_979_776].map(size), [
    "0\u00a0bytes",
    "900\u00a0bytes",
    "18\u00a0kB",
    "4.2\u00a0MB",
    "604\u00a0MB",
  ]);
});

test("a long text is read from a profile, as a short one is from its pairs", () => {
  const heads: Head[] = [
    [0, 0],
    [3, 1],
  ];
  const long = (chosen: number[]) =>
    sceneOf(
      chosen.map((at) => heads[at] as Head),
      chosen.map(() => []),
      { isWhole: false },
    );
  const profile = (side: "query" | "key", of: number[], byHead: number[][]) => {
    const rows = byHead.map((row) => Float32Array.from(row));
    const own = byHead.length > 1 ? heads : heads.slice(1);
    return { side, of, byHead: rows, values: rows[0], heads: own, measure: "weights" } as unknown as Parameters<
      typeof readingsOf
    >[7];
  };
  const read = (chosen: number[], focus: Focus, given: Parameters<typeof readingsOf>[7]) =>
    said(long(chosen), focus, false, false, "mean", null, null, given);
  const short = (chosen: number[], focus: Focus) =>
    said(
      sceneOf(
        chosen.map((at) => heads[at] as Head),
        chosen.map((at) => TILES[at] as Tile[]),
      ),
      focus,
      false,
      false,
    );
  const row = [0.2, 0.6, 0.2];
  for (const keys of [null, [1], [0, 2]]) {
    const focus = { queries: [2], keys };
    assert.deepEqual(read([1], focus, profile("key", [2], [row])), short([1], focus));
  }
  const both = { queries: [2], keys: [1] };
  const last = TILES.map(([one]) => [...(one as Tile).values.slice(6)]);
  assert.deepEqual(read([0, 1], both, profile("key", [2], last)), short([0, 1], both));
  const column = { queries: null, keys: [0] };
  assert.deepEqual(read([1], column, profile("query", [0], [[1, 0.1, 0.2]])), short([1], column));

  assert.deepEqual(read([1], both, profile("key", [1], [row])), ["L3-H1|sat|cat|…|"], "of another query");
  assert.deepEqual(read([0], both, profile("key", [2], last)), ["L0-H0|sat|cat|…|"], "of the heads before");
  const blind = profile("key", [2], [[FORBIDDEN, FORBIDDEN, FORBIDDEN]]);
  assert.match(read([1], { queries: [2], keys: null }, blind)[0] as string, /attends to nothing/);
  assert.deepEqual(
    read([1], { queries: [2], keys: null }, profile("key", [2], [[Number.NaN, 0, 0].fill(Number.NaN)])),
    [],
  );
});
