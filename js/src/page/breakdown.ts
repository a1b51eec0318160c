// One query's computation in one head, every step; with something changed; several queries together. As breakdown/ in
// Python. Pure.

import { FORBIDDEN } from "../layout/tile";
import type { Selection, WhatIf } from "../wire/schema";
import type { QkvLayer } from "./data";
import type { Layer } from "./layer";

type Numbers = Float64Array;
type Combine = Selection["combine"];

/** For m keys, the forbidden ones among them. */
export interface Steps {
  queries: number[];
  query: Numbers;
  keys: Float32Array;
  products: Numbers;
  dots: Numbers;
  scale: number;
  scaled: Numbers;
  capped: Numbers | null;
  bias: Numbers | null;
  allowed: Uint8Array;
  scores: Numbers;
  maximum: number | null;
  exponentials: Numbers | null;
  total: number | null;
  /** Its score, and its share of the weight. */
  sinkLogit: number | null;
  sink: number | null;
  weights: Numbers;
  values: Float32Array;
  weighted: Numbers;
  headOutput: Numbers;
  /** Of all heads, (heads, dV). */
  headOutputs: Numbers;
  removed: number;
  grown: number;
  parts: Steps[];
}

export interface Head {
  layer: Layer & { about: QkvLayer };
  head: number;
  /** How many the layer has. */
  heads: number;
}

export function breakDown({ layer, head, heads }: Head, query: number): Steps {
  const { dk, dv, scale, sinks } = layer.about;
  const { q, k, v } = layer.vectors(head);
  if (!v) throw new Error("this page was saved without values (values=False)");
  const m = layer.mask.keys;
  const own = Float64Array.from(q.subarray(query * dk, (query + 1) * dk));
  const products = Float64Array.from(k, (value, at) => value * (own[at % dk] as number));
  const dots = sumsOf(products, m, dk);
  const allowed = Uint8Array.from({ length: m }, (_, key) => Number(layer.mask.allows(head, query, key)));
  const { bias: add } = layer;
  const bias = add && Float64Array.from({ length: m }, (_, key) => add(head, query, key));
  const sinkLogit = sinks?.[layer.at(head)] ?? null;
  const headOutputs = new Float64Array(heads * dv).fill(Number.NaN);
  for (const other of layer.about.heads) {
    const weights = layer.row("weights", other, query);
    const values = layer.vectors(other).v as Float32Array;
    headOutputs.fill(0, other * dv, (other + 1) * dv);
    for (let key = 0; key < m; key++) {
      const weight = weights[key] as number;
      for (let dim = 0; weight !== FORBIDDEN && dim < dv; dim++)
        headOutputs[other * dv + dim]! += weight * (values[key * dv + dim] as number);
    }
  }
  const base = {
    queries: [query],
    query: own,
    keys: k,
    products,
    dots,
    bias,
    allowed,
    values: v,
    sinkLogit,
    headOutputs,
  };
  return goOn(base, { layer, head, heads }, scale, { removed: 0, grown: 1 });
}

type Base = Pick<
  Steps,
  "queries" | "query" | "keys" | "products" | "dots" | "bias" | "allowed" | "values" | "sinkLogit" | "headOutputs"
>;

interface Soft {
  maximum: number;
  exponentials: Numbers;
  total: number;
  sink: number | null;
  weights: Numbers;
}

/** From the products' sums to what the head writes. */
function goOn(
  base: Base,
  { layer, head }: Head,
  scale: number,
  changed: { removed: number; grown: number; soft?: Soft; scores?: Numbers },
): Steps {
  const { dv, softcap } = layer.about;
  const { removed, grown } = changed;
  const scaled = base.dots.map((value) => value * scale);
  const [capped, plain] = scoresOf(scaled, softcap, base.bias, base.allowed);
  const scores = changed.scores ?? plain;
  const soft = changed.soft ?? softmaxOf(scores, base.sinkLogit);
  const weighted = Float64Array.from(base.values, (value, at) => value * (soft.weights[Math.floor(at / dv)] as number));
  const headOutput = new Float64Array(dv);
  for (let at = 0; at < weighted.length; at++) headOutput[at % dv]! += weighted[at] as number;
  const headOutputs = base.headOutputs.slice();
  headOutputs.set(headOutput, head * dv);
  return {
    ...base,
    ...soft,
    ...{ scale, scaled, capped, scores, weighted, headOutput, headOutputs, removed, grown, parts: [] },
  };
}

function scoresOf(
  scaled: Numbers,
  softcap: number | null,
  bias: Numbers | null,
  allowed: Uint8Array,
): [Numbers | null, Numbers] {
  const capped = softcap === null ? null : scaled.map((value) => softcap * Math.tanh(value / softcap));
  const sums = (capped ?? scaled).map((value, key) => value + (bias?.[key] ?? 0));
  return [capped, sums.map((value, key) => (allowed[key] ? value : FORBIDDEN))];
}

function softmaxOf(scores: Numbers, sink: number | null): Soft {
  const maximum = scores.reduce((most, value) => Math.max(most, value), sink ?? FORBIDDEN);
  const base = maximum === FORBIDDEN ? 0 : maximum; // −∞ − (−∞) would be NaN
  const exponentials = scores.map((value) => Math.exp(value - base));
  const drained = sink === null ? 0 : Math.exp(sink - base);
  const total = exponentials.reduce((sum, value) => sum + value, drained);
  const weights = total === 0 ? exponentials : exponentials.map((value) => value / total);
  return { maximum, exponentials, total, sink: sink === null ? null : drained / total, weights };
}

/** Compute a head again with something changed, as `Breakdown.what_if`. */
export function change(base: Steps, of: Head, whatIf: WhatIf, combine: Combine): Steps {
  if (base.parts.length > 0)
    return together(
      base.parts.map((part) => change(part, of, whatIf, combine)),
      combine,
    );
  const { scaled = true, temperature = 1, scores: byHand = {}, masked = [], removed: out = [] } = whatIf;
  const scale = scaled ? of.layer.about.scale : 1;
  const before = base.dots.map((value) => value * scale);
  const scores = scoresOf(before, of.layer.about.softcap, base.bias, base.allowed)[1].map((one) => one / temperature);
  for (const [key, value] of Object.entries(byHand))
    scores[Number(key)] = base.allowed[Number(key)] ? value : FORBIDDEN;
  const sink = base.sinkLogit === null ? null : base.sinkLogit / temperature;
  const gone = [...new Set([...masked, ...out])];
  const had = softmaxOf(scores, sink).weights;
  const removed = gone.reduce((sum, key) => sum + (had[key] ?? 0), 0);
  for (const key of masked) scores[key] = FORBIDDEN;
  const soft = softmaxOf(scores, sink);
  let grown = 1;
  if (out.length > 0) {
    const left = soft.weights.map((weight, key) => (out.includes(key) ? 0 : weight));
    const [all, rest] = [soft.weights, left].map((some) => some.reduce((sum, weight) => sum + weight, 0)) as [
      number,
      number,
    ];
    grown = rest > 0 ? all / rest : 1;
    soft.weights = left.map((weight) => weight * grown);
  }
  return goOn(base, of, scale, { removed, grown, soft, scores });
}

/** Take several queries together. Of products, dots and scores only those of queries that may see the key. */
export function together(parts: Steps[], how: Combine): Steps {
  const [first] = parts as [Steps];
  const m = first.allowed.length;
  const count = how === "mean" ? parts.length : 1;
  const seeing = first.allowed.map((_, key) => parts.reduce((sum, { allowed }) => sum + (allowed[key] as number), 0));
  const allowed = seeing.map((number) => Number(number > 0));
  /** Leave out, for each key, the queries that may not see it; a key that all may not, all tell of. */
  const overSeeing = (name: "products" | "dots" | "scaled" | "capped" | "bias" | "scores"): Numbers | null => {
    const those = parts.map((part) => part[name]);
    if (those.some((one) => one === null)) return null;
    const each = (those[0] as Numbers).length / m;
    const out = new Float64Array(m * each);
    for (let key = 0; key < m; key++) {
      const some = parts.flatMap((part, at) => (allowed[key] && !part.allowed[key] ? [] : [those[at] as Numbers]));
      for (let at = key * each; at < (key + 1) * each; at++) {
        const sum = some.reduce((total, one) => total + (one[at] as number), 0);
        out[at] = how === "mean" ? sum / some.length : sum;
      }
    }
    return out;
  };
  const overAll = (name: "query" | "weights" | "weighted" | "headOutput" | "headOutputs"): Numbers =>
    first[name].map((_, at) => parts.reduce((sum, part) => sum + (part[name][at] as number), 0) / count);
  const summed = (name: "removed" | "sink") => parts.reduce((sum, part) => sum + (part[name] ?? 0), 0) / count;
  return {
    ...first,
    queries: parts.flatMap(({ queries }) => queries),
    products: overSeeing("products") as Numbers,
    dots: overSeeing("dots") as Numbers,
    scaled: overSeeing("scaled") as Numbers,
    capped: overSeeing("capped"),
    bias: overSeeing("bias"),
    scores: (overSeeing("scores") as Numbers).map((value, key) => (allowed[key] ? value : FORBIDDEN)),
    query: overAll("query"),
    weights: overAll("weights"),
    weighted: overAll("weighted"),
    headOutput: overAll("headOutput"),
    headOutputs: overAll("headOutputs"),
    ...{ allowed, parts, maximum: null, exponentials: null, total: null },
    sink: first.sink === null ? null : summed("sink"),
    removed: summed("removed"),
  };
}

const sumsOf = (numbers: Numbers, rows: number, each: number): Numbers =>
  Float64Array.from({ length: rows }, (_, row) =>
    numbers.subarray(row * each, (row + 1) * each).reduce((sum, value) => sum + value, 0),
  );
