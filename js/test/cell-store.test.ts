import assert from "node:assert/strict";
import { test } from "node:test";
import { signal } from "@preact/signals";
import type { Address } from "../src/layout/cells";
import { WEIGHTS } from "../src/layout/scale";
import { createCells } from "../src/source/cells";
import type { Scene } from "../src/source/scene";
import { createLooks } from "../src/state/looks";
import type { State } from "../src/state/state";
import type { Answer, AskOptions, Client } from "../src/wire/client";

interface Asked {
  params: Address & { sampled: boolean; together: string | null };
  abort: AbortSignal;
  quiet: boolean;
  answer(step: number, seconds: number): Promise<void>;
  fail(why: string): Promise<void>;
}

const CELLS = 256 * 256;

function long(heads: [number, number][] = [[0, 0]]) {
  const outline = { run: 1, trace: "main", attention: "self" };
  const scene = signal({ name: "one", outline, heads, isWhole: false, scale: WEIGHTS } as unknown as Scene);
  const asked: Asked[] = [];
  const ask = (_: string, params: Asked["params"], { abort, quiet }: AskOptions) =>
    new Promise<Answer>((resolve, reject) => {
      asked.push({
        params,
        abort: abort as AbortSignal,
        quiet: quiet === true,
        answer: async (step, seconds) => {
          const buffer = new Float32Array(2 * CELLS).fill(1 / step);
          resolve({ ok: { shape: [2, 256, 256], step, seconds }, buffers: [buffer] });
          await new Promise(setImmediate);
        },
        fail: async (why) => {
          reject(new Error(why));
          await new Promise(setImmediate);
        },
      });
    });
  const looks = createLooks();
  const problem = signal("");
  const state = { traits: { measure: signal("weights"), words: signal(false) } } as unknown as State;
  const ended = new AbortController();
  const client = { ask } as unknown as Client;
  const cells = createCells({ scene, looks, state, client }, problem, ended.signal);
  return { cells, asked, scene, looks, problem, ended };
}

const tile = (column: number, level = 3): Address => ({ level, row: 0, column });
const open = (asked: Asked[]) => asked.filter(({ abort }) => !abort.aborted);

test("a sample first, then exact numbers, one question each and two at a time", async () => {
  const { cells, asked } = long();
  cells.want([tile(0), tile(1), tile(2)]);
  cells.want([tile(0), tile(1), tile(2)]);
  assert.deepEqual(
    asked.map(({ params }) => [params.column, params.sampled]),
    [
      [0, true],
      [1, true],
    ],
  );
  assert.equal(cells.progress.value.step, 0);
  await asked[0]?.answer(16, 0.1);
  assert.equal(asked.length, 3);
  await asked[1]?.answer(1, 0.1);
  await asked[2]?.answer(16, 0.1);
  assert.deepEqual(
    asked.slice(3).map(({ params, quiet }) => [params.column, params.sampled, quiet]),
    [
      [0, false, true],
      [2, false, true],
    ],
  );
  assert.equal(cells.progress.value.step, 16);
  assert.ok(cells.progress.value.refining);
  await asked[3]?.answer(1, 1);
  await asked[4]?.answer(1, 1);
  assert.equal(cells.progress.value.step, 1);
  assert.equal(cells.get(tile(0))?.largest[0], 1);
  assert.equal(asked.length, 5);
});

test("what goes out of sight is asked for no more; what is kept is not asked again", async () => {
  const { cells, asked } = long();
  cells.want([tile(0), tile(1)]);
  cells.want([tile(1)]);
  assert.deepEqual(
    asked.map(({ abort }) => abort.aborted),
    [true, false],
  );
  await asked[1]?.answer(1, 0);
  cells.want([]);
  cells.want([tile(1)]);
  assert.equal(asked.length, 2);
  cells.want([tile(5)]);
  cells.want([]);
  assert.equal(open(asked.slice(2)).length, 0);
});

test("a sample that is long to refine stays, until the reader insists; and stops when told", async () => {
  const { cells, asked } = long();
  cells.want([tile(0)]);
  await asked[0]?.answer(32, 1);
  assert.deepEqual(cells.progress.value, { step: 32, seconds: 32, refining: false });
  assert.equal(asked.length, 1);
  cells.insist(true);
  assert.equal(asked.length, 2);
  assert.ok(cells.progress.value.refining);
  cells.insist(false);
  assert.ok(asked[1]?.abort.aborted);
  assert.ok(!cells.progress.value.refining);
  assert.equal(asked.length, 2);
});

test("another head is another matrix, and several are taken together", async () => {
  const { cells, asked, scene, looks } = long([
    [0, 0],
    [1, 1],
  ]);
  cells.want([tile(0)]);
  assert.equal(asked[0]?.params.together, "mean");
  await asked[0]?.answer(1, 0);
  assert.ok(cells.get(tile(0)));
  looks.together.value = "maximum";
  assert.equal(cells.get(tile(0)), null);
  cells.want([tile(0)]);
  assert.equal(asked[1]?.params.together, "maximum");
  scene.value = { ...scene.value, name: "two", heads: [[2, 2]] };
  cells.want([tile(0)]);
  assert.ok(asked[1]?.abort.aborted);
  assert.equal(asked[2]?.params.together, null);
});

test("a failure is said, and not asked again while nothing changes", async () => {
  const { cells, asked, problem } = long();
  cells.want([tile(0)]);
  await asked[0]?.fail("no such measure");
  assert.equal(problem.value, "no such measure");
  cells.insist(true);
  assert.equal(asked.length, 1);
  cells.want([tile(1)]);
  cells.want([tile(0)]);
  assert.equal(asked.length, 3);
});

test("the tiles that were not looked at longest are let go first", async () => {
  const { cells, asked } = long();
  const count = Math.floor((64 << 20) / (12 * CELLS));
  for (let column = 0; column <= count; column++) {
    cells.want([tile(column)]);
    await asked.at(-1)?.answer(1, 0);
    if (column > 0) assert.ok(cells.get(tile(0))); // looked at
  }
  assert.ok(cells.get(tile(0)));
  assert.equal(cells.get(tile(1)), null);
  assert.ok(cells.get(tile(2)));
});

test("the end of a widget ends its questions", () => {
  const { cells, asked, ended } = long();
  cells.want([tile(0)]);
  ended.abort();
  assert.ok(asked[0]?.abort.aborted);
});
