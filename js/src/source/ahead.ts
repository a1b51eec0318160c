// All heads' weights of a short text, 16 bits each; see the schema.

import type { PairNumbers } from "../layout/ranking";
import { FORBIDDEN, isForbidden, type Span, type Tile } from "../layout/tile";
import { decodeArray } from "../wire/decode";
import type { Ahead, Head } from "../wire/schema";

const [SCALE, NAN, HIDDEN] = [65533, 65534, 65535];

export interface AheadWeights {
  /** The whole of one head; null for a part, which only longer texts are drawn by. */
  tile(head: Head, queries: Span, keys: Span): Tile | null;
  /** A pair's number in every head: the mean over the queries of the sum over the keys. None stands for an open side. */
  pair(queries: number[], keys: number[]): PairNumbers;
}

export function openAhead({ layers, shape, data }: Ahead): AheadWeights {
  const { values: packed } = decodeArray({ dtype: "uint16", shape, data });
  const [, heads = 0, n = 0, m = 0] = shape;
  const weight = (head: number, query: number, key: number) => unpack(packed[(head * n + query) * m + key] as number);
  const range = (length: number) => Array.from({ length }, (_, at) => at);
  /** Over those that may attend: a forbidden pair has no number. */
  const together = (head: number, queries: number[], keys: number[]) => {
    const rows = queries.map((query) => keys.map((key) => weight(head, query, key)));
    if (rows.flat().every(isForbidden)) return FORBIDDEN;
    const seeing = queries.filter((query) => range(m).some((key) => !isForbidden(weight(head, query, key))));
    return rows.flat().reduce((sum, one) => sum + (isForbidden(one) ? 0 : one), 0) / Math.max(1, seeing.length);
  };
  return {
    pair(queries, keys) {
      const last = Math.max(...layers) + 1;
      const open = queries.length === 0 ? range(n) : keys.length === 0 ? range(m) : [-1];
      const values = new Float32Array(last * heads).fill(Number.NaN); // of layers that were left out
      const strongest = new Float32Array(values.length).fill(-1);
      layers.forEach((layer, nth) => {
        for (let head = 0; head < heads; head++) {
          let best = FORBIDDEN;
          for (const row of open) {
            const pinned = (side: number[]) => (side.length > 0 ? side : [row]);
            const value = together(nth * heads + head, pinned(queries), pinned(keys));
            if (!(value > best)) continue;
            best = value;
            strongest[layer * heads + head] = row;
          }
          values[layer * heads + head] = best;
        }
      });
      const hidden = values.every((value) => Number.isNaN(value) || isForbidden(value));
      return { layers: last, heads, values, strongest, why: hidden ? "the mask forbids it" : "" };
    },
    tile(head, queries, keys) {
      const layer = layers.indexOf(head[0]);
      if (layer < 0 || queries[0] > 0 || queries[1] < n || keys[0] > 0 || keys[1] < m) return null;
      const start = (layer * heads + head[1]) * n * m;
      const values = Float32Array.from(packed.subarray(start, start + n * m), unpack);
      return { head, queries: [0, n], keys: [0, m], values };
    },
  };
}

/** A weight of its 16 bits. */
export const unpack = (code: number): number =>
  code === HIDDEN ? FORBIDDEN : code === NAN ? Number.NaN : code / SCALE;
