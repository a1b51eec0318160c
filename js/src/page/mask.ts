// Which pairs may attend, and what is added to their scores; as maths/mask.py and maths/bias.py. Pure.

import { type BiasData, fromBase64, type MaskData } from "./data";

export interface Mask extends MaskData {
  /** Whether the heads of a layer differ in it. */
  byHead: boolean;
  /** The keys that a query may see, beside what `allows` says: first, and one after the last. */
  reach(query: number): [number, number];
  allows(head: number, query: number, key: number): boolean;
  keeps(key: number): boolean;
}

export function openMask(data: MaskData): Mask {
  const { before, after, keep, dense, queries, keys } = data;
  const kept = keep && new Uint8Array(keys);
  for (let at = 0; kept && keep && at < keep.length; at += 2) kept.fill(1, keep[at], keep[at + 1]);
  const bits = dense && fromBase64(dense.bits);
  const byHead = (dense?.heads ?? 1) > 1;
  const keeps = (key: number) => !kept || kept[key] === 1;
  return {
    ...data,
    byHead,
    keeps,
    reach(query) {
      const first = before === null ? 0 : Math.min(keys, Math.max(0, query - before));
      const stop = after === null ? keys : Math.min(keys, Math.max(0, query + after + 1));
      return [first, Math.max(first, stop)];
    },
    allows(head, query, key) {
      if (before !== null && query - key > before) return false;
      if (after !== null && key - query > after) return false;
      if (!keeps(key)) return false;
      const at = ((byHead ? head : 0) * queries + query) * keys + key;
      return !bits || (((bits[at >> 3] as number) >> (at & 7)) & 1) === 1;
    },
  };
}

/** What is added to the score of a pair. */
export type Bias = (head: number, query: number, key: number) => number;

export function openBias({ relative, shape, numbers }: BiasData, queries: number): Bias {
  const values = new Float32Array(fromBase64(numbers).buffer);
  const [heads = 1, rows = 1, columns = 1] = shape;
  if (relative)
    return (head, query, key) => values[(heads > 1 ? head : 0) * rows + key - query + queries - 1] as number;
  return (head, query, key) => {
    const row = (heads > 1 ? head : 0) * rows + (rows > 1 ? query : 0);
    return values[row * columns + (columns > 1 ? key : 0)] as number;
  };
}
