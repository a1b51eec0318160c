import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { type Channel, type Client, createClient, STOPPED } from "../src/wire/client";
import { decodeArray } from "../src/wire/decode";
import type { Failure, ProgressEvent, Tile } from "../src/wire/schema";

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

type Sent = { id: string; ask: string; requests?: string[] };

test("a place that Python asks for is told to whoever follows", () => {
  let listener: Parameters<Channel["onMessage"]>[0] = () => {};
  const channel: Channel = {
    send: () => true,
    onMessage: (callback) => {
      listener = callback;
    },
    onReturn: () => {},
  };
  const end = new AbortController();
  const client = createClient(channel, end.signal);
  const seen: number[] = [];
  client.onGoto(({ token }) => void seen.push(token));
  client.onSelection(() => assert.fail("it is no selection"));
  listener({ event: "goto", run: 1, side: "key", token: 7 }, []);
  end.abort();
  assert.deepEqual(seen, [7]);
});

function line() {
  const sent: Sent[] = [];
  let gone = false;
  let listener: Parameters<Channel["onMessage"]>[0] = () => {};
  const channel: Channel = {
    send: (content) => sent.push(content as Sent) > 0 && !gone,
    onMessage: (callback) => {
      listener = callback;
    },
    onReturn: () => {},
  };
  const answer = (id: string, ok: object | null, error: Failure | null = null) =>
    listener({ id, ok: ok as Record<string, unknown>, error }, []);
  const tell = (event: ProgressEvent) => listener(event, []);
  const die = () => {
    gone = true;
  };
  return { channel, sent, answer, tell, die, asked: (ask: string) => sent.filter((one) => one.ask === ask) };
}

const TILE = { layer: 1, head: 0, queries: [0, 1], keys: [0, 1] } satisfies Partial<Tile>;
const failed = (message: string): Failure => ({ message, kind: "failed" });

function withClient(run: (client: Client, at: ReturnType<typeof line>, end: AbortController) => Promise<void>) {
  return async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    mock.method(performance, "now", () => clock);
    const at = line();
    const end = new AbortController();
    try {
      await run(createClient(at.channel, end.signal, 1000), at, end);
    } finally {
      end.abort();
      mock.timers.reset();
      mock.restoreAll();
    }
  };
}

let clock = 0;
function pass(ms: number): void {
  clock += ms;
  mock.timers.tick(ms);
}

test(
  "answers find their questions, in any order",
  withClient(async (client, { sent, answer }) => {
    const first = client.ask("tile", TILE as never);
    const second = client.ask("pictures");
    answer(sent[1]!.id, { n: 2 });
    answer("somebody else's", { n: 9 });
    answer(sent[0]!.id, null, failed("no such layer"));
    assert.deepEqual((await second).ok, { n: 2 });
    await assert.rejects(first, /no such layer/);
  }),
);

test(
  "a silent kernel is noticed, asked for a sign of life, and heard when it comes back",
  withClient(async (client, { sent, answer, asked }) => {
    const late = client.ask("pictures");
    pass(999);
    assert.equal(client.silent.value, false);
    pass(2);
    assert.equal(client.silent.value, true);
    assert.equal(asked("hello").length, 1);
    pass(1001);
    assert.equal(asked("hello").length, 2);
    answer(sent[0]!.id, {});
    assert.equal(client.silent.value, false);
    assert.deepEqual((await late).ok, {});
  }),
);

test(
  "a host that says that there is no kernel is believed at once",
  withClient(async (client, { die }) => {
    die();
    client.ask("pictures");
    assert.equal(client.silent.value, true);
  }),
);

test(
  "what was lost on the way is asked again as soon as the kernel answers",
  withClient(async (client, { sent, answer, asked }) => {
    const lost = client.ask("pictures");
    pass(1001);
    answer(asked("hello")[0]!.id, { run: 1, seen: 0, selection: {} });
    assert.deepEqual(
      asked("pictures").map(({ id }) => id),
      [sent[0]!.id, sent[0]!.id],
    );
    answer(sent[0]!.id, { here: true });
    assert.deepEqual((await lost).ok, { here: true });
  }),
);

test(
  "what takes long is told of, once it has a name, and can be stopped",
  withClient(async (client, { sent, answer, tell, asked }) => {
    const long = client.ask("tile", TILE as never, { label: "the whole picture" });
    const other = client.ask("pictures");
    const progress = (id: string, done: number) => tell({ event: "progress", id, done, total: 10 });
    progress(sent[0]!.id, 2);
    progress(sent[1]!.id, 5);
    progress("somebody else's", 5);
    progress(sent[0]!.id, 4);
    const [one, ...others] = client.progress.value;
    assert.deepEqual([one?.label, one?.done, one?.total, others.length], ["the whole picture", 4, 10, 0]);
    one?.stop();
    await assert.rejects(long, { message: STOPPED });
    assert.deepEqual(client.progress.value, []);
    assert.deepEqual(asked("cancel")[0]?.requests, [sent[0]!.id]);
    answer(sent[1]!.id, {});
    await other;
    const again = client.ask("tile", TILE as never, { label: "the whole picture" });
    progress(sent.at(-1)!.id, 9);
    answer(sent.at(-1)!.id, {});
    await again;
    assert.deepEqual(client.progress.value, []);
  }),
);

test(
  "a question that nobody needs any more is cancelled, and its lateness is no silence",
  withClient(async (client, { sent, asked }) => {
    const wanted = new AbortController();
    client.ask("tile", TILE as never, { abort: wanted.signal });
    wanted.abort();
    assert.deepEqual(asked("cancel")[0]?.requests, [sent[0]!.id]);
    client.ask("ahead", {}, { quiet: true });
    pass(5000);
    assert.equal(client.silent.value, false);
  }),
);

test(
  "what the kernel is to confirm is late like a question",
  withClient(async (client) => {
    const confirmed = client.expect();
    pass(500);
    confirmed();
    pass(2000);
    assert.equal(client.silent.value, false);
    client.expect();
    pass(1001);
    assert.equal(client.silent.value, true);
  }),
);
