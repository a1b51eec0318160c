import assert from "node:assert/strict";
import { test } from "node:test";
import { edgesFrom, indexEdges } from "../src/layout/edge-index";
import { edgeAt, fall, focusEdges } from "../src/layout/edges";
import { bestOf, focusOf, shadesOf } from "../src/layout/focus";
import { readingsOf } from "../src/layout/readings";
import { type Scale, scaleOf, WEIGHTS } from "../src/layout/scale";
import { NUMBER_WIDTH, rowHeight, STAGE_MAX, stageHeight, stageWidths } from "../src/layout/stage";
import { evenSpread, rankInWords, spreadInWords, standingOf } from "../src/layout/standing";
import { strandsOf } from "../src/layout/strands";
import { FORBIDDEN, type Tile, valueAt } from "../src/layout/tile";
import { findTokens, windowAround } from "../src/layout/token-search";
import type { Scene } from "../src/source/scene";

const tile = (rows: number[][], queries = 0, keys = 0): Tile => ({
  head: [0, 0],
  queries: [queries, queries + rows.length],
  keys: [keys, keys + (rows[0]?.length ?? 0)],
  values: Float32Array.from(rows.flat()),
});

const edgesOf = (tiles: Tile[][], threshold: number, max?: number) =>
  edgesFrom(indexEdges(tiles, WEIGHTS, max), threshold);

test("columns fit and are centred at every width", () => {
  for (let width = 320; width <= 1600; width += 40) {
    for (const label of [20, 90, 700]) {
      const { label: given, left, right } = stageWidths(width, label);
      assert.ok(right > left, `${width}`);
      assert.ok(Math.abs(left - (width - right)) < 1e-9);
      assert.ok(left - given - NUMBER_WIDTH >= 0, `labels and numbers fit in ${width}`);
    }
  }
});

test("rows get closer, never unreadable, and the stage never higher than it may be", () => {
  for (const count of [1, 12, 30, 64, 256, 5000]) {
    assert.ok(rowHeight(count) >= 18 && rowHeight(count) <= 26);
    assert.ok(stageHeight(count) <= STAGE_MAX);
  }
  assert.equal(stageHeight(12), 12 * 26);
});

test("edges: nothing forbidden, nothing below the threshold, no zero, weakest first", () => {
  const edges = edgesOf(
    [
      [
        tile([
          [1, FORBIDDEN, FORBIDDEN],
          [0.4, 0.6, FORBIDDEN],
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

/** All pairs above the threshold, sorted: what the index must give without sorting them again. */
function sorted(tiles: Tile[][], threshold: number, max: number) {
  const found: { query: number; key: number; weight: number; head: number }[] = [];
  tiles.forEach((ofHead, head) => {
    ofHead.forEach(({ queries, keys, values }, nth) => {
      values.forEach((weight, at) => {
        const query = queries[0] + Math.floor(at / (keys[1] - keys[0]));
        const key = keys[0] + (at % (keys[1] - keys[0]));
        const before = ofHead.slice(0, nth);
        const held = before.some(
          (one) => query >= one.queries[0] && query < one.queries[1] && key >= one.keys[0] && key < one.keys[1],
        );
        if (weight >= threshold && weight > 0 && weight < Infinity && !held) found.push({ query, key, weight, head });
      });
    });
  });
  found.sort((one, other) => one.weight - other.weight);
  return { kept: found.slice(Math.max(0, found.length - max)), dropped: Math.max(0, found.length - max) };
}

test("edges: the same as by sorting all, with ties, NaN, forbidden pairs and overlaps", () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  const odd = [0, FORBIDDEN, Number.NaN, 1, 0.5, 0.5, 1e-40, Number.POSITIVE_INFINITY, 3];
  const weight = () => (random() < 0.4 ? odd[Math.floor(random() * odd.length)]! : random() ** 4);
  const rows = (height: number, width: number) =>
    Array.from({ length: height }, () => Array.from({ length: width }, weight));
  const whole = Array.from({ length: 3 }, () => [tile(rows(20, 20))]);
  const overlapping = Array.from({ length: 2 }, () => [tile(rows(6, 20), 4, 0), tile(rows(20, 5), 0, 8)]);
  const equal = [[tile(Array.from({ length: 9 }, () => Array(9).fill(1 / 9)))]];
  for (const tiles of [whole, overlapping, equal, [], [[tile([[0]])]]]) {
    for (const max of [1, 50, 100, 10_000]) {
      const index = indexEdges(tiles, WEIGHTS, max);
      for (const threshold of [0, 1e-41, 0.01, 1 / 9, 0.3, 0.5, 1, 2]) {
        const { kept, dropped } = sorted(tiles, threshold, max);
        const edges = edgesFrom(index, threshold);
        assert.deepEqual(
          [...edges.strength],
          kept.map((one) => one.weight),
        );
        assert.deepEqual(
          [...edges.query],
          kept.map((one) => one.query),
        );
        assert.deepEqual(
          [...edges.key],
          kept.map((one) => one.key),
        );
        assert.deepEqual(
          [...edges.head],
          kept.map((one) => one.head),
        );
        assert.deepEqual([edges.count, edges.dropped], [kept.length, dropped]);
      }
    }
  }
});

test("a weight is ranked among those that its query may give, and compared with an even spread", () => {
  const tiles = [
    tile([
      [1, FORBIDDEN, FORBIDDEN, FORBIDDEN],
      [0.25, 0.75, FORBIDDEN, FORBIDDEN],
      [0.4, 0.2, 0.4, FORBIDDEN],
      [0.25, 0.25, 0.25, 0.25],
      [0.97, 0.02, 0.0099, 0.0001],
      [Number.NaN, 0.5, 0.25, 0.25],
    ]),
  ];
  const said = (query: number, key: number) => {
    const standing = standingOf(tiles, [query], key, 4, WEIGHTS);
    return standing && [rankInWords(standing), spreadInWords(standing.value, evenSpread([tiles], [query], [key], 4))];
  };
  assert.deepEqual(said(0, 0), ["the only token it may see", "about an even spread"]);
  assert.deepEqual(said(1, 1), ["the largest of 2", "1.5 times an even spread"]);
  assert.deepEqual(said(1, 0), ["2nd largest of 2", "50\u00a0% of an even spread"]);
  assert.deepEqual(said(2, 0), ["one of the 2 largest of 3", "about an even spread"]);
  assert.deepEqual(said(3, 2), ["as large as all 4", "about an even spread"]);
  assert.deepEqual(said(4, 0), ["the largest of 4", "3.9 times an even spread"]);
  assert.deepEqual(said(4, 3), ["4th largest of 4", "under 1\u00a0% of an even spread"]);
  assert.equal(said(0, 1), null, "forbidden");
  assert.equal(said(5, 1), null, "not all of the row is a number");
  const many = Array.from({ length: 24 }, (_, at) => (at + 1) / 300);
  const ranks = [23, 22, 21, 20, 13, 12, 11, 3, 2, 1].map((key) => {
    const standing = standingOf([tile([many])], [0], key, 24, WEIGHTS);
    return standing && rankInWords(standing).split(" ")[0];
  });
  assert.deepEqual(ranks, ["the", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd"]);
});

test("only a weight is compared with an even spread: no other share adds up to 1 for sure", () => {
  const side = { labels: ["a", "b"], writes: [] };
  const read = (name: string) => {
    const scale: Scale = { ...WEIGHTS, name };
    const rows = [
      [1, FORBIDDEN],
      [0.1, 0.9],
    ];
    const scene = {
      heads: [[0, 0]],
      given: [[tile(rows)]],
      tiles: [[tile(rows)]],
      drawn: [[tile(rows)]],
      together: null,
      leftOut: null,
      isWhole: true,
      units: { query: side, key: side },
      scale,
    } as unknown as Scene;
    return readingsOf(scene, { queries: [1], keys: [1] }, false, false).map(({ note }) => note);
  };
  assert.deepEqual(read("weights"), ["the largest of 2 · 1.8 times an even spread"]);
  assert.deepEqual(read("mine"), ["the largest of 2"]);
});

test("NaN is no line and no number", () => {
  assert.equal(edgesOf([[tile([[Number.NaN, 0.5]])]], 0).count, 1);
  assert.ok(Number.isNaN(valueAt([tile([[Number.NaN]])], 0, 0)));
  assert.ok(Number.isNaN(valueAt([tile([[1]])], 5, 0)));
});

test("what has NaN in it has no mean", () => {
  const heads = [[tile([[Number.NaN, 0.5]])], [tile([[0.25, 0.75]])]];
  const shades = shadesOf(heads, { queries: [0], keys: null }, [0, 1], WEIGHTS);
  assert.deepEqual([...shades], [[1, { value: 0.625, strength: 0.625, allowed: true }]]);
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
  const curves = { width: 200, strands: strandsOf(1, 20), height: 400, query: row, key: row };
  const found = edgeAt(edges, 0.5, 30, curves); // halfway down from row 2 to row 0
  assert.deepEqual([edges.query[found], edges.key[found]], [2, 0]);
  assert.equal(edgeAt(edges, 0.5, 300, curves), -1);
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
        [1, FORBIDDEN],
        [0.25, 0.75],
      ]),
    ],
    [
      tile([
        [1, FORBIDDEN],
        [0.5, 0.5],
      ]),
    ],
  ];
  const keys = shadesOf(heads, { queries: [0, 1], keys: null }, [0, 1], WEIGHTS);
  assert.equal(keys.get(0)?.strength, (1 + 0.25 + 1 + 0.5) / 4);
  assert.deepEqual(keys.get(1), { value: (0.75 + 0.5) / 4, strength: (0.75 + 0.5) / 4, allowed: true });
  assert.equal(shadesOf(heads, { queries: [0], keys: null }, [1], WEIGHTS).get(1)?.allowed, false);
  const queries = shadesOf(heads, { queries: null, keys: [0, 1] }, [1], WEIGHTS);
  assert.equal(queries.get(1)?.strength, 1);
});

test("the strongest pair is looked for within the focus", () => {
  const heads = [
    [
      tile([
        [1, FORBIDDEN],
        [0.25, 0.75],
      ]),
    ],
  ];
  const counts = { query: 2, key: 2 };
  const { queries, keys, value } = bestOf(heads, { queries: [1], keys: null }, counts, WEIGHTS)!;
  assert.deepEqual([queries, keys, value], [[1], [1], 0.75]);
  assert.equal(bestOf(heads, { queries: [0], keys: [1] }, counts, WEIGHTS), null);
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
    [...focused.strength].map((weight) => weight.toFixed(1)),
    ["0.1", "0.9"],
  );
  assert.equal(focusEdges(long, [1], [0]).count, 1);
});

test("a measure with either sign is drawn by its size, to the scale of what is on screen", () => {
  const measure = {
    name: "scores",
    of: "head" as const,
    label: "score",
    sentence: "",
    domain: "real" as const,
    below: "",
    above: "",
    missing: "",
  };
  const tiles = [
    [
      tile([
        [2, FORBIDDEN],
        [-4, 1],
      ]),
    ],
  ];
  const scale = scaleOf(measure, tiles);
  assert.equal(scale.limit, 4);
  const edges = edgesFrom(indexEdges(tiles, scale), 0.5);
  assert.deepEqual([...edges.query], [0, 1]);
  assert.deepEqual([...edges.strength], [0.5, 1]);
  assert.deepEqual([...edges.negative], [0, 1]);
  assert.equal(bestOf(tiles, { queries: [1], keys: null }, { query: 2, key: 2 }, scale)?.value, 1);
  const shades = shadesOf(tiles, { queries: null, keys: [0, 1] }, [1], scale);
  assert.deepEqual(shades.get(1), { value: -1.5, strength: 0.375, allowed: true });
  // A pair that the mask forbids has no score: it is no 0 in the mean.
  const seen = shadesOf(tiles, { queries: [0, 1], keys: null }, [1], scale);
  assert.deepEqual(seen.get(1), { value: 1, strength: 0.25, allowed: true });
});

test("a token is found by its position, by what it says, by its beginning", () => {
  const tokens = ["It", " was", "as", "2", "it", "wasps", "sit"];
  assert.deepEqual(findTokens(tokens, ""), [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual(findTokens(tokens, "", [1, 4]), [0, 2, 3, 5, 6]);
  assert.deepEqual(findTokens(tokens, "it"), [0, 4, 6]);
  assert.deepEqual(findTokens(tokens, "as "), [2, 1, 5]);
  assert.deepEqual(findTokens(tokens, "2"), [2, 3]);
  assert.deepEqual(findTokens(tokens, "2", [2]), [3]);
  assert.deepEqual(findTokens(tokens, "nothing"), []);
});

test("a long list has a window in the page", () => {
  assert.deepEqual(windowAround(0, 30_000, 10), [0, 10]);
  assert.deepEqual(windowAround(500, 30_000, 10), [495, 505]);
  assert.deepEqual(windowAround(29_999, 30_000, 10), [29_990, 30_000]);
  assert.deepEqual(windowAround(2, 4, 10), [0, 4]);
});
