// What stands beside a key of A in the breakdown, and which columns there is room for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { besideInWords, type ComparedName, onlyAt, openBeside, pairAt } from "../src/layout/steps-beside";
import { type ColumnOptions, columnsOf } from "../src/layout/table";
import type { Breakdown, Envelope, StepsBeside } from "../src/wire/schema";

const floats = (...values: number[]): Envelope => ({
  dtype: "float32",
  shape: [values.length],
  data: Float32Array.from(values).buffer,
});
const bytes = (...values: number[]): Envelope => ({
  dtype: "uint8",
  shape: [values.length],
  data: Uint8Array.from(values).buffer,
});
const NONE = Number.NEGATIVE_INFINITY;

const payload: StepsBeside = {
  ...{ missing: "", onlyWeights: "", head: [0, 1], queries: [4], partners: [0, -1, 2, 5, 6], only: [1] },
  ...{ rest: { count: 0, weight: 0 }, norms: [], width: 0, distance: null },
  arrays: {
    allowed: bytes(1, 0, 0, 1, 1),
    weights: floats(0.25, 0, 0, 0.5, Number.NaN),
    weightsDifference: floats(0.5, NONE, NONE, NONE, Number.NaN),
    onlyWeights: floats(0.125),
    onlyAllowed: bytes(1),
  },
};
const allowed = Uint8Array.from([1, 1, 1, 0, 1]);

test("partners are subtracted; what has none, or is hidden, says so", () => {
  const beside = openBeside(payload);
  assert.ok(beside);
  assert.deepEqual(beside.names, ["weights"]);
  assert.equal(beside.limits.weights, 0.5);
  const at = (row: number) => pairAt(beside, allowed, "weights", row);
  assert.deepEqual(at(0), { there: 0.25, apart: 0.5, why: "", reason: "" });
  assert.deepEqual([at(1).there, at(1).apart, at(1).why], [null, null, "no partner"]);
  assert.deepEqual([at(2).there, at(2).apart, at(2).reason], [0, null, "hidden by the mask in B"]);
  assert.deepEqual([at(3).there, at(3).apart, at(3).reason], [0.5, null, "hidden by the mask in A"]);
  assert.ok(Number.isNaN(at(4).apart));
  assert.equal(onlyAt(beside, "weights", 0), 0.125);
  assert.equal(openBeside({ ...payload, missing: "boat has no partner in B" }), null);
  assert.equal(openBeside(null), null);
});

test("the line above says what is compared, and what is not", () => {
  const whole = (beside: Partial<StepsBeside> | null, more: Partial<Breakdown> = {}) =>
    besideInWords({ head: [0, 1], missing: "", beside: beside && { ...payload, ...beside }, ...more } as Breakdown);
  assert.equal(whole(null), "These are A’s steps.");
  assert.match(whole({ missing: "boat has no partner in B" }), /nothing is compared: boat has no partner in B\.$/);
  assert.match(whole({}), /its partner in B, and A − B: red where A/);
  assert.match(whole({ head: [3, 0] }), /in B, in L3-H0, and/);
  assert.match(whole({ onlyWeights: "no q" }), /Only weights are compared: no q\.$/);
  assert.match(whole({}, { missing: "no q" }), /^Weights are compared/);
});

const options: ColumnOptions = {
  ...{ step: 2, width: 816, label: 88, letters: { score: 5, scoreB: 5, weightApart: 6 }, dK: 32, dV: 32 },
  ...{ capped: false, bias: false, exp: true, parts: 0, changed: false, editing: false },
  compared: ["dots", "scores", "weights"],
};
const names = (more: Partial<ColumnOptions>) => columnsOf({ ...options, ...more }).map(({ name }) => name);

test("score and weight stand beside each other wherever there is room, q·k where there is more", () => {
  const [dot, score, weight] = [
    ["dot", "dotB", "dotApart"],
    ["score", "scoreB", "scoreApart"],
    ["weight", "weightB", "weightApart"],
  ] as const;
  assert.deepEqual(names({}), ["key", "k", "products", ...dot, ...score, ...weight]);
  assert.deepEqual(names({ width: 414 }), ["key", ...score, ...weight]);
  assert.deepEqual(names({ width: 320, step: 5 }), ["key", ...score]);
  assert.deepEqual(names({ width: 320, step: 6 }), ["key", ...weight]);
  const compared: ComparedName[] = ["weights"];
  assert.deepEqual(names({ width: 480, compared }), ["key", "k", "products", "dot", ...weight]);
  for (const width of [320, 414, 816, 1248]) {
    const last = columnsOf({ ...options, width }).at(-1);
    assert.ok(last && last.left + last.width <= width);
  }
});
