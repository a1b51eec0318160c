// A text that is longer than its stage: what is shown of it, and which lines are drawn.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Curves, edgeAt, endAt, linesAway } from "../src/layout/edges";
import {
  foldTo,
  foldToFit,
  isFolded,
  itemAt,
  opening,
  rowNear,
  rowOf,
  scrolledAlike,
  shownIn,
  unfolded,
} from "../src/layout/fold";
import { bestTop, endsOf, linesOf, shareOf, withPinned } from "../src/layout/in-sight";
import { leaveOut } from "../src/layout/leave-out";
import { briefly, type Scale, scaleTo, WEIGHTS } from "../src/layout/scale";
import { fitsStage, linesCarried } from "../src/layout/stage";
import { strandsOf } from "../src/layout/strands";
import { type Row, strongestOf } from "../src/layout/strongest";
import type { Tile } from "../src/layout/tile";

// -- folding ---------------------------------------------------------------------------------------------------------

const spans = (wanted: number[], count: number, radius: number, opened: [number, number][] = []) =>
  foldTo(wanted, count, radius, opened).pieces.map(({ start, stop }) => [start, stop]);

test("each wanted unit with its neighbours, in the text's order; what overlaps is one piece", () => {
  assert.deepEqual(spans([50, 10, 12], 100, 1), [
    [9, 14],
    [49, 52],
  ]);
  assert.deepEqual(spans([50, 50], 100, 0), [[50, 51]]);
  assert.deepEqual(spans([], 100, 2), []);
});

test("a gap of one token would take the row that the token takes: it is shown", () => {
  assert.deepEqual(spans([10, 12], 100, 0), [[10, 13]]);
  assert.deepEqual(spans([10, 13], 100, 0), [
    [10, 11],
    [13, 14],
  ]);
  assert.deepEqual(spans([1], 100, 0), [[0, 2]]);
  assert.deepEqual(spans([98], 100, 0), [[98, 100]]);
});

test("at the ends of the text there is no neighbour, and no gap", () => {
  const fold = foldTo([0, 99], 100, 2);
  assert.deepEqual(spans([0, 99], 100, 2), [
    [0, 3],
    [97, 100],
  ]);
  assert.equal(fold.rows, 7);
  assert.deepEqual(itemAt(fold, 3), { gap: [3, 97] });
});

test("every row is a unit or a gap, and together they are the whole text", () => {
  const fold = foldTo([3, 40, 41, 77], 90, 1);
  const items = Array.from({ length: fold.rows }, (_, row) => itemAt(fold, row));
  const covered = items.flatMap((item) =>
    "unit" in item ? [item.unit] : Array.from({ length: item.gap[1] - item.gap[0] }, (_, at) => item.gap[0] + at),
  );
  assert.deepEqual(
    covered,
    Array.from({ length: 90 }, (_, at) => at),
  );
  items.forEach((item, row) => {
    if ("unit" in item) assert.equal(rowOf(fold, item.unit), row);
    else
      for (const unit of [item.gap[0], item.gap[1] - 1]) {
        assert.equal(rowOf(fold, unit), -1);
        assert.equal(rowNear(fold, unit), row);
      }
  });
  assert.equal(shownIn(fold), items.filter((item) => "unit" in item).length);
});

test("of nothing wanted one gap is left; all that is wanted folds nothing", () => {
  const none = foldTo([], 9, 1);
  assert.deepEqual([none.rows, itemAt(none, 0)], [1, { gap: [0, 9] }]);
  assert.ok(isFolded(none));
  assert.ok(!isFolded(unfolded(9)));
  assert.ok(!isFolded(unfolded(0)));
  assert.ok(!isFolded(foldTo([1, 4, 7], 9, 1)));
});

test("an opened gap stays open beside what is shown, and goes with it", () => {
  assert.deepEqual(opening([53, 90]), [53, 59]);
  assert.deepEqual(opening([53, 55]), [53, 55]);
  assert.deepEqual(opening([0, 9]), [3, 9]);
  assert.deepEqual(spans([50], 100, 2, [[53, 59]]), [[48, 59]]);
  assert.deepEqual(spans([50], 100, 2, [[53, 59], [59, 65]]), [[48, 65]]); // biome-ignore format: one case
  assert.deepEqual(spans([20], 100, 2, [[53, 59]]), [[18, 23]]);
});

test("as much around each unit as there is room for", () => {
  assert.equal(foldToFit([50], 1000, 20).rows, 5 + 2);
  const some = Array.from({ length: 12 }, (_, at) => 20 * at + 5);
  assert.equal(foldToFit(some, 1000, 20).rows, foldTo(some, 1000, 1).rows);
  const many = Array.from({ length: 60 }, (_, at) => 20 * at + 5);
  assert.equal(foldToFit(many, 2000, 20).rows, foldTo(many, 2000, 0).rows);
});

test("what both folds have stays where it is", () => {
  const [before, after] = [foldTo([10, 50, 80], 100, 1), foldTo([10, 30, 50, 80], 100, 1)];
  const top = rowOf(before, 50) * 18 - 5 * 18; // five rows below the upper edge
  const moved = scrolledAlike({ fold: before, top }, after, 18, 11 * 18);
  assert.equal(rowOf(after, 50) * 18 - moved, 5 * 18);
  // What is to be kept goes before what is nearer to the middle.
  const kept = scrolledAlike({ fold: before, top: 0 }, after, 18, 15 * 18, [10]);
  assert.equal(rowOf(after, 10) * 18 - kept, rowOf(before, 10) * 18);
  // Of none in common, what is near in the text.
  const far = scrolledAlike({ fold: foldTo([500], 1000, 1), top: 0 }, unfolded(1000), 18, 180);
  assert.ok(Math.abs(500 * 18 - far) < 180);
});

// -- the strongest ---------------------------------------------------------------------------------------------------

interface Case {
  name: string;
  domain: Scale["domain"];
  start: number;
  numbers: (number | "forbidden" | "NaN")[][][];
  count: number;
  least: number;
  leaveOut?: { itself: boolean; first: boolean };
  lines: [head: number, row: number, unit: number, value: number | "NaN"][];
  rows: (number | "NaN")[][];
}

const value = (one: number | "forbidden" | "NaN") =>
  one === "forbidden" ? Number.NEGATIVE_INFINITY : one === "NaN" ? Number.NaN : one;
const near = (one: number, other: number | "NaN") =>
  assert.ok(Object.is(one, value(other)) || Math.abs(one - Number(other)) < 1e-6, `${one} and ${other}`);

for (const one of JSON.parse(readFileSync("tests/data/lines.json", "utf8")) as Case[]) {
  test(`the strongest lines, as the kernel finds them: ${one.name}`, () => {
    const height = one.numbers[0]?.length ?? 0;
    const width = one.numbers[0]?.[0]?.length ?? 0;
    const tiles = one.numbers.map((rows, head): Tile[] => [
      {
        head: [0, head],
        queries: [one.start, one.start + height],
        keys: [0, width],
        values: Float32Array.from(rows.flat(), value),
      },
    ]);
    const { itself = false, first = false } = one.leaveOut ?? {};
    const used = tiles.map((ofHead) => leaveOut(ofHead, { self: itself, first }, width));
    const found = Array.from({ length: height }, (_, row) =>
      strongestOf(used, "query", one.start + row, width, one, { domain: one.domain }),
    );
    const lines = found.flatMap(({ units, heads, values }, row) =>
      [...units].map((unit, at) => [heads[at] as number, row, unit, values[at] as number] as const),
    );
    lines.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    assert.deepEqual(
      lines.map((line) => line.slice(0, 3)),
      one.lines.map((line) => line.slice(0, 3)),
    );
    lines.forEach((line, at) => void near(line[3], one.lines[at]?.[3] ?? "NaN"));
    const sums = (["shown", "total", "visible", "more"] as const).map((name) => found.map((row) => row[name]));
    sums.forEach((row, at) => void row.forEach((sum, nth) => void near(sum, one.rows[at]?.[nth] ?? "NaN")));
  });
}

test("the strongest queries of a key", () => {
  const tiles = [[{ head: [0, 0] as [number, number], queries: [0, 3] as const, keys: [0, 2] as const, values: Float32Array.of(0.9, 0.1, 0.2, 0.8, 0.5, 0.5) }]]; // biome-ignore format: a table
  const row = strongestOf(tiles, "key", 0, 3, { count: 2, least: 0 }, WEIGHTS);
  assert.deepEqual([...row.units], [0, 2]);
  assert.ok(Math.abs(row.total - 1.6) < 1e-6);
});

const row = (units: number[], values: number[], more = 0): Row => ({
  units: Int32Array.from(units),
  heads: new Uint16Array(units.length),
  values: Float32Array.from(values),
  shown: values.reduce((sum, one) => sum + one, 0),
  total: 1,
  visible: 9,
  more,
});
const ROWS = new Map([
  [4, row([0, 3], [0.5, 0.25])],
  [5, row([0], [0.125], 2)],
]);

test("lines in sight: weakest first, and how much of all they are", () => {
  const found = linesOf(ROWS, "query", [4, 5, 6]);
  const edges = found.edges({ ...WEIGHTS, limit: 0.5 });
  assert.deepEqual([...edges.query], [5, 4, 4]);
  assert.deepEqual([...edges.key], [0, 3, 0]);
  assert.deepEqual([...edges.strength], [0.25, 0.5, 1]);
  assert.deepEqual([found.largest, found.more], [0.5, 2]);
  assert.deepEqual([...linesOf(ROWS, "key", [4]).edges(WEIGHTS).key], [4, 4]);
  const asked = [3, 7].map((unit) => ({ row: 4, unit, head: 0, value: 0.0625 }));
  assert.deepEqual([...linesOf(ROWS, "query", [4], asked).edges(WEIGHTS).key], [7, 3, 0], "each line once");
  assert.equal(shareOf(ROWS, [4, 5]), 0.4375);
  assert.equal(shareOf(new Map([[4, { ...row([], []), total: Number.NaN }]]), [4]), null);
  assert.deepEqual([...endsOf(ROWS, [4, 5])], [[0, 0.625], [3, 0.25]]); // biome-ignore format: one line
  assert.deepEqual(withPinned([3, 5], [9, 4]), [3, 4, 9]);
});

test("where the most ends are in sight", () => {
  const top = bestTop([[2, 0.1], [100, 0.5], [104, 0.4], [300, 0.6]], 10, 100); // biome-ignore format: one line
  assert.ok(top <= 1000 && top + 100 >= 1050);
  assert.equal(bestTop([[1, 1]], 10, 100), 0);
});

test("the scale ends a little above the largest", () => {
  assert.equal(scaleTo(WEIGHTS, 0.0139).limit, 0.015);
  assert.equal(scaleTo(WEIGHTS, 0.085).limit, 0.1);
  assert.equal(scaleTo(WEIGHTS, 0.93).limit, 1);
  assert.equal(scaleTo(WEIGHTS, 0.5).limit, 0.5);
  assert.equal(scaleTo({ ...WEIGHTS, domain: "positive" }, 12.5).limit, 15);
  assert.equal(scaleTo(WEIGHTS, 0).limit, 1);
});

test("small weights of a long text have three digits", () => {
  assert.equal(briefly(WEIGHTS, 0.0139, true), ".014");
  assert.equal(briefly(WEIGHTS, 0.0139), ".01");
  assert.equal(briefly(WEIGHTS, 0.652, true), ".65");
  assert.equal(briefly(WEIGHTS, 0.0004, true), "");
});

test("what fits the stage, and how many lines it carries", () => {
  assert.ok(fitsStage(19, 352) && !fitsStage(20, 352));
  assert.deepEqual([linesCarried(19, 1), linesCarried(35, 1), linesCarried(19, 4)], [5, 3, 3]);
});

// -- lines that leave ------------------------------------------------------------------------------------------------

test("a line to what is scrolled away ends at the edge; one to a gap is none", () => {
  const places: Record<number, number> = { 0: -500, 1: 50, 2: 900, 3: Number.NaN };
  const at = (unit: number) => places[unit] as number;
  const curves: Curves = { width: 200, height: 100, strands: strandsOf(1, 18), query: at, key: at };
  const edges = linesOf(new Map([[1, row([0, 1, 2, 3], [0.1, 0.2, 0.3, 0.4])], [0, row([1, 2], [0.1, 0.2])]]), "query", [0, 1]).edges(WEIGHTS); // biome-ignore format: one line
  assert.deepEqual(linesAway(edges, curves), {
    query: { above: 1, below: 0 },
    key: { above: 1, below: 1 },
    gaps: 1,
  });
  assert.deepEqual([endAt(-500, 100), endAt(900, 100), endAt(50, 100)], [-4, 104, 50]);
  const found = edgeAt(edges, 0.95, 103, curves); // near the lower edge
  assert.deepEqual([edges.query[found], edges.key[found]], [1, 2]);
});
