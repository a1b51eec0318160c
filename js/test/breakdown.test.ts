import assert from "node:assert/strict";
import { test } from "node:test";
import { figure, percent, raw, short, shortWeight } from "../src/layout/numbers";
import {
  changeOf,
  fractionsOf,
  isChanged,
  isRoot,
  limitOf,
  norm,
  numberAt,
  openSteps,
  rowOf,
  runningTotals,
  STEPS,
  scaleName,
  softmax,
  strongestRow,
  toggled,
  whatIfName,
  wholeLimitOf,
} from "../src/layout/steps";
import { type ColumnOptions, columnsOf, dimensionAt, isStrip, NARROW } from "../src/layout/table";
import { readingOf } from "../src/views/breakdown/readings";
import type { Shown } from "../src/views/breakdown/store";
import type { Breakdown, Envelope } from "../src/wire/schema";

const floats = (shape: number[], ...values: number[]): Envelope => ({
  dtype: "float32",
  shape,
  data: Float32Array.from(values),
});

// Two keys of two dimensions; the second one is hidden by the mask.
const arrays: Record<string, Envelope> = {
  query: floats([2], 2, -1),
  keys: floats([2, 2], 3, 1, 1, 4),
  products: floats([2, 2], 6, -1, 2, -4),
  dots: floats([2], 5, -2),
  scaled: floats([2], 2.5, -1),
  allowed: { dtype: "uint8", shape: [2], data: Uint8Array.of(1, 0) },
  scores: floats([2], 2.5, Number.NEGATIVE_INFINITY),
  exponentials: floats([2], 1, 0),
  weights: floats([2], 1, 0),
  values: floats([2, 1], 0.25, Number.NaN),
  weighted: floats([2, 1], 0.25, 0),
  weightedNorms: floats([2], 0.25, 0),
  restWeighted: floats([1], 0),
  headOutput: floats([1], 0.25),
  headOutputs: floats([2, 1], 0.25, 0.5),
};

const payload = {
  run: 1,
  attention: "self",
  head: [0, 0],
  pinned: [1],
  queries: [1],
  combine: "mean",
  whatIf: {},
  missing: "",
  rows: [0, 1],
  ranked: false,
  visible: 1,
  masked: 1,
  rest: { count: 0, weight: 0 },
  scale: 0.5,
  softcap: null,
  sharedBy: [0],
  keyHead: 0,
  keyHeads: 2,
  maximum: 2.5,
  total: 1,
  sink: null,
  arrays,
  changed: null,
} as unknown as Breakdown;

const tokens = { tokens: ["<b>", "it"], special: [false, false] };
const steps = openSteps(payload);
const shown = { payload, steps, missing: "", queries: tokens, keys: tokens } as unknown as Shown;

test("arrays are opened by name, with the sizes that follow from them", () => {
  assert.deepEqual([steps.dK, steps.dV, steps.changed], [2, 1, null]);
  assert.deepEqual([...rowOf(steps.numbers.products, 1, 2)], [2, -4]);
  assert.deepEqual([...steps.numbers.allowed], [1, 0]);
  assert.equal(strongestRow(steps.numbers), 0);
});

// -- numbers --------------------------------------------------------------------------------------------------------

test("figures have four digits that count, and say what is no number", () => {
  assert.equal(figure(-0.21712), "−0.2171");
  assert.equal(figure(23.4612), "23.46");
  assert.equal(figure(12345.6), "12346");
  assert.equal(figure(0), "0");
  assert.equal(figure(3.87e-7), "3.870e-7".replace("-", "−"));
  assert.equal(figure(Number.NaN), "not a number");
  assert.equal(figure(null), "not a number");
  assert.equal(figure(Number.NEGATIVE_INFINITY), "−∞");
});

test("cells are short, and never show a small number as zero", () => {
  assert.deepEqual([short(4.1468), short(-0.001), short(0), short(1e-5)], ["4.15", "−0.001", "0.00", "1e−5"]);
  assert.deepEqual(
    [shortWeight(0.65279), shortWeight(0.00002), shortWeight(0), shortWeight(1)],
    ["0.653", "2e−5", "0", "1.000"],
  );
  assert.deepEqual([short(Number.NaN), shortWeight(Number.NaN)], ["NaN", "NaN"]);
  assert.equal(percent(0.614), "61\u00a0%");
  assert.equal(percent(0.004), "0.4\u00a0%");
  assert.deepEqual(
    [percent(0.0002), percent(0.0002, 1), percent(0)],
    ["<\u00a00.1\u00a0%", "<\u00a00.1\u00a0%", "0\u00a0%"],
  );
  assert.deepEqual([raw(-1.5), raw(Number.NEGATIVE_INFINITY)], ["-1.5", "-Infinity"]);
});

test("the bench's words share as softmax says, at any temperature", () => {
  const shares = softmax([0.9, 0.1, 0]).map((one) => Number((100 * one).toFixed(1)));
  assert.deepEqual(shares, [53.9, 24.2, 21.9]);
  assert.deepEqual(softmax([1000, 1000]), [0.5, 0.5]);
  assert.deepEqual(softmax([0, Number.NEGATIVE_INFINITY]), [1, 0]);
  assert.deepEqual(
    softmax([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]).map((one) => Number.isNaN(one)),
    [false, false],
  );
  const [first = 0, second = 0] = softmax([2, 0], 2);
  assert.ok(Math.abs(first / second - Math.E) < 1e-9);
});

test("running totals end at the sum; what is no number adds nothing", () => {
  assert.deepEqual([...runningTotals(Float32Array.of(6, -1))], [0, 6, 5]);
  assert.deepEqual([...runningTotals(Float32Array.of(1, Number.NaN, 2))], [0, 1, 1, 3]);
});

test("fractions are of what is positive", () => {
  assert.deepEqual(fractionsOf([3, 1, Number.NaN]), [0.75, 0.25, 0]);
  assert.deepEqual(fractionsOf([0, 0]), [0, 0]);
  assert.equal(norm(Float32Array.of(3, 4)), 5);
});

test("a scale ends at the largest number, unless that leaves the others without colour", () => {
  assert.deepEqual(limitOf(Float32Array.of(1, -2, Number.NaN)), { end: 2, beyond: false });
  const outlier = Float32Array.from({ length: 1000 }, (_, at) => (at === 0 ? 100 : 1));
  assert.deepEqual(limitOf(outlier), { end: 1, beyond: true });
  assert.deepEqual(wholeLimitOf(outlier), { end: 100, beyond: false });
  assert.deepEqual(limitOf(Float32Array.of(Number.NaN)), { end: 1, beyond: false });
  assert.deepEqual(limitOf(new Float32Array(3)), { end: 1, beyond: false });
});

test("the scale is called what it is", () => {
  assert.equal(scaleName(1 / Math.sqrt(32), 32), "÷ √32");
  assert.equal(scaleName(Math.fround(1 / Math.sqrt(128)), 128), "÷ √128");
  assert.equal(scaleName(0.25, 32), "× 0.25");
  assert.equal(scaleName(1, 64), "not scaled");
  assert.equal(isRoot(1, 1), true);
});

// -- columns --------------------------------------------------------------------------------------------------------

const options: ColumnOptions = {
  step: 2,
  width: 1008,
  label: 80,
  letters: {},
  dK: 32,
  dV: 32,
  capped: false,
  bias: false,
  exp: true,
  parts: 0,
  changed: false,
  editing: false,
};

test("columns stand beside one another and within the width", () => {
  for (const step of STEPS) {
    for (const width of [360, 448, 668, 760, 1008, 1400]) {
      for (const extra of [
        {},
        { dK: 256, dV: 256 },
        { capped: true, bias: true, changed: true, editing: true, parts: 4 },
      ]) {
        const columns = columnsOf({ ...options, step, width, ...extra });
        columns.slice(1).forEach((column, at) => {
          const before = columns[at] as (typeof columns)[0];
          assert.ok(column.left >= before.left + before.width, `${step} ${width} ${column.name}`);
        });
        const last = columns.at(-1) as (typeof columns)[0];
        const odd = width < 400 && "capped" in extra; // all at once on a telephone: too much
        assert.ok(odd || last.left + last.width <= width, `step ${step} at ${width}: ${last.left + last.width}`);
      }
    }
  }
});

test("a column is as wide as its longest number", () => {
  const width = (letters: ColumnOptions["letters"]) =>
    columnsOf({ ...options, letters }).find(({ name }) => name === "dot")?.width ?? 0;
  assert.ok(width({ dot: 7 }) >= 52);
  assert.equal(width({ dot: 4 }), width({}));
});

test("a narrow table has only the columns of the step in view", () => {
  const names = (step: (typeof STEPS)[0]) => columnsOf({ ...options, step, width: NARROW - 1 }).map(({ name }) => name);
  assert.deepEqual(names(2), ["key", "k", "products", "dot"]);
  assert.deepEqual(names(5), ["key", "score", "exp", "weight"]);
  assert.equal(columnsOf(options).length, 10);
});

test("emphasised strips grow where numbers have too little room, and only there", () => {
  const widths = (dK: number) => {
    const strips = columnsOf({ ...options, dK, dV: dK }).filter(({ name }) => isStrip(name));
    return strips.map(({ width }) => width);
  };
  assert.equal(new Set(widths(32)).size, 1);
  const [k = 0, products = 0, v = 0] = widths(256);
  assert.ok(k > 2 * v && products > 2 * v && v >= 44);
});

test("the pointer finds its dimension", () => {
  const column = { name: "k" as const, left: 100, width: 64, active: true };
  assert.deepEqual(
    [dimensionAt(100, column, 32), dimensionAt(103, column, 32), dimensionAt(163.9, column, 32)],
    [0, 1, 31],
  );
  assert.equal(dimensionAt(500, column, 32), 31);
});

// -- what if --------------------------------------------------------------------------------------------------------

test("what is as the model has it is left out of the changes", () => {
  assert.deepEqual(changeOf({}, { temperature: 2 }), { temperature: 2 });
  assert.deepEqual(changeOf({ temperature: 2 }, { temperature: 1 }), {});
  assert.deepEqual(changeOf({ scaled: false, masked: [1] }, { scaled: true, masked: [] }), {});
  assert.deepEqual(changeOf({ scores: { "3": 1 } }, { scores: {} }), {});
  assert.equal(isChanged({ removed: [] }), false);
  assert.equal(isChanged({ removed: [0] }), true);
});

test("the same changes have the same name in whatever order", () => {
  assert.equal(whatIfName({ masked: [2, 1], temperature: 2 }), whatIfName({ temperature: 2, masked: [1, 2] }));
  assert.equal(whatIfName({ temperature: 1 }), whatIfName({}));
  assert.notEqual(whatIfName({ scores: { "1": 2 } }), whatIfName({ scores: { "1": 3 } }));
  assert.deepEqual(toggled([1, 3], 2), [1, 2, 3]);
  assert.deepEqual(toggled([1, 3], 3), [1]);
});

// -- the readout --------------------------------------------------------------------------------------------------

const reading = (...[row, column, dimension]: [Parameters<typeof readingOf>[2]["row"], string, number | null]) =>
  readingOf(shown, steps, { row, column: column as never, dimension })
    .map((piece) => (typeof piece === "string" ? piece : piece.token))
    .join("");

test("the readout reads what is pointed at", () => {
  assert.equal(reading(0, "products", 1), "key <b> · dimension 1: q −1.000 × k 1.000 = −1.000");
  assert.equal(reading(0, "k", 0), "k[0] of <b> = 3.000");
  assert.equal(reading("query", "k", 0), "q[0] of it = 2.000");
  assert.equal(reading(0, "dot", null), "q·k of it and <b> = 5.000, the sum of 2 products");
  assert.equal(reading(0, "scaled", null), "key <b>: 5.000 × 0.5000 = 2.500");
  assert.equal(reading(1, "score", null), "key it: hidden by the mask, score −∞");
  assert.equal(reading(0, "weight", null), "weight of <b> = 1.000 ÷ 1.000 = 1.000");
  assert.equal(reading(1, "v", 0), "v[0] of it = not a number");
  assert.equal(reading("output", "weighted", 0), "head output[0] = 0.2500");
  assert.equal(reading("everyHead", "weighted", 1), "output[0] of L0-H1 = 0.5000");
});

test("a changed number is read as what it was and what it becomes", () => {
  const changed = {
    maximum: 1.25,
    total: 1,
    sink: null,
    rest: { count: 0, weight: 0 },
    removed: 0,
    grown: 1,
    arrays: { ...arrays, scores: floats([2], 1.25, Number.NEGATIVE_INFINITY), headOutputs: floats([2, 1], 0.125, 0.5) },
  };
  const other = { ...payload, whatIf: { temperature: 2 }, changed } as unknown as Breakdown;
  const opened = openSteps(other);
  const read = (...[row, column, dimension]: Parameters<typeof reading>) =>
    readingOf({ ...shown, payload: other }, opened, { row, column: column as never, dimension })
      .map((piece) => (typeof piece === "string" ? piece : piece.token))
      .join("");
  assert.deepEqual(numberAt(opened, "scores", 0), { model: 2.5, now: 1.25, moved: true });
  assert.deepEqual(numberAt(opened, "scores", 1).moved, false);
  assert.equal(read(0, "score", null), "key <b>: score = 2.500 → 1.250, divided by the temperature 2");
  assert.equal(read(0, "exp", null), "key <b>: exp(2.500 − max 2.500) = 1.000 → exp(1.250 − max 1.250) = 1.000");
  assert.equal(read("everyHead", "weighted", 0), "output[0] of L0-H0 = 0.2500 → 0.1250");
  assert.equal(read("everyHead", "weighted", 1), "output[0] of L0-H1 = 0.5000");
});
