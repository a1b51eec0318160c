// One layer of a page: rows of scores, weights and norms from what it carries. As maths/layers.py, a row at a time.

import { FORBIDDEN } from "../layout/tile";
import { createKept } from "../source/kept";
import type { LayerData, QkvLayer } from "./data";
import type { Bias, Mask } from "./mask";
import { normsBytes, openPacked, readNorms } from "./numbers";

const [SCALE, NAN] = [65533, 65534]; // of a weight in 16 bits
const DECODED = 48 << 20; // bytes of heads that are kept as they are computed with

export interface Layer {
  about: LayerData;
  mask: Mask;
  bias: Bias | null;
  /** Where a head is among those that are carried; throws if it is not. */
  at(head: number): number;
  has(head: number): boolean;
  /** A row of a measure, FORBIDDEN where the mask forbids the pair: each time a new one. */
  row(measure: string, head: number, query: number): Float32Array;
  /** Queries (queries, dK) of a head; keys (keys, dK) and values (keys, dV) of its group. */
  vectors(head: number): Vectors;
}

export interface Vectors {
  q: Float32Array;
  k: Float32Array;
  v: Float32Array | null;
}

export function openLayer(about: LayerData, bytes: Uint8Array, mask: Mask, bias: Bias | null): Layer {
  const { queries: n, keys: m } = mask;
  const count = about.heads.length;
  const decoded = createKept<Float32Array>(DECODED, ({ byteLength }) => byteLength);
  const find = about.kind === "qkv" ? scoresOfVectors(about) : scoresWritten();

  function scoresOfVectors(layer: QkvLayer) {
    const groups = Math.max(...layer.groups) + 1;
    const q = openPacked(bytes, 0, count, layer.dk, n);
    const k = openPacked(bytes, q.end, groups, layer.dk, m);
    const v = layer.dv > 0 ? openPacked(bytes, k.end, groups, layer.dv, m) : null;
    const once = (name: string, block: number, read: (block: number) => Float32Array) => {
      const known = decoded.get(`${name}${block}`);
      if (known) return known;
      const made = read(block);
      decoded.keep(`${name}${block}`, made);
      return made;
    };
    const vectors = (nth: number, withValues = true): Vectors => {
      const group = layer.groups[nth] as number;
      return {
        q: once("q", nth, q.read),
        k: once("k", group, k.read),
        v: v && withValues ? once("v", group, v.read) : null,
      };
    };
    const { dk, scale, softcap } = layer;
    const row = (nth: number, query: number): Float64Array => {
      const { q, k } = vectors(nth, false);
      const head = layer.heads[nth] as number;
      const scores = new Float64Array(m).fill(FORBIDDEN);
      const own = q.subarray(query * dk, (query + 1) * dk);
      const [first, stop] = mask.reach(query);
      const plain = mask.keep === null && mask.dense === null;
      for (let key = first; key < stop; key++) {
        if (!plain && !mask.allows(head, query, key)) continue;
        let [sum, at] = [0, key * dk];
        for (let dim = 0; dim < dk; dim++, at++) sum += (own[dim] as number) * (k[at] as number);
        sum *= scale;
        if (softcap !== null) sum = softcap * Math.tanh(sum / softcap);
        scores[key] = bias ? sum + bias(head, query, key) : sum;
      }
      return scores;
    };
    return { row, vectors, end: (v ?? k).end };
  }

  /** Of scores or weights that are written out: those of the pairs that may attend, one after another. */
  function scoresWritten() {
    const starts = new Int32Array(n + 1);
    const takes = (query: number, key: number) => mask.byHead || mask.allows(about.heads[0] as number, query, key);
    for (let query = 0; query < n; query++) {
      let seen = 0;
      for (let key = 0; key < m; key++) if (takes(query, key)) seen += 1;
      starts[query + 1] = (starts[query] as number) + seen;
    }
    const pairs = starts[n] as number;
    const packed = about.kind === "scores" ? openPacked(bytes, 0, count, 1, pairs) : null;
    if (!packed && bytes.length < 2 * count * pairs) throw new Error("numbers are missing");
    const codes = (block: number) =>
      Float32Array.from({ length: pairs }, (_, at) => {
        const low = bytes[block * pairs + at] as number;
        const code = low | ((bytes[(count + block) * pairs + at] as number) << 8);
        return code === NAN ? Number.NaN : code / SCALE;
      });
    const row = (nth: number, query: number): Float64Array => {
      const name = `${nth}`;
      const known = decoded.get(name) ?? (packed ? packed.read(nth) : codes(nth));
      decoded.keep(name, known);
      const head = about.heads[nth] as number;
      const numbers = new Float64Array(m).fill(FORBIDDEN);
      let at = starts[query] as number;
      for (let key = 0; key < m; key++) {
        if (!takes(query, key)) continue;
        if (mask.allows(head, query, key)) numbers[key] = known[at] as number;
        at += 1;
      }
      return numbers;
    };
    return { row, vectors: null, end: packed?.end ?? 0 };
  }

  const norms = about.norms ? readNorms(bytes, find.end, count, m) : null;
  const dv = about.kind === "qkv" ? about.dv : 0;
  const ways = about.ways ? openPacked(bytes, find.end + (norms ? normsBytes(count, m) : 0), count, dv, n) : null;

  /** Weights times what each value writes into the logit. */
  function intoLogit(numbers: Float64Array, nth: number, query: number): void {
    const values = find.vectors?.(nth).v;
    if (!ways || !values) throw new Error("this page carries no logit contributions of this layer");
    const name = `w${nth}`;
    const whole = decoded.get(name) ?? ways.read(nth);
    decoded.keep(name, whole);
    for (let key = 0; key < m; key++) {
      if (numbers[key] === FORBIDDEN) continue;
      let sum = 0;
      for (let dim = 0; dim < dv; dim++)
        sum += (whole[query * dv + dim] as number) * (values[key * dv + dim] as number);
      numbers[key]! *= sum;
    }
  }

  function at(head: number): number {
    const nth = about.heads.indexOf(head);
    if (nth < 0) throw new Error(`this page does not carry L${about.number}-H${head}: it was saved with other heads`);
    return nth;
  }

  return {
    about,
    mask,
    bias,
    at,
    has: (head) => about.heads.includes(head),
    row(measure, head, query) {
      const nth = at(head);
      const numbers = find.row(nth, query);
      if (measure === "scores" && about.kind === "weights")
        throw new Error("this page carries no scores of this layer");
      if (measure === "norms" && !norms) throw new Error("this page carries no norms of this layer");
      if (measure !== "scores" && about.kind !== "weights") softmax(numbers, about.sinks?.[nth] ?? null);
      for (let key = 0; norms && measure === "norms" && key < m; key++) {
        if (numbers[key] !== FORBIDDEN) numbers[key]! *= norms[nth * m + key] as number;
      }
      if (measure === "contribution") intoLogit(numbers, nth, query);
      return Float32Array.from(numbers);
    },
    vectors(head) {
      const nth = at(head);
      if (!find.vectors) throw new Error("this page carries the numbers of this layer, and not what they are made of");
      return find.vectors(nth);
    },
  };
}

/** Take scores to weights, in place; those that are forbidden stay so. */
function softmax(scores: Float64Array, sink: number | null): void {
  let largest = sink ?? FORBIDDEN;
  for (let key = 0; key < scores.length; key++) largest = Math.max(largest, scores[key] as number); // NaN wins
  if (largest === FORBIDDEN) return;
  let total = sink === null ? 0 : Math.exp(sink - largest);
  for (let key = 0; key < scores.length; key++) total += Math.exp((scores[key] as number) - largest);
  for (let key = 0; key < scores.length; key++) {
    if (scores[key] !== FORBIDDEN) scores[key] = Math.exp((scores[key] as number) - largest) / total;
  }
}
