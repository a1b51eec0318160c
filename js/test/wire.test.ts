import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { createClient } from "../src/wire/client";
import { decodeArray } from "../src/wire/decode";

test("an array is read from any place in a buffer, aligned or not", () => {
  const values = Float32Array.of(0.25, -1, 3.5, 0);
  for (const offset of [0, 1, 4, 7]) {
    const room = new Uint8Array(values.byteLength + offset + 5);
    room.set(new Uint8Array(values.buffer), offset);
    for (const data of [
      new DataView(room.buffer, offset, values.byteLength),
      new Uint8Array(room.buffer, offset, values.byteLength),
    ]) {
      const { shape, values: back } = decodeArray({ dtype: "float32", shape: [2, 2], data });
      assert.deepEqual([...back], [...values]);
      assert.deepEqual(shape, [2, 2]);
    }
  }
});

test("a buffer of the wrong length is refused", () => {
  assert.throws(() => decodeArray({ dtype: "float32", shape: [3], data: new ArrayBuffer(8) }), /8 bytes/);
});

type Listener = (message: { id: string; ok?: object; error?: { message: string } }, buffers: DataView[]) => void;

function line() {
  const sent: { id: string; ask: string }[] = [];
  let listener: Listener = () => {};
  const channel = {
    send: (content: unknown) => sent.push(content as { id: string; ask: string }),
    onMessage: (callback: unknown) => {
      listener = callback as Listener;
    },
  };
  return { channel, sent, answer: (...args: Parameters<Listener>) => listener(...args) };
}

test("answers find their questions, in any order", async () => {
  const { channel, sent, answer } = line();
  const client = createClient(channel, new AbortController().signal);
  const first = client.ask("tile", { layer: 1 });
  const second = client.ask("hello");
  answer({ id: sent[1]!.id, ok: { n: 2 } }, []);
  answer({ id: "somebody else's", ok: { n: 9 } }, []);
  answer({ id: sent[0]!.id, error: { message: "no such layer" } }, []);
  assert.deepEqual((await second).ok, { n: 2 });
  await assert.rejects(first, /no such layer/);
});

test("a silent kernel is noticed, and heard when it comes back", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { channel, sent, answer } = line();
  const client = createClient(channel, new AbortController().signal, 1000);
  const late = client.ask("hello");
  mock.timers.tick(999);
  assert.equal(client.silent.value, false);
  mock.timers.tick(2);
  assert.equal(client.silent.value, true);
  answer({ id: sent[0]!.id, ok: {} }, []);
  assert.equal(client.silent.value, false);
  assert.deepEqual((await late).ok, {});
  mock.timers.reset();
});
