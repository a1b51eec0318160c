// All heads' weights of a short text, 16 bits each; see the schema.

import { FORBIDDEN, type Span, type Tile } from "../layout/tile";
import { decodeArray } from "../wire/decode";
import type { Ahead, Head } from "../wire/schema";

const [SCALE, NAN, HIDDEN] = [65533, 65534, 65535];

export interface AheadWeights {
  /** The whole of one head; null for a part, which only longer texts are drawn by. */
  tile(head: Head, queries: Span, keys: Span): Tile | null;
}

export function openAhead({ layers, shape, data }: Ahead): AheadWeights {
  const { values: packed } = decodeArray({ dtype: "uint16", shape, data });
  const [, heads = 0, n = 0, m = 0] = shape;
  return {
    tile(head, queries, keys) {
      const layer = layers.indexOf(head[0]);
      if (layer < 0 || queries[0] > 0 || queries[1] < n || keys[0] > 0 || keys[1] < m) return null;
      const start = (layer * heads + head[1]) * n * m;
      const values = Float32Array.from(packed.subarray(start, start + n * m), unpack);
      return { head, queries: [0, n], keys: [0, m], values };
    },
  };
}

const unpack = (code: number): number => (code === HIDDEN ? FORBIDDEN : code === NAN ? Number.NaN : code / SCALE);
