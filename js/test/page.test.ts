// What answers on a saved page, on numbers small enough to know; the browser tests compare it with the kernel.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FORBIDDEN } from "../src/layout/tile";
import type { PageData } from "../src/page/data";
import { bytesIn } from "../src/page/dense";
import { openBias, openMask } from "../src/page/mask";
import { merging } from "../src/page/merge";
import { spread } from "../src/page/rows";
import { chosen } from "../src/page/selection";
import type { Selection } from "../src/wire/schema";

/** As `export/dense.py` writes. */
function dense(bytes: number[]): string {
  const short = (15 - (bytes.length % 15)) % 15;
  const bits = [...bytes, ...Array<number>(short).fill(0)].flatMap((byte) =>
    [0, 1, 2, 3, 4, 5, 6, 7].map((at) => (byte >> at) & 1),
  );
  let text = String.fromCharCode(0x3400 + short);
  for (let at = 0; at < bits.length; at += 15) {
    text += String.fromCharCode(0x3400 + bits.slice(at, at + 15).reduce((sum, bit, nth) => sum | (bit << nth), 0));
  }
  return text;
}

test("bytes are read out of text of 15 bits a character", () => {
  for (const length of [0, 1, 14, 15, 16, 300]) {
    const bytes = Array.from({ length }, (_, at) => (at * 37) % 256);
    assert.deepEqual([...bytesIn(dense(bytes))], bytes);
  }
  assert.throws(() => bytesIn(dense([1, 2, 3]).slice(0, -1)), /cut off/);
  assert.throws(() => bytesIn(`${dense([1, 2, 3]).slice(0, -1)}x`), /damaged/);
});

test("a mask is its rules together", () => {
  const none = { before: null, after: null, keep: null, dense: null, queries: 4, keys: 4 };
  const local = openMask({ ...none, before: 1, after: 0, keep: [1, 4] });
  const seen = [0, 1, 2, 3].map((query) => [0, 1, 2, 3].filter((key) => local.allows(0, query, key)));
  assert.deepEqual(seen, [[], [1], [1, 2], [2, 3]]);
  assert.deepEqual(local.reach(2), [1, 3]);
  const table = openMask({ ...none, dense: { heads: 2, bits: btoa("\x01\x00\x02\x00") } });
  assert.ok(table.byHead && table.allows(0, 0, 0) && !table.allows(1, 0, 0) && table.allows(1, 0, 1));
});

test("a bias is read by distance, or broadcast", () => {
  const numbers = (...values: number[]) =>
    btoa(String.fromCharCode(...new Uint8Array(Float32Array.from(values).buffer)));
  const relative = openBias({ relative: true, shape: [1, 3], numbers: numbers(-1, 0, 1) }, 2);
  assert.deepEqual([relative(0, 1, 0), relative(5, 0, 0), relative(0, 0, 1)], [-1, 0, 1]);
  const row = openBias({ relative: false, shape: [2, 1, 2], numbers: numbers(1, 2, 3, 4) }, 2);
  assert.deepEqual([row(0, 1, 1), row(1, 0, 0)], [2, 3]);
});

test("pieces add up over keys, and are a mean over those that attend", () => {
  const merged = merging("weights", 1, [0, 0, 1, -1], 2);
  merged.add(0, Float32Array.of(0.25, 0.25, 0.5, 0.5));
  merged.add(0, Float32Array.of(0.5, FORBIDDEN, FORBIDDEN, 0.5));
  merged.add(0, new Float32Array(4).fill(FORBIDDEN)); // padding does not attend
  assert.deepEqual([...merged.done()], [0.5, 0.25]);
  const scores = merging("scores", 1, [0, 0, 1], 2);
  scores.add(0, Float32Array.of(0, 0, FORBIDDEN));
  scores.add(0, Float32Array.of(FORBIDDEN, FORBIDDEN, FORBIDDEN));
  assert.deepEqual([...scores.done()], [Math.fround(Math.log(2)), FORBIDDEN]);
});

test("positions are spread with the last among them", () => {
  assert.deepEqual(spread(3, 64), [0, 1, 2]);
  assert.deepEqual(spread(9, 5), [0, 2, 4, 6, 8]);
  assert.deepEqual(spread(100, 6, 4), [0, 48, 96, 97, 98, 99]);
});

test("what follows from a choice is as in Python", () => {
  const layers = [0, 1].map((number) => ({ number, heads: [0, 1] }));
  const measures = [
    { name: "weights", missing: "" },
    { name: "scores", missing: "none" },
  ];
  const attention = { layers, outline: { measures } };
  const data = {
    attentions: { self: attention, cross: { ...attention, layers: layers.slice(1) } },
  } as unknown as PageData;
  const before = {
    ...{
      attention: "self",
      measure: "scores",
      layer: 0,
      heads: [
        [0, 0],
        [0, 1],
      ],
      queries: [3],
      keys: [],
    },
    what_if: { scores: { 1: 2 }, temperature: 2 },
  } as unknown as Selection;
  assert.deepEqual(chosen(before, { layer: 1 }, data).heads, [
    [1, 0],
    [1, 1],
  ]);
  assert.equal(chosen(before, { heads: [[1, 0]] }, data).layer, 1);
  assert.deepEqual(chosen(before, { queries: [2] }, data).what_if, { temperature: 2 });
  const other = chosen(before, { attention: "cross" }, data);
  assert.deepEqual([other.queries, other.heads, other.layer, other.measure], [[], [[1, 0]], 1, "weights"]);
  assert.equal(chosen(before, { attention: "none" }, data), before);
});
