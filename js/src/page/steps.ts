// The breakdown as a state: which keys make rows, the others together, every step's numbers; as wire/steps.py.

import type { Breakdown, Changed, Envelope, Projected, Rest, Selection, WhatIf } from "../wire/schema";
import type { Book } from "./book";
import { breakDown, change, type Head, type Steps, together } from "./breakdown";
import type { QkvLayer } from "./data";
import type { Layer } from "./layer";

const ROWS = 40; // keys that get a row each; of more, those of largest weight
const PAIRS = 1 << 18; // so many weights are looked through for a telling query
const NO_OUTPUT: Projected = {
  state: "missing",
  message: "W_O is not known: this page carries the queries, keys and values of a text, and not the model's weights",
  ...{ done: 0, total: 0, name: "", maxDifference: null, hasBias: false },
};
const NOT_HERE = {
  ...{ missing: "this page does not carry B’s queries and keys", onlyWeights: "", head: null, queries: [] },
  ...{ partners: [], only: [], rest: { count: 0, weight: null }, norms: [], width: 0, distance: null, arrays: {} },
};
const EMPTY = {
  ...{ rows: [], ranked: false, visible: 0, masked: 0, rest: { count: 0, weight: null }, scale: 1, softcap: null },
  ...{ sharedBy: [], keyHead: 0, keyHeads: 1, arrays: {}, maximum: null, total: null, sink: null, changed: null },
};

/** The state for a selection; `query` is taken where none is pinned. */
export async function stepsOf(book: Book, selection: Selection, query: number): Promise<Breakdown> {
  const { attention, heads, queries: pinned, keys, combine, what_if: whatIf } = selection;
  const [number, head] = heads[0] as [number, number];
  const { outline, run, layers } = book.attention(attention);
  const queries = [...new Set(pinned.length > 0 ? pinned : [query])];
  const pipeline = layers.find((one) => one.number === number)?.pipeline ?? null;
  const which = { run, attention, head: [number, head] as [number, number], pinned, queries, combine };
  const about = {
    ...which,
    whatIf,
    pipeline,
    beside: selection.measure === "difference" && outline.comparison ? NOT_HERE : null,
  };
  try {
    const layer = await book.layer(attention, number);
    const of = { layer: withVectors(layer), head, heads: outline.heads };
    const parts = queries.map((one) => breakDown(of, one));
    const whole = parts.length === 1 ? (parts[0] as Steps) : together(parts, combine);
    const isChanged = Object.keys(whatIf).length > 0;
    const changed = isChanged ? change(whole, of, whatIf, combine) : null;
    return {
      ...about,
      missing: "",
      projected: NO_OUTPUT,
      ...written(whole, changed, of, [...keys, ...touched(whatIf)]),
    };
  } catch (error) {
    return { ...about, ...EMPTY, missing: (error as Error).message, projected: { ...NO_OUTPUT, message: "" } };
  }
}

function withVectors(layer: Layer): Head["layer"] {
  if (layer.about.kind !== "qkv")
    throw new Error("this page carries the weights of this layer, and not the queries, keys and values they come from");
  return layer as Layer & { about: QkvLayer };
}

const touched = ({ scores = {}, masked = [], removed = [] }: WhatIf): number[] => [
  ...Object.keys(scores).map(Number),
  ...masked,
  ...removed,
];

function written(whole: Steps, changed: Steps | null, { layer, head, heads }: Head, keep: number[]) {
  const { dk, dv, keyHeads, softcap } = layer.about;
  const { rows, ranked } = rowsOf(whole, keep);
  const others = whole.allowed.map((allowed, key) => Number(allowed && !rows.includes(key)));
  const of = (name: "dots" | "scaled" | "scores" | "weights") => vector(take(whole[name], rows, 1));
  const group = (one: number) => Math.floor((one * keyHeads) / heads);
  const arrays: Breakdown["arrays"] = {
    query: vector(whole.query),
    keys: array(take(whole.keys, rows, dk), [rows.length, dk]),
    products: array(take(whole.products, rows, dk), [rows.length, dk]),
    ...{ dots: of("dots"), scaled: of("scaled"), scores: of("scores"), weights: of("weights") },
    allowed: {
      dtype: "uint8",
      shape: [rows.length],
      data: Uint8Array.from(rows, (key) => whole.allowed[key] as number),
    },
    values: array(take(whole.values, rows, dv), [rows.length, dv]),
    ...optional(whole, rows),
    ...ofValues(whole, rows, others, dv, heads),
  };
  if (whole.bias) arrays.bias = vector(take(whole.bias, rows, 1));
  if (whole.parts.length > 0) {
    const each = whole.parts.flatMap(({ weights }) => [...take(weights, rows, 1)]);
    arrays.parts = array(each, [whole.parts.length, rows.length]);
  }
  return {
    ...{ rows, ranked, arrays, softcap, keyHeads },
    visible: whole.allowed.reduce((sum, one) => sum + one, 0),
    masked: whole.allowed.reduce((sum, one) => sum + 1 - one, 0),
    rest: restOf(whole, others),
    scale: layer.about.scale,
    sharedBy: Array.from({ length: heads }, (_, one) => one).filter((one) => group(one) === group(head)),
    keyHead: group(head),
    ...softmax(whole),
    changed: changed && changedOf(changed, rows, others, dv, heads),
  };
}

function changedOf(one: Steps, rows: number[], others: Uint8Array, dv: number, heads: number): Changed {
  const of = (name: "scaled" | "scores" | "weights") => vector(take(one[name], rows, 1));
  return {
    rest: restOf(one, others),
    removed: finite(one.removed),
    grown: one.parts.length > 0 ? null : finite(one.grown),
    headNorm: null,
    distance: null,
    ...softmax(one),
    arrays: {
      ...{ scaled: of("scaled"), scores: of("scores"), weights: of("weights") },
      ...optional(one, rows),
      ...ofValues(one, rows, others, dv, heads),
    },
  };
}

function optional(one: Steps, rows: number[]): Breakdown["arrays"] {
  const some = Object.entries({ capped: one.capped, exponentials: one.exponentials });
  return Object.fromEntries(some.flatMap(([name, all]) => (all ? [[name, vector(take(all, rows, 1))]] : [])));
}

function ofValues(one: Steps, rows: number[], others: Uint8Array, dv: number, heads: number): Breakdown["arrays"] {
  const weighted = take(one.weighted, rows, dv);
  const rest = new Float64Array(dv);
  others.forEach((is, key) => {
    for (let dim = 0; is && dim < dv; dim++) rest[dim]! += one.weighted[key * dv + dim] as number;
  });
  const norms = rows.map((_, row) => Math.hypot(...weighted.subarray(row * dv, (row + 1) * dv)));
  return {
    weighted: array(weighted, [rows.length, dv]),
    restWeighted: vector(rest),
    weightedNorms: vector(norms),
    headOutput: vector(one.headOutput),
    headOutputs: array(one.headOutputs, [heads, dv]),
  };
}

function rowsOf({ weights, allowed }: Steps, keep: number[]): { rows: number[]; ranked: boolean } {
  const all = Array.from(weights.keys());
  if (all.length <= ROWS) return { rows: all, ranked: false };
  const size = (key: number) => (allowed[key] ? weights[key] || 0 : -1); // NaN is 0 here
  const first = all
    .sort((a, b) => size(b) - size(a) || a - b)
    .filter((key) => allowed[key])
    .slice(0, ROWS);
  return { rows: [...first, ...new Set(keep.filter((key) => !first.includes(key)))], ranked: true };
}

function restOf({ weights }: Steps, others: Uint8Array): Rest {
  const count = others.reduce((sum, one) => sum + one, 0);
  return { count, weight: finite(weights.reduce((sum, weight, key) => sum + (others[key] ? weight : 0), 0)) };
}

const softmax = ({ maximum, total, sink }: Steps) => ({
  maximum: finite(maximum),
  total: finite(total),
  sink: finite(sink),
});

/** JSON has neither NaN nor infinity, and what is sent has neither. */
const finite = (value: number | null): number | null => (value !== null && Number.isFinite(value) ? value : null);

function take(numbers: ArrayLike<number>, rows: number[], each: number): Float64Array {
  const found = new Float64Array(rows.length * each);
  rows.forEach((row, at) => {
    for (let dim = 0; dim < each; dim++) found[at * each + dim] = numbers[row * each + dim] as number;
  });
  return found;
}

const array = (numbers: ArrayLike<number>, shape: number[]): Envelope => ({
  dtype: "float32",
  shape,
  data: Float32Array.from(numbers),
});

const vector = (numbers: ArrayLike<number>): Envelope => array(numbers, [numbers.length]);

/** A query that shows something: the one with the strongest link between two different words of the text. */
export async function tellingQuery(book: Book, { attention, heads }: Selection): Promise<number> {
  const [queries, keys] = book.sides(attention);
  const [n, m] = [queries.tokens.length, keys.tokens.length];
  const [number, head] = heads[0] as [number, number];
  if (n * m > PAIRS) return n - 1;
  let [best, most] = [n - 1, 0];
  try {
    const layer = await book.layer(attention, number);
    for (let query = 0; query < n; query++) {
      if (queries.special[query]) continue;
      layer.row("weights", head, query).forEach((weight, key) => {
        if (key === 0 || keys.special[key] || (keys === queries && key === query) || !(weight > most)) return;
        [best, most] = [query, weight];
      });
    }
  } catch {
    return n - 1; // the steps say what is wrong
  }
  return best;
}
