import assert from "node:assert/strict";
import { test } from "node:test";
import { signal } from "@preact/signals";
import { createKept } from "../src/source/kept";
import { createSource } from "../src/source/source";
import type { State } from "../src/state/state";
import type { AskOptions, Client } from "../src/wire/client";

const NAMES = ["pictures", "categories", "ahead"];

/** A state of which only the kernel's half is looked at, and how many follow its outline. */
function kernelAt(run: number) {
  const followers = { count: 0 };
  const outline = signal<object | null>(
    { run },
    {
      watched: () => {
        followers.count += 1;
      },
      unwatched: () => {
        followers.count -= 1;
      },
    },
  );
  const rest = NAMES.map((name) => [name, signal<object | null>(null)] as const);
  return { kernel: { outline, ...Object.fromEntries(rest) } as unknown as State["kernel"], followers };
}

function silentClient() {
  const asked: [string, AbortSignal | undefined][] = [];
  const ask = (name: string, _: object, { abort }: AskOptions) => {
    asked.push([name, abort]);
    return new Promise(() => {});
  };
  return { asked, client: { ask, check: () => {} } as unknown as Client };
}

test("what else there is to see of a run is followed until it is here or of no use", () => {
  const { kernel, followers } = kernelAt(1);
  const { asked, client } = silentClient();
  createSource({ kernel } as State, client).askRest(1);
  assert.deepEqual(
    asked.map(([name]) => name),
    NAMES,
  );
  assert.equal(followers.count, 1);
  (kernel.pictures as ReturnType<typeof signal>).value = { run: 1 };
  assert.deepEqual(
    asked.map(([, abort]) => abort?.aborted),
    [true, false, false],
  );
  (kernel.outline as ReturnType<typeof signal>).value = { run: 2 };
  assert.ok(asked.every(([, abort]) => abort?.aborted));
  assert.equal(followers.count, 0);
});

test("what is of no use at once is not followed for ever", () => {
  const { kernel, followers } = kernelAt(2);
  const { asked, client } = silentClient();
  createSource({ kernel } as State, client).askRest(1); // another text has run since the picture was drawn
  assert.ok(asked.every(([, abort]) => abort?.aborted));
  assert.equal(followers.count, 0);
});

test("what was used longest ago is let go of first, up to a size", () => {
  const kept = createKept<string>(10, ({ length }) => length);
  kept.keep("a", "aaaa");
  kept.keep("b", "bbbb");
  assert.equal(kept.get("a"), "aaaa");
  kept.keep("c", "cccc");
  assert.deepEqual(["a", "b", "c"].map(kept.get), ["aaaa", undefined, "cccc"]);
  kept.keep("a", "a");
  kept.keep("d", "ddddd");
  assert.deepEqual(["a", "c", "d"].map(kept.get), ["a", "cccc", "ddddd"], "what is kept anew counts once");
  kept.keep("e", "too large for it");
  assert.equal(kept.get("e"), undefined);
});
