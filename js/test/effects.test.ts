// What heads do to the answer: the sum, the words, the keyboard's way, the table of links.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  effectOf,
  effectTable,
  headBeside,
  inCell,
  linkRows,
  meaningOf,
  offInWords,
  openNumbers,
  placeOf,
  signedFigure,
  signedShort,
  stackOf,
  stepInWords,
  switched,
} from "../src/layout/effects";
import type { Asked, Effects, Envelope, Links, Sum } from "../src/wire/schema";

const array = (rows: number[][]): Envelope => {
  const values = Float32Array.from(rows.flat());
  return { dtype: "float32", shape: [rows.length, rows[0]?.length ?? 0], data: new Uint8Array(values.buffer) };
};
const asked = (kind: Asked["kind"], ...tokens: string[]): Asked => ({
  ...{ kind, rows: [3], count: 1, ids: [1], tokens, label: `log p(${tokens[0]})` },
});

test("the scale ends at the largest size, and what was not run has no number", () => {
  const numbers = openNumbers(array([[0.5, Number.NaN, -2], [1, 0, 0.25]])); // biome-ignore format: rows
  assert.equal(numbers.limit, 2);
  assert.equal(effectOf(numbers, [0, 2]), -2);
  assert.equal(effectOf(numbers, [1, 0]), 1);
  assert.equal(placeOf(numbers, [0, 2]), "the largest of 5");
  assert.equal(placeOf(numbers, [1, 2]), "number 4 of 5 by size");
  assert.equal(placeOf(numbers, [0, 1]), "");
});

test("a sign stands before every number but 0", () => {
  assert.deepEqual([0.5, -0.5, 0].map(signedFigure), ["+0.5000", "−0.5000", "0"]);
  assert.deepEqual([0.5, -0.5, 0].map(signedShort), ["+0.50", "−0.50", "0"]);
  assert.deepEqual([0.574, -0.574, 0.004, 1.26, 120].map(inCell), [".57", "−.57", "", "1.3", "1e+2"]);
});

test("arrow keys lead to the next head, and nowhere beyond the edge", () => {
  const all = { layers: 2, heads: 3, values: new Float32Array(6), limit: 0 };
  assert.deepEqual(headBeside([0, 1], "ArrowDown", all), [1, 1]);
  assert.deepEqual(headBeside([0, 1], "End", all), [0, 2]);
  assert.equal(headBeside([0, 2], "ArrowRight", all), null);
  assert.equal(headBeside([0, 2], "a", all), null);
});

test("a head is switched off, and on again", () => {
  assert.deepEqual(switched([[0, 1]], [2, 3]), [[0, 1], [2, 3]]); // biome-ignore format: pairs
  assert.deepEqual(switched([[0, 1], [2, 3]], [0, 1]), [[2, 3]]); // biome-ignore format: pairs
  assert.equal(offInWords([[3, 5]]), "1 head is off: L3-H5");
  assert.equal(offInWords([[3, 5], [3, 6], [0, 0]], 2), "3 heads are off: L3-H5, L3-H6 and 1 more"); // biome-ignore format: pairs
});

test("the parts of a layer are its attention and the rest, each from where the last one ended", () => {
  const piece = (name: string, layer: number | null, value: number) => ({ name, layer, value });
  const sum: Sum = {
    pieces: [
      piece("embedding", null, -1),
      piece("attention", 0, 2),
      piece("attention bias", 0, 0.5),
      piece("MLP", 0, -0.5),
      piece("norm bias", 0, 1),
      piece("final norm bias", null, 1),
    ],
    ...{ total: 3, logit: 3, missing: [] },
  };
  const { rows, zero } = stackOf(sum);
  assert.deepEqual(
    rows.map(({ layer, steps }) => [layer, ...steps.map(({ name, value }) => `${name} ${value}`)]),
    [
      [null, "embedding -1"],
      [0, "attention 2.5", "MLP 0.5"],
      [null, "final norm bias 1"],
    ],
  );
  assert.equal(zero, 0.25); // from −1 to 3
  const [embedding, attention, mlp, last] = rows.flatMap(({ steps }) => steps);
  assert.deepEqual([embedding?.from, embedding?.to, attention?.from], [0.25, 0, 0]);
  assert.equal(attention?.to, mlp?.from);
  assert.equal(last?.to, 1);
  assert.equal(stepInWords(0, rows[1]!.steps[0]!), "L0 attention +2.500 (all heads +2.000, attention bias +0.5000)");
});

test("what blue and red mean follows from what is asked, and how", () => {
  const written = meaningOf("decompose", asked("logprob", "Mary"));
  assert.match(written.positive, /^writes for “\u2068Mary\u2069”$/);
  const off = meaningOf("ablate", asked("logprob", "Mary"));
  assert.match(off.negative, /less likely: the head helps/); // an effect below 0: the head was helping
  assert.match(meaningOf("ablate", asked("loss")).positive, /loss rises: the head helps/);
  assert.match(meaningOf("ablate", asked("difference", "a", "b")).negative, /helps “\u2068a/);
  assert.equal(meaningOf("ablate", asked("output")).negative, "");
});

test("links are sorted by any column, by size, with what has no number last", () => {
  const links = {
    arrays: { weight: array([[0.1, 0.9, Number.NEGATIVE_INFINITY]]), cut: array([[-2, Number.NaN, 1]]) },
  } as unknown as Links;
  const order = (...how: Parameters<typeof linkRows> extends [Links, ...infer R] ? R : never) =>
    linkRows(links, ...how).map(({ head }) => head[1]);
  assert.deepEqual(order("weight"), [1, 0, 2]);
  assert.deepEqual(order("cut"), [0, 2, 1]);
  assert.deepEqual(order("cut", true), [1, 2, 0]);
  assert.deepEqual(order("head"), [0, 1, 2]);
});

test("the table has every head and every part", () => {
  const table = effectTable({
    ...{ kind: "ablate", asked: asked("logprob", "Mary"), grid: array([[0.5, Number.NaN]]) },
    sum: { pieces: [{ name: "MLP", layer: 0, value: 2 }], total: 2, logit: 2, missing: [] },
  } as unknown as Effects);
  assert.deepEqual(table?.columns, ["part", "layer", "head", "switched off: log p(Mary)", "written into the logit"]);
  assert.deepEqual(table?.rows, [
    ["L0-H0", 0, 0, 0.5, null],
    ["L0-H1", 0, 1, null, null],
    ["L0 MLP", 0, null, null, 2],
  ]);
});
