// How the sides of the stage are folded and scrolled.

import assert from "node:assert/strict";
import { test } from "node:test";
import { computed, signal } from "@preact/signals";
import { itemAt, rowOf } from "../src/layout/fold";
import type { Row } from "../src/layout/strongest";
import { unitsOf } from "../src/layout/units";
import type { Context } from "../src/parts/context";
import type { Shown } from "../src/views/lines/shown";
import { createSides } from "../src/views/lines/sides";

const N = 1000;
const COUNT = 19; // rows of the stage

/** A stage of 19 rows in a text of 1,000 tokens, where each query looks at the token 500 before it, or at the first. */
function stage() {
  const labels = Array.from({ length: N }, (_, at) => `t${at}`);
  const none = labels.map(() => false);
  const tokens = { tokens: labels, special: none, words: [...labels.keys()], wordTexts: labels };
  const units = unitsOf({ ...tokens, segments: null, generated: null, writes: false, parts: [] }, false);
  const row = (unit: number): Row => ({
    units: Int32Array.of(unit),
    heads: Uint16Array.of(0),
    values: Float32Array.of(0.5),
    ...{ shown: 0.5, total: 1, visible: 9, more: 0 },
  });
  const rows = new Map(labels.map((_, at) => [at, row(Math.max(0, at - 500))]));
  const scene = { units: { query: units, key: units }, count: N, outline: { run: 1 } };
  const found = { name: "a", rows, complete: true };
  const shown = signal({ scene, side: "query", found } as unknown as Shown | null);
  const [queries, keys, place] = [signal<number[]>([]), signal<number[]>([]), signal<Context["place"]["value"]>(null)];
  const context = { state: { traits: { queries, keys } }, place, scene: signal(scene) } as unknown as Context;
  const beside = signal(false);
  const [sides] = createSides(context, {
    shown,
    pinned: computed(() => ({ query: queries.value, key: keys.value })),
    rowsOf: computed(() => "query" as const),
    beside,
    limit: 352,
    isOnScreen: signal(true),
  });
  const inSight = (side: "query" | "key") => {
    const { fold, top } = sides.at[side].value;
    const first = Math.round(top / 18);
    const items = Array.from({ length: Math.min(COUNT, fold.rows) }, (_, at) => itemAt(fold, first + at));
    return items.flatMap((item) => ("unit" in item ? [item.unit] : []));
  };
  return { sides, queries, keys, place, beside, inSight };
}

test("the keys are folded to what the queries in sight look at, and follow them", () => {
  const { sides, inSight } = stage();
  assert.deepEqual(sides.visible.value, [0, COUNT]);
  assert.ok(inSight("key").includes(0));
  sides.scroll("query", 18 * 800);
  assert.deepEqual(sides.visible.value, [800, 800 + COUNT]);
  assert.ok(inSight("key").includes(309));
  const before = inSight("key");
  sides.scroll("query", 18 * 801); // what is still there stays in its place
  assert.deepEqual(inSight("key").filter((unit) => before.includes(unit)).length > COUNT - 4, true);
});

test("a place that somebody asks to see comes into sight on its side", () => {
  const { sides, place, inSight } = stage();
  place.value = { side: "query", token: 700 };
  assert.ok(inSight("query").includes(700));
  place.value = { side: "key", token: 950 };
  assert.ok(rowOf(sides.at.key.value.fold, 950) >= 0);
  assert.ok(inSight("key").includes(950));
  assert.ok(inSight("query").includes(700));
  place.value = { side: "key", token: 3 };
  assert.ok(inSight("key").includes(3));
});

test("what is pinned comes into sight, and what it looks at", () => {
  const { queries, keys, inSight } = stage();
  queries.value = [600];
  assert.ok(inSight("query").includes(600));
  assert.ok(inSight("key").includes(100));
  keys.value = [900];
  assert.ok(inSight("key").includes(900));
  keys.value = [];
  queries.value = [];
  assert.ok(inSight("query").includes(600)); // nothing jumps when the pin is taken out
});

test("beside, both sides are scrolled alike", () => {
  const { sides, beside, inSight } = stage();
  sides.scroll("query", 18 * 300);
  beside.value = true;
  assert.deepEqual(inSight("query"), inSight("key"));
  sides.scroll("key", 18 * 40);
  assert.deepEqual(inSight("query"), inSight("key"));
  assert.equal(inSight("key")[0], 40);
});
