import assert from "node:assert/strict";
import { test } from "node:test";
import { columnsFor, NUMBER_WIDTH, rowHeight, STAGE_MAX, stageHeight, visibleRows } from "../src/layout/columns";
import { edgeAt, edgesOf, fall, focusEdges } from "../src/layout/edges";
import { focusOf, shadesOf, strongestPair } from "../src/layout/focus";
import { type Tile, weightAt } from "../src/source";

const tile = (rows: number[][], queries = 0, keys = 0): Tile => ({
  head: [0, 0],
  queries: [queries, queries + rows.length],
  keys: [keys, keys + (rows[0]?.length ?? 0)],
  values: Float32Array.from(rows.flat()),
});

test("columns fit and are centred at every width", () => {
  for (let width = 320; width <= 1600; width += 40) {
    for (const label of [20, 90, 700]) {
      const { label: given, left, right } = columnsFor(width, label);
      assert.ok(right > left, `${width}`);
      assert.ok(Math.abs(left - (width - right)) < 1e-9);
      assert.ok(left - given - NUMBER_WIDTH >= 0, `labels and numbers fit in ${width}`);
    }
  }
});

test("rows get closer, never unreadable, and the stage never higher than it may be", () => {
  for (const count of [1, 12, 30, 64, 256, 5000]) {
    assert.ok(rowHeight(count) >= 19 && rowHeight(count) <= 26);
    assert.ok(stageHeight(count) <= STAGE_MAX);
  }
  assert.equal(stageHeight(12), 12 * 26);
});

test("what is in sight of a long text comes in whole blocks", () => {
  assert.deepEqual(visibleRows(0, 640, 20, 500), [0, 500]);
  const [start, stop] = visibleRows(2000, 640, 20, 3000);
  assert.ok(start <= 100 && stop >= 132);
  assert.deepEqual(visibleRows(2010, 640, 20, 3000), [start, stop]);
  assert.equal(visibleRows(1e6, 640, 20, 3000)[1], 3000);
});

test("edges: nothing forbidden, nothing below the threshold, no zero, weakest first", () => {
  const edges = edgesOf(
    [
      [
        tile([
          [1, -1, -1],
          [0.4, 0.6, -1],
          [0.1, 0, 0.9],
        ]),
      ],
    ],
    0.2,
  );
  assert.deepEqual([...edges.query], [1, 1, 2, 0]);
  assert.deepEqual([...edges.key], [0, 1, 2, 0]);
  assert.equal(edgesOf([[tile([[0, 1]])]], 0).count, 1);
});

test("edges: a pair that two tiles hold is one line", () => {
  const whole = [
    [0.5, 0.5, 0],
    [0.2, 0.3, 0.5],
    [0.1, 0.1, 0.8],
  ];
  const rows = tile(whole.slice(1, 2), 1, 0);
  const column = tile(
    whole.map((row) => row.slice(1, 2)),
    0,
    1,
  );
  const edges = edgesOf([[rows, column]], 0);
  assert.equal(edges.count, 5); // 3 in the row, 3 in the column, one in both
});

test("edges: the strongest are kept, and the others counted", () => {
  const edges = edgesOf([[tile([[0.1, 0.2, 0.3, 0.4]])]], 0, 2);
  assert.deepEqual([...edges.key], [2, 3]);
  assert.equal(edges.dropped, 2);
});

test("NaN is no line and no number", () => {
  assert.equal(edgesOf([[tile([[Number.NaN, 0.5]])]], 0).count, 1);
  assert.ok(Number.isNaN(weightAt([tile([[Number.NaN]])], 0, 0)));
  assert.ok(Number.isNaN(weightAt([tile([[1]])], 5, 0)));
});

test("the pointer finds the curve where it is drawn", () => {
  // The point of the Bézier curve at t, by de Casteljau's construction.
  const mix = (a: number, b: number, t: number) => a + (b - a) * t;
  const at = (p: number[], t: number): number => {
    const points = [...p];
    while (points.length > 1) points.splice(0, points.length, ...points.slice(1).map((b, i) => mix(points[i]!, b, t)));
    return points[0]!;
  };
  for (const t of [0, 0.1, 0.25, 0.5, 0.8, 1]) {
    assert.ok(Math.abs(fall(at([0, 0.5, 0.5, 1], t)) - at([0, 0, 1, 1], t)) < 1e-6);
  }
  const edges = edgesOf(
    [
      [
        tile([
          [1, 0, 0],
          [0, 0, 0],
          [0.3, 0, 0.7],
        ]),
      ],
    ],
    0,
  );
  const row = (index: number) => 10 + 20 * index;
  const found = edgeAt(edges, 0.5, 30, row); // halfway down from row 2 to row 0
  assert.deepEqual([edges.query[found], edges.key[found]], [2, 0]);
  assert.equal(edgeAt(edges, 0.5, 300, row), -1);
});

test("focus: a hovered token stands in for its side's pins and meets those of the other", () => {
  assert.equal(focusOf(null, [], []), null);
  assert.deepEqual(focusOf(null, [1], []), { queries: [1], keys: null });
  assert.deepEqual(focusOf({ side: "query", unit: 4 }, [1], []), { queries: [4], keys: null });
  assert.deepEqual(focusOf({ side: "key", unit: 2 }, [1], []), { queries: [1], keys: [2] });
  assert.deepEqual(focusOf({ side: "key", unit: 2 }, [1], [5]), { queries: [1], keys: [2] });
  assert.deepEqual(focusOf({ side: "line", query: 3, key: 0, head: 0 }, [1], []), { queries: [3], keys: [0] });
});

test("shades: mean over attending, sum over attended, mean over heads; forbidden only if nobody may look", () => {
  const heads = [
    [
      tile([
        [1, -1],
        [0.25, 0.75],
      ]),
    ],
    [
      tile([
        [1, -1],
        [0.5, 0.5],
      ]),
    ],
  ];
  const keys = shadesOf(heads, { queries: [0, 1], keys: null }, [0, 1]);
  assert.equal(keys.get(0)?.weight, (1 + 0.25 + 1 + 0.5) / 4);
  assert.deepEqual(keys.get(1), { weight: (0.75 + 0.5) / 4, allowed: true });
  assert.equal(shadesOf(heads, { queries: [0], keys: null }, [1]).get(1)?.allowed, false);
  const queries = shadesOf(heads, { queries: null, keys: [0, 1] }, [1]);
  assert.equal(queries.get(1)?.weight, 1);
});

test("the strongest pair is looked for within the focus", () => {
  const heads = [
    [
      tile([
        [1, -1],
        [0.25, 0.75],
      ]),
    ],
  ];
  const { query, key, weight } = strongestPair(heads, { queries: [1], keys: null }, { query: 2, key: 2 })!;
  assert.deepEqual([query, key, weight], [1, 1, 0.75]);
  assert.equal(strongestPair(heads, { queries: [0], keys: [1] }, { query: 2, key: 2 }), null);
});

const long = edgesOf(
  [
    [
      tile([
        [0.5, 0.5],
        [0.9, 0.1],
      ]),
    ],
  ],
  0,
);
test("focused edges are a part of all edges", () => {
  const focused = focusEdges(long, [1], null);
  assert.deepEqual(
    [...focused.weight].map((weight) => weight.toFixed(1)),
    ["0.1", "0.9"],
  );
  assert.equal(focusEdges(long, [1], [0]).count, 1);
});
