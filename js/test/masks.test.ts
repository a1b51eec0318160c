// Masks as the editor writes and paints them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { between, fromRows, isPut, kindOf, kindsIn, readSpec, sideOf, toRows, writeSpec } from "../src/layout/masks";
import type { Outline } from "../src/wire/schema";

test("a name is taken apart and written as it was", () => {
  for (const name of [
    "none",
    "causal",
    "window:4",
    "causal+padding-left:2",
    "causal+bigbird:2,2,1",
    "bigbird:1,1,1,7",
  ]) {
    const spec = readSpec(name);
    assert.ok(spec);
    assert.equal(writeSpec(spec), name);
  }
  assert.deepEqual(readSpec("padding-left:2+causal"), { name: "padding-left", numbers: [2], causal: true });
  assert.deepEqual(readSpec("causal"), { name: "causal", numbers: [], causal: false });
  assert.equal(readSpec("window:4+padding-left:2"), null);
});

test("the picture is of the chosen mask, however it is held", () => {
  const put = (mask: unknown, mode = "head") => ({ mask: mask && { mask, mode } }) as Outline;
  assert.ok(isPut(null, null, "model"));
  assert.ok(isPut(put(null), null, "model"));
  assert.ok(isPut(put("window:4"), "window:4", "head"));
  assert.ok(isPut(put([[1, 0]]), [[1, 0]], "head"));
  assert.ok(!isPut(put([[1, 0]]), [[1, 1]], "head"));
  assert.ok(!isPut(put("window:4"), "window:4", "model"));
  assert.ok(!isPut(put("window:4"), null, "head"));
  assert.ok(!isPut(put(null), "window:4", "head"));
});

test("rows and cells are one", () => {
  const cells = Uint8Array.from([255, 0, 0, 255, 255, 0]);
  const rows = toRows({ rows: 2, columns: 3 }, cells);
  assert.deepEqual(rows, [
    [1, 0, 0],
    [1, 1, 0],
  ]);
  assert.deepEqual(fromRows({ rows: 2, columns: 3 }, rows), cells);
  assert.equal(fromRows({ rows: 3, columns: 3 }, rows), null);
  assert.equal(fromRows({ rows: 2, columns: 2 }, rows), null);
});

test("a cell says what both masks do", () => {
  assert.deepEqual(
    [kindOf(255, 255), kindOf(255, 0), kindOf(0, 0), kindOf(0, 255), kindOf(40, 1)],
    ["allowed", "hidden", "forbidden", "freed", "allowed"],
  );
  const [own, now] = [Uint8Array.from([255, 0]), Uint8Array.from([0, 0])];
  assert.deepEqual(kindsIn({ rows: 1, columns: 2, own, now }), ["hidden", "forbidden"]);
  const some = Uint8Array.from([128, 128]); // of several pairs half
  assert.deepEqual(kindsIn({ rows: 1, columns: 2, own: some, now: some }), ["allowed", "forbidden"]);
});

test("a fast pointer leaves no cell out", () => {
  assert.deepEqual(between([2, 2], [2, 2]).at(-1), [2, 2]);
  assert.deepEqual(between([0, 0], [0, 3]), [
    [0, 0],
    [0, 1],
    [0, 2],
    [0, 3],
  ]);
  const steps = between([7, 1], [2, 3]);
  assert.equal(steps.length, 6);
  for (const [at, [row, column]] of steps.slice(1).entries()) {
    const [before, beside] = steps[at] as readonly [number, number];
    assert.ok(Math.abs(row - before) <= 1 && Math.abs(column - beside) <= 1);
  }
});

test("a grid is no larger than there is room, and every cell can be seen", () => {
  for (let count = 1; count <= 64; count++) {
    const side = sideOf(count, count);
    assert.ok(side >= 4 && side <= 20 && side * count <= 288);
  }
});
