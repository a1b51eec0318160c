import assert from "node:assert/strict";
import { test } from "node:test";
import { type HeadCategories, mainOf, OTHER } from "../src/layout/categories";
import { compared, habitOf, hereInWords, rowOf } from "../src/layout/row";
import { FORBIDDEN, type Tile } from "../src/layout/tile";
import type { Category, Head } from "../src/wire/schema";

const scores = { categories: 2, layers: 1, heads: 3, values: Float32Array.of(0.66, 0.41, 0.1, 0, 0, 0) };
const about = { threshold: 0.4, scale: "", chance: null, source: "", colour: null };
const known = (notes: Category["notes"] = null): HeadCategories => ({
  fresh: true,
  list: [
    { ...about, name: "Bag-of-Words", meaning: "Spreads its attention evenly.", notes },
    { ...about, name: "mine", meaning: "", notes: null },
  ],
  scores,
  thresholds: [0.4, 0.4],
  peak: [[0.1, 0.8, null]],
  warning: "",
  probe: { state: "none", message: "", done: 0, total: 0 },
  main: (head: Head) => mainOf(scores, [0.4, 0.4], head),
});

const tile = (values: number[]): Tile[] => [
  { head: [0, 0], queries: [0, 1], keys: [0, values.length], values: Float32Array.from(values) },
];

test("what a head does mostly is said as strongly as its score bears", () => {
  assert.equal(habitOf(known(), [0, 0]), "Mostly spreads its attention evenly.");
  assert.equal(habitOf(known(), [0, 1]), "Often spreads its attention evenly.");
  assert.equal(
    habitOf(known({ texts: ["Told.", ""], of: [["0", "1", "1"]] }), [0, 0]),
    "Told.",
    "evidence from other texts says it itself",
  );
  assert.match(habitOf(known(), [0, 2]), /^No kind fits/);
  assert.equal(known().main([0, 2]), OTHER);
  assert.equal(habitOf({ ...known(), fresh: false }, [0, 0]), "", "of the text before nothing is said");
});

test("a row's strongest key; what the mask hides does not count, what is no number makes it unknown", () => {
  assert.deepEqual(rowOf(tile([0.25, 0.75, FORBIDDEN]), 0, 3), { key: 1, weight: 0.75, keys: 2 });
  assert.equal(rowOf(tile([FORBIDDEN]), 0, 1), null);
  assert.equal(rowOf(tile([0.5, Number.NaN]), 0, 2), null);
  assert.equal(rowOf(tile([1]), 0, 2), null, "a part is not here yet");
});

test("a row is compared with its head's rows by how far it is from even, whatever the number of keys", () => {
  const row = { key: 1, weight: 0.58, keys: 12 };
  const sharper = compared(row, 0.1);
  assert.equal(sharper?.than, "sharper");
  assert.ok(Math.abs((sharper?.usual ?? 0) - (1 / 12 + (0.1 * 11) / 12)) < 1e-9);
  assert.equal(compared(row, 0.5)?.than, "like");
  assert.equal(compared(row, 0.9)?.than, "flatter");
  assert.equal(compared({ ...row, keys: 1 }, 0.5), null);
  assert.equal(compared(row, null), null);
});

test("the sentence names the key and both numbers", () => {
  const row = { key: 1, weight: 0.5831, keys: 12 };
  const said = (peak: number | null) => hereInWords(row, "road", compared(row, peak)).replace(/[\u2068\u2069]/g, "");
  assert.equal(said(0.1), "Here sharper than usual: “road” has 0.58 (usual: 0.17).");
  assert.equal(said(0.9), "Here flatter than usual: “road” has 0.58, the most of 12 keys (usual: 0.91).");
  assert.equal(said(0.5), "Here about as sharp as usual: “road” has 0.58 (usual: 0.54).");
  assert.equal(said(null), "Here “road” has 0.58, the most of 12 keys.");
  assert.match(hereInWords({ key: 0, weight: 1, keys: 1 }, "The", null), /one key only/);
});
