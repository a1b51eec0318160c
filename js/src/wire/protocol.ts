// The same names as in src/attnwidget/wire/protocol.py; a test compares the two.

export const ASKS = ["hello", "tile", "pictures", "categories", "run", "example", "stop", "code"] as const;
export type Ask = (typeof ASKS)[number];

// A pair that the model's mask forbids: not a weight of zero.
export const FORBIDDEN = -1;

export type Head = [layer: number, head: number];

/** An array as it travels: see src/attnwidget/wire/envelope.py. */
export interface Envelope {
  dtype: "float32" | "int32" | "uint8";
  shape: number[];
  data: ArrayBufferView | ArrayBuffer;
}

/** The tokens of one side. */
export interface TokenList {
  tokens: string[];
  special: boolean[];
  words: number[];
  wordTexts: string[];
  /** Of which text of a pair each token is, 0 or 1. */
  segments: number[] | null;
  /** What the model wrote itself. */
  generated: boolean[] | null;
}

/** Everything small about the current run. */
export interface Outline {
  run: number;
  model: string;
  editable: boolean;
  /** How long the model took. */
  seconds: number;
  /** The model reads one text and says another. */
  translates: boolean;
  attention: string;
  attentions: string[];
  queries: TokenList;
  /** Null where the keys are the queries' own tokens. */
  keys: TokenList | null;
  layers: number;
  heads: number;
  /** Null where there is nothing to compare with. */
  maxError: number | null;
  /** The model computed something that is not a number. */
  broken: boolean;
  /** Of a bundled model: what it is, and the examples that the bundled models are for. */
  demo?: Demo | null;
}

export interface Demo {
  about: string;
  examples: { name: string; model: string }[];
  /** The example on screen, and what to look for in it. */
  shown: { name: string; look: string } | null;
}

/** Weights that came with the state, so that a notebook opened without a kernel is drawn. */
export interface Snapshot extends Partial<Envelope> {
  run: number;
  words: boolean;
  heads: Head[];
}

export interface Pictures extends Envelope {
  run: number;
}

/** What a kind of head is, as the panel explains it. */
export interface Category {
  name: string;
  /** One sentence. */
  meaning: string;
  /** The score that a head needs, where the reader has set none. */
  threshold: number;
  /** What an even spread of attention would reach, before the correction. */
  chance: number | null;
  /** On what it was measured. */
  source: string;
  /** Of a user's own category, #rrggbb. */
  colour: string | null;
  /** What every head's score means, by layer and head. */
  notes?: string[][] | null;
}

/** The measuring that needs texts of its own. */
export interface Probe {
  state: "none" | "running" | "done" | "failed";
  message: string;
  done: number;
  total: number;
}

/** Scores of all heads: float32, (categories, layers, heads), NaN where not measured. */
export interface Categories extends Envelope {
  run: number;
  list: Category[];
  warning: string;
  probe: Probe;
}

/** What the reader changes in a head's computation; empty where nothing is. */
export interface WhatIf {
  /** False: the products go into the softmax unscaled. */
  scaled?: boolean;
  /** Scores are divided by it. */
  temperature?: number;
  /** Scores set by hand, by key position. */
  scores?: Record<string, number>;
  /** Keys hidden before the softmax. */
  masked?: number[];
  /** Keys taken out after the softmax; the other weights grow to the same sum. */
  removed?: number[];
}

/** The heads' way into the layer's output: W_O. */
export interface Projected {
  /** Running: the model is asked once more for what its modules return; missing: see the message. */
  state: "ready" | "running" | "missing";
  message: string;
  done: number;
  total: number;
  /** The model's own module, such as "encoder.layer.5.attention.output.dense". */
  name: string;
  /** Largest |difference| between the sum of what the heads write (+ bias) and what the module returned. */
  maxDifference: number | null;
  hasBias: boolean;
}

/**
 * Arrays of the steps, for r rows: float32 but for allowed (uint8), by name
 *   query (dK), keys (r, dK), products (r, dK), dots (r), scaled (r), allowed (r), scores (r), weights (r),
 *   values (r, dV), weighted (r, dV), norms (r), restWeighted (dV), headOutput (dV), headOutputs (heads, dV);
 *   capped (r) with a soft cap, bias (r) with a position bias, exponentials (r) for one query,
 *   parts (queries, r) for several: each one's weights;
 *   once the output is ready: headNorms (heads) that each head writes, contribution (dModel) of this head,
 *   output (dModel) = all heads' contributions + bias, attentionOutput (dModel) by the model itself.
 */
export type Arrays = Record<string, Envelope>;

/** What a softmax was made of; null for several queries, each of which has its own. */
export interface SoftmaxParts {
  maximum: number | null;
  /** Sum of the exponentials, the sink's among them. */
  total: number | null;
  /** Share of the weight that goes to no key, in a model with attention sinks. */
  sink: number | null;
}

/** One head's computation for a query, or for several together: all that the breakdown shows. */
export interface Breakdown extends SoftmaxParts {
  run: number;
  attention: string;
  head: Head;
  /** The synced queries when this was made; without any, `queries` holds the one that was chosen instead. */
  pinned: number[];
  queries: number[];
  /** How several queries are taken together. */
  combine: "mean" | "sum";
  whatIf: WhatIf;
  /** Why there are no steps; empty where there are. What follows is there only then. */
  missing: string;
  /** Key positions: all of a short text in its order; else the visible ones of largest weight, strongest first. */
  rows: number[];
  ranked: boolean;
  /** How many keys the query may attend to, and how many it may not. */
  visible: number;
  masked: number;
  /** The visible keys that are no rows, together. */
  rest: { count: number; weight: number | null };
  scale: number;
  softcap: number | null;
  /** Heads that share this head's keys and values, itself among them; of so many key heads this is number keyHead. */
  sharedBy: number[];
  keyHead: number;
  keyHeads: number;
  arrays: Arrays;
  projected: Projected;
  /** The same with whatIf; null where nothing is changed. */
  changed: Changed | null;
}

/**
 * Arrays: scaled, capped, scores, exponentials, weights, weighted, norms, restWeighted, headOutput, headOutputs;
 * contribution and output when ready.
 */
export interface Changed extends SoftmaxParts {
  arrays: Arrays;
  rest: { count: number; weight: number | null };
  /** The weight that the hidden and removed keys would have without that. */
  removed: number | null;
  /** The factor by which the others then grew, so that weight = grown × exponential / total; null for several queries. */
  grown: number | null;
  /** Norm of what the head then writes, and of the difference that this makes to the layer's output. */
  headNorm: number | null;
  distance: number | null;
}

export interface Status {
  state: "loading" | "ready" | "error";
  message: string;
  done?: number;
  total?: number | null;
  /** There is a model, though nothing was drawn yet: another text may be tried. */
  editable?: boolean;
}
