// Where weights come from: what the state brought along, or a live kernel. Views cannot tell which.

import type { Span, Tile } from "../layout/tile";
import type { State } from "../state/state";
import type { Client } from "../wire/client";
import { decodeArray } from "../wire/decode";
import type { Head, Snapshot } from "../wire/protocol";

export interface Source {
  /** The tile at once if it is here, else a promise of it. */
  tile(head: Head, queries: Span, keys: Span): Tile | Promise<Tile>;
  askPictures(): void;
  askCategories(): void;
}

const CACHE_BYTES = 64 << 20;

export function createSource(state: State, client: Client): Source {
  const cache = new Map<string, Tile>();
  const asked = new Map<string, Promise<Tile>>();
  let cached = 0;
  let opened: { snapshot: Snapshot; tiles: Map<string, Tile> } | null = null;

  function saved(name: string): Tile | undefined {
    const snapshot = state.kernel._snapshot.value;
    if (!snapshot?.data) return undefined;
    if (opened?.snapshot !== snapshot) opened = { snapshot, tiles: openSnapshot(snapshot) };
    return opened.tiles.get(name);
  }

  function remember(name: string, tile: Tile): void {
    cached += tile.values.byteLength - (cache.get(name)?.values.byteLength ?? 0);
    cache.set(name, tile);
    for (const [oldest, old] of cache) {
      if (cached <= CACHE_BYTES) break;
      cache.delete(oldest);
      cached -= old.values.byteLength;
    }
  }

  return {
    tile(head, queries, keys) {
      const run = state.kernel._outline.value?.run ?? 0;
      const words = state.traits.words.value;
      const name = tileName(run, words, head, queries, keys);
      const here = saved(name) ?? cache.get(name);
      if (here) {
        if (cache.delete(name)) cache.set(name, here); // newest last
        return here;
      }
      const open = asked.get(name);
      if (open) return open;
      const [layer, number] = head;
      const answer = client
        .ask("tile", { layer, head: number, queries, keys, words })
        .finally(() => asked.delete(name));
      const tile = answer.then(({ ok, buffers }) => {
        if (ok.run !== run) return new Promise<Tile>(() => {}); // a newer text is on its way
        const data = buffers[0];
        if (!data) throw new Error("the kernel's answer came without its weights");
        const { values } = decodeArray({
          dtype: "float32",
          shape: ok.shape as number[],
          data,
        });
        const tile = { head, queries, keys, values };
        remember(name, tile);
        return tile;
      });
      asked.set(name, tile);
      return tile;
    },
    askPictures() {
      client.ask("pictures").catch(() => {}); // the picker stays without pictures, and is usable so
    },
    askCategories() {
      client.ask("categories").catch(() => {}); // heads stay without a name
    },
  };
}

function tileName(run: number, words: boolean, head: Head, queries: Span, keys: Span): string {
  return [run, words, head, queries, keys].join("|");
}

function openSnapshot(snapshot: Snapshot): Map<string, Tile> {
  const { dtype, shape = [], data } = snapshot;
  if (dtype !== "float32" || !data) return new Map();
  const { values } = decodeArray({ dtype, shape, data });
  const [, n = 0, m = 0] = shape;
  return new Map(
    snapshot.heads.map((head, at) => [
      tileName(snapshot.run, snapshot.words, head, [0, n], [0, m]),
      {
        head,
        queries: [0, n],
        keys: [0, m],
        values: values.subarray(at * n * m, (at + 1) * n * m),
      },
    ]),
  );
}
