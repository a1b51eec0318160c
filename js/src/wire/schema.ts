// Written by scripts/wire_types.py from src/attnwidget/wire/schema.py: change that file, and run `make types`.

/** A head by its numbers, both counted from 0. */
export type Head = [layer: number, head: number];

/** An array: its bytes in C order, little-endian. */
export interface Envelope {
  dtype: "float32" | "int32" | "uint16" | "uint8";
  shape: number[];
  data: ArrayBufferView | ArrayBuffer;
}

/** What the reader changes in a head's computation; each is there only where it is changed. */
export interface WhatIf {
  /** False: the products go into the softmax unscaled. */
  scaled?: boolean;
  /** Scores are divided by it. */
  temperature?: number;
  /** Scores set by hand, by key position. */
  scores?: Record<string, number>;
  /** Keys hidden before the softmax. */
  masked?: number[];
  /** Keys taken out after it; the others grow to the same sum. */
  removed?: number[];
}

/** What is asked of the model: an `attnwidget.Target`, as JSON has it. */
export interface Question {
  kind: "difference" | "logprob" | "loss" | "output";
  /** Of the vocabulary; none of a logprob is the likeliest. */
  tokens: (string | number)[];
  /** Positions; null: the pinned query, or where the model's answer is. */
  at: number[] | null;
}

/** What the model was run on; empty where there is none. */
export interface Texts {
  text: string;
  text_pair: string;
  text_target: string;
}

/** What of a run is looked at, and how. */
export interface Selection {
  /** One of VIEWS. */
  view: string;
  attention: string;
  /** Which number of a pair is drawn. */
  measure: string;
  /** Of a comparison: A, B, or A's tokens with A − B, which is the measure difference. */
  side: "a" | "b" | "difference";
  layer: number;
  heads: Head[];
  /** The pinned token positions that attend. */
  queries: number[];
  /** The pinned token positions that are attended to. */
  keys: number[];
  /** Below it nothing is drawn: a share of the scale's largest number. */
  threshold: number;
  /** Whether sub-words are merged. */
  words: boolean;
  /** The category that is open in the panel. */
  category: string | null;
  /** How several queries are taken together. */
  combine: "mean" | "sum";
  what_if: WhatIf;
  /** The heads that are switched off, of the attention on screen. */
  off: Head[];
  /** What effects are on; null: by default. */
  target: Question | null;
  /** The mask in the place of the model's own, of the attention on screen: a name, or rows of 1 and 0. */
  mask: string | number[][] | null;
  /** head: each head by itself; model: the model is run with it. */
  mask_mode: "head" | "model";
}

/** Which browser set the selection, and its how manieth change that was: the kernel confirms it by an event. */
export interface Stamp {
  client: string;
  count: number;
  /** What this browser took over and did not set: hosts send it along, perhaps when it is old. */
  followed: string[];
}

/** What the kernel is doing. */
export interface Status {
  state: "error" | "loading" | "ready";
  message: string;
  done: number;
  total: number | null;
  /** There is a model, though nothing was drawn yet: another text may be tried. */
  editable: boolean;
}

/**
 * The tokens of one side, written small; `layout/units.ts` reads it.
 *
 * Flags are stretches of positions: the first, one after the last, the next first …
 */
export interface TokenList {
  /** All labels in one text: its first character stands before each, and in none. */
  tokens: string;
  special: number[];
  /** How many tokens each word has, with a space between. */
  words: string;
  /** As tokens; empty for a word that reads as its tokens do, or where all words do. */
  wordTexts: string;
  /** Where another text of a pair, or turn of a chat, begins, and its number: 5, 1, 9, 2; null for one text. */
  segments: number[] | null;
  /** What the model wrote itself. */
  generated: number[] | null;
  /** A decoder's: what the row of a token works out is the token after it. */
  writes: boolean;
  /** The text as it was written, a letter a token: the token as it is here behind nothing (.), a space ( ) or a line break (/); nothing (0), as of a mark that was added; or the next of `odd` (*). */
  gaps: string;
  /** What stands in the text where a token is written otherwise here. */
  odd: string[];
}

/** An example in the menu. */
export interface ExampleName {
  name: string;
  /** What its model does. */
  group: string;
}

/** The example on screen, and what to look for in it. */
export interface ShownExample {
  name: string;
  look: string;
}

/** Of a bundled model: what it is, and the examples that the bundled models are for. */
export interface Demo {
  about: string;
  examples: ExampleName[];
  shown: ShownExample | null;
}

/** A measure, as the menu offers it. */
export interface MeasureInfo {
  name: string;
  /** Whose number it is: a head's, all heads' of a layer together, or the whole way's down from a layer. */
  of: "head" | "layer" | "way";
  /** What one number of it is called. */
  label: string;
  sentence: string;
  /** share: 0 to 1; positive: 0 and more; real, signed: of either sign. */
  domain: "positive" | "real" | "share" | "signed";
  /** What numbers below 0 do, and what those above it. */
  below: string;
  above: string;
  /** Why it cannot be had here; empty where it can. */
  missing: string;
}

/** How much one attention of a trace would be, written out. */
export interface Matrices {
  attention: string;
  queries: number;
  keys: number;
  layers: number;
  heads: number;
}

/** The mask that was put in the place of the model's own. */
export interface MaskShown {
  /** As in the selection. */
  mask: string | number[][];
  mode: "head" | "model";
  /** In a few words: "window of 4". */
  brief: string;
  /** What it does, and what becomes of tokens that see nothing. */
  sentence: string;
  /** How many tokens see nothing. */
  blind: number;
}

/**
 * What the trace on screen is compared with, as far as its attention goes.
 *
 * Partners are written as stretches: a position here, its partner's there, and how many follow each other so.
 */
export interface Comparison {
  /** What A and B are called. */
  names: string[];
  /** What sets them apart, as a sentence; empty where the names say it. */
  why: string;
  /** Which of them is on screen. */
  shown: "a" | "b";
  /** The one of the other side that all heads are compared with; null: each with its own. */
  head: Head | null;
  /** Why there is no difference; empty where there is. */
  missing: string;
  queries: number[][];
  /** Null where the keys are the queries' own tokens. */
  keys: number[][] | null;
  /** The other side's tokens. */
  otherQueries: TokenList;
  otherKeys: TokenList | null;
  /** As of the outline, by the other's model. */
  predicts: "next" | "place" | null;
  /** Which of the session's traces is the other. */
  trace: string;
}

/** Everything small about the current run. */
export interface Outline {
  run: number;
  /** Which of the session's traces this is. */
  trace: string;
  model: string;
  /** The commit of the model's files on the Hub; empty where it is not known. */
  revision: string;
  /** How a weight comes about here. */
  formula: string;
  /** Of attnwidget, that made this. */
  version: string;
  editable: boolean;
  /** How long the model took. */
  seconds: number;
  /** The model reads one text and says another. */
  translates: boolean;
  attention: string;
  /** Those of which there is a layer to see. */
  attentions: string[];
  queries: TokenList;
  /** Null where the keys are the queries' own tokens. */
  keys: TokenList | null;
  /** Of the model. */
  layers: number;
  /** The numbers of the layers that there is something to see of. */
  kept: number[];
  heads: number;
  /** All attentions of the trace. */
  matrices: Matrices[];
  /** What the trace held when the run was done. */
  nbytes: number;
  measures: MeasureInfo[];
  /** On how many queries the heads are scored, where that is not all. */
  scored: number | null;
  /** Null where there is nothing to compare with. */
  maxError: number | null;
  /** The model computed something that is not a number. */
  broken: boolean;
  /** The heads without which the model ran; of this attention. */
  off: Head[];
  /** Null: the model's own. */
  mask: MaskShown | null;
  /** What the reader should know before trusting what is shown. */
  notices: string[];
  /** Which token a query's row tells by the model's head: the one after it, or the one at its place. */
  predicts: "next" | "place" | null;
  /** Why it tells none; empty where it does. */
  predictsNothing: string;
  /** The first query that differs from the text before: those before it cannot see that, and have the same weights as before. Null where nothing can be said. */
  changedFrom: number | null;
  demo: Demo | null;
  /** Null where nothing stands beside. */
  comparison: Comparison | null;
  /** Of a page without a kernel: how far its numbers may be from the model's, as a sentence. Else null. */
  page: string | null;
}

/**
 * What must be drawn without a kernel: the heads on screen, and the current layer of a short text.
 *
 * float32, or uint16 as in `Ahead`.
 */
export interface Snapshot {
  run: number;
  measure: string;
  words: boolean;
  heads: Head[];
  dtype: "float32" | "int32" | "uint16" | "uint8";
  /** (heads, queries, keys); −∞ where the mask forbids the pair. */
  shape: number[];
  /** Null for a text too long to come along. */
  data: ArrayBufferView | ArrayBuffer | null;
}

/**
 * All heads' weights of a short text, sent before anybody asks, so that another head needs no kernel.
 *
 * uint16, (those layers, heads, queries, keys): weight × 65533 rounded, so off by at most 7.7e-6; 65535 where the mask
 * forbids the pair, 65534 where the model has NaN.
 */
export interface Ahead extends Envelope {
  run: number;
  attention: string;
  /** The number of each: some may have been left out. */
  layers: number[];
}

/**
 * Every head's pattern as a small picture: uint8, (layers, heads, rows, columns).
 *
 * 0 is forbidden; 1 to 255 stand for 0 to `limit`, or, of a measure with either sign, for −limit to limit.
 */
export interface Pictures extends Envelope {
  run: number;
  measure: string;
  domain: "positive" | "real" | "share" | "signed";
  /** The size of number that is drawn with full strength. */
  limit: number;
  /** Of how many queries, where they are not drawn from all. */
  sampled: number | null;
  /** Why there are none, and the shape is all 0; empty where there are. */
  problem: string;
}

/** What every head's score means: many heads share a sentence, but for its numbers. */
export interface Notes {
  /** With U+0001 in the place of each whole number. */
  texts: string[];
  /** By layer and head: which of them, and its numbers; parted by spaces. */
  of: string[][];
}

/** What a kind of head is, as the panel explains it. */
export interface Category {
  name: string;
  /** One sentence. */
  meaning: string;
  /** The score that a head needs, where the reader has set none. */
  threshold: number;
  /** What its numbers mean: one sentence; empty where nobody says. */
  scale: string;
  /** What an even spread of attention would reach, before the correction. */
  chance: number | null;
  /** On what it was measured. */
  source: string;
  /** Of a user's own category, #rrggbb. */
  colour: string | null;
  notes: Notes | null;
}

/** The measuring that needs texts of its own. */
export interface Probe {
  state: "done" | "failed" | "none" | "running";
  message: string;
  done: number;
  total: number;
}

/** Scores of all heads: float32, (categories, layers, heads), NaN where not measured. */
export interface Categories extends Envelope {
  run: number;
  attention: string;
  list: Category[];
  /** How sharp each head's rows are, by layer: mean largest weight, 0 for an even spread, 1 for one key. */
  peak: ((number | null)[])[];
  warning: string;
  probe: Probe;
}

/** The heads' way into the layer's output: W_O. */
export interface Projected {
  /** running: the model is asked once more for what its modules return; missing: see the message. */
  state: "missing" | "ready" | "running";
  message: string;
  done: number;
  total: number;
  /** The model's own module, such as "encoder.layer.5.attention.output.dense". */
  name: string;
  /** Largest |difference| between what the heads write together (+ bias) and what the module returned. */
  maxDifference: number | null;
  hasBias: boolean;
}

/** The visible keys that are no rows, together. */
export interface Rest {
  count: number;
  weight: number | null;
}

/** What a softmax was made of; null for several queries, each of which has its own. */
export interface SoftmaxParts {
  maximum: number | null;
  /** Sum of the exponentials, the sink's among them. */
  total: number | null;
  /** Share of the weight that goes to no key, in a model with attention sinks. */
  sink: number | null;
}

/** A stop of the way through the model. */
export interface Station {
  /** What stands there; … where it is not known. */
  name: string;
  /** Whether every layer has it. */
  inLayer: boolean;
  /** Whether it reads the residual stream and adds to it. */
  adds: boolean;
  /** Whether it reads the same as the stop before. */
  beside: boolean;
  /** Whether what it reads is normed. */
  before: boolean;
  /** Whether what it adds is normed. */
  inside: boolean;
  /** Whether it is the attention on screen. */
  here: boolean;
}

/** Where the layer's attention stands in the model, as far as it is known; and the same in words. */
export interface Pipeline {
  layers: number;
  stops: Station[];
  sentence: string;
  paragraph: string;
  formula: string;
}

/**
 * A computation with something changed.
 *
 * Arrays: scaled, capped, scores, exponentials, weights, weighted, weightedNorms, restWeighted, headOutput,
 * headOutputs; contribution and output when ready.
 */
export interface Changed extends SoftmaxParts {
  arrays: Record<string, Envelope>;
  rest: Rest;
  /** The weight that the hidden and removed keys would have without that. */
  removed: number | null;
  /** By what the others then grew: weight = grown × exponential / total; null for several queries. */
  grown: number | null;
  /** Norm of what the head then writes. */
  headNorm: number | null;
  /** Norm of the difference that this makes to the layer's output. */
  distance: number | null;
}

/**
 * What the other side of a comparison has for the same query and keys.
 *
 * Arrays for r rows and the k keys that only the other has, float32 but for allowed (uint8), by name
 * allowed, weights (r): of each row's partner, 0 without one; weightsDifference (r): A − B, −∞ without a partner or
 * where either side hides the key; onlyAllowed, onlyWeights (k); and likewise of dots and scores, where both sides
 * have these.
 */
export interface StepsBeside {
  /** Why nothing is compared; empty where something is. */
  missing: string;
  /** Why nothing but weights is; empty where more is. */
  onlyWeights: string;
  /** The other's. */
  head: Head | null;
  /** The other's. */
  queries: number[];
  /** By row: the position of its key's partner; −1 where it has none. */
  partners: number[];
  /** The other's keys without a partner; of a long text the strongest of them. */
  only: number[];
  /** Those that are left out of these. */
  rest: Rest;
  /** Of the head's output, here and there; empty where not known. */
  norms: (number | null)[];
  /** How many numbers the other's has. */
  width: number;
  /** Norm of the difference of both; null where they are not as wide. */
  distance: number | null;
  arrays: Record<string, Envelope>;
}

/**
 * One head's computation for a query, or for several together: all that the breakdown shows.
 *
 * Arrays for r rows: float32 but for allowed (uint8), by name
 * query (dK), keys (r, dK), products (r, dK), dots (r), scaled (r), allowed (r), scores (r), weights (r),
 * values (r, dV), weighted (r, dV), weightedNorms (r), restWeighted (dV), headOutput (dV), headOutputs (heads, dV);
 * capped (r) with a soft cap, bias (r) with a position bias, exponentials (r) for one query,
 * parts (queries, r) for several: each one's weights;
 * once the output is ready: headNorms (heads) that each head writes, contribution (dModel) of this head,
 * output (dModel) = all heads' contributions + bias, attentionOutput (dModel) by the model itself,
 * where that is known.
 */
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
  /** Why there are no steps; empty where there are. What follows tells nothing then; but where weights are compared, rows, ranked, and the arrays weights and allowed. */
  missing: string;
  /** Key positions: all of a short text in order; else the visible ones of largest weight, strongest first. */
  rows: number[];
  ranked: boolean;
  /** How many keys the query may attend to. */
  visible: number;
  /** How many it may not. */
  masked: number;
  rest: Rest;
  scale: number;
  softcap: number | null;
  /** Heads that share this head's keys and values, itself among them. */
  sharedBy: number[];
  /** Which of the key heads they share. */
  keyHead: number;
  keyHeads: number;
  arrays: Record<string, Envelope>;
  projected: Projected;
  /** Null on a page that was saved without it. */
  pipeline: Pipeline | null;
  /** The same with whatIf; null where nothing is changed. */
  changed: Changed | null;
  /** Null where A − B is not on screen. */
  beside: StepsBeside | null;
}

/** A target that was looked up in the text. */
export interface Asked {
  kind: "difference" | "logprob" | "loss" | "output";
  /** The tokens whose rows tell; of a long span the first ones. */
  rows: number[];
  /** How many rows tell. */
  count: number;
  /** Of the vocabulary: one, or of a difference two. */
  ids: number[];
  /** How these read. */
  tokens: string[];
  label: string;
}

/** What a part of the model that is no head writes into the answer, or all heads of a layer together. */
export interface Piece {
  name: string;
  layer: number | null;
  /** Null where it is not a number. */
  value: number | null;
}

/** A logit as the sum of what every part writes into it, with the final norm's scale held. */
export interface Sum {
  /** In the order of the model. */
  pieces: Piece[];
  total: number | null;
  /** The model's own. */
  logit: number | null;
  /** What could not be proven, so that the sum lacks it. */
  missing: string[];
}

/** What every head does to the answer, of the model as it is: no head off. */
export interface Effects {
  run: number;
  attention: string;
  kind: "ablate" | "attribution" | "decompose";
  value: "mean" | "zero";
  asked: Asked | null;
  /** How this was found, as one sentence. */
  protocol: string;
  unit: string;
  /** The target as the model is. */
  base: number | null;
  /** float32 (layers, heads); NaN where there is none, or none yet. */
  grid: Envelope | null;
  state: "missing" | "ready" | "running" | "stopped";
  /** Why there is no grid; empty where there is one, or will be. */
  message: string;
  done: number;
  total: number;
  /** Null where it cannot be had. */
  sum: Sum | null;
  /** Why not. */
  noSum: string;
}

/** A token that the model expects, before and after heads were switched off. */
export interface Likely {
  /** In the vocabulary. */
  id: number;
  token: string;
  before: number;
  /** Null while no head is off. */
  after: number | null;
}

/** A number as the model is, and without the heads that are off; null where there is none. */
export interface Change {
  before: number | null;
  after: number | null;
}

/** What the model says at the place that is asked about, as it is and without the heads that are off. */
export interface Outcome {
  run: number;
  off: Head[];
  asked: Asked | null;
  unit: string;
  target: Change;
  /** Mean over the text, in nats. */
  loss: Change;
  /** The likeliest tokens of either, most expected before first. */
  likely: Likely[];
  /** The token by whose row they are told. */
  row: number | null;
  /** Why there is none of it; empty where there is. */
  message: string;
}

/**
 * Every head's link of the pinned pair, of the model as it is. Arrays: float32 (layers, heads), NaN for none.
 *
 * weight, norm, share (what the link writes into the target's logit) and cut (the effect of cutting it).
 */
export interface Links {
  run: number;
  attention: string;
  queries: number[];
  keys: number[];
  arrays: Record<string, Envelope>;
  /** Why an array is not there, by its name. */
  lacks: Record<string, string>;
  /** Of the cutting; missing: not asked for, or not to be had. */
  state: "missing" | "ready" | "running" | "stopped";
  done: number;
  total: number;
}

/** A question that is answered by what the reader selects; texts with *emphasis*. */
export interface PosedQuestion {
  name: string;
  text: string;
  hint: string;
  /** What is said once it is answered. */
  because: string;
  /** One of them is to be fulfilled: conditions by field, as asking/judge.py has them. */
  rules: Record<string, unknown>[];
  /** Of the selection, an answer. */
  show: Partial<Selection> | null;
  /** Whether it is about another text, or model, than is on screen. */
  elsewhere: boolean;
  /** The text that it is about. */
  about: string;
  /** Whether it was answered. */
  right: boolean;
  tries: number;
  hinted: boolean;
  shown: boolean;
}

/** What the reader is asked, in order. */
export interface Posed {
  questions: PosedQuestion[];
}

/** What of the lab is looked at: traits that both sides set. */
export interface LabChoice {
  /** Side by side, by their names. */
  variants: string[];
  /** The one of them that is explained. */
  chosen: string;
  /** Where q, k and v come from: a layer of the model, or small weights. */
  numbers: "model" | "small";
  layer: number;
  head: number;
  /** The name of a mask; empty: the model's own. */
  mask: string;
  /** What is set, by variant and option; the rest is default. */
  options: Record<string, Record<string, unknown>>;
  /** How many tokens costs are told of. */
  length: number;
  /** How much is explained. */
  depth: "formula" | "paragraph" | "sentence";
}

/** A variant, as the list has it. */
export interface LabName {
  name: string;
  label: string;
  group: string;
  sentence: string;
}

/** A mask that is offered. */
export interface LabMask {
  name: string;
  says: string;
}

/** A symbol of a formula, its meaning, and its shape in letters ("" for a number). */
export interface LabSymbol {
  symbol: string;
  meaning: string;
  shape: string;
}

/** What can be set: a switch, a whole number, or any number between two ends. */
export interface LabOption {
  name: string;
  label: string;
  meaning: string;
  kind: "number" | "switch" | "whole";
  /** Null: left open, as `unset` says. */
  value: boolean | number | null;
  default: boolean | number | null;
  least: number;
  most: number;
  step: number;
  /** The only ones that fit, in order; null: any between the ends. */
  allowed: number[] | null;
  /** What is so where no number is given; empty where there always is one. */
  unset: string;
}

/** What equals what, checked on the numbers on screen in float64. */
export interface LabIdentity {
  sentence: string;
  /** The largest |difference|; null: it is not a number. */
  difference: number | null;
  /** Why it cannot be checked here; empty where it is. */
  problem: string;
}

/** A count, and the same of what it is compared with. */
export interface LabCost {
  what: string;
  unit: "" | "bytes";
  count: number;
  beside: number;
  /** What the other count is of. */
  compared: string;
  /** How the count comes about. */
  formula: string[];
}

/** A number of each row, beside the matrix: float32, (n). */
export interface LabStrip {
  label: string;
  values: Envelope;
}

/** Numbers to be read: float32, (rows, columns). */
export interface LabTable {
  name: string;
  meaning: string;
  /** Names of the rows; empty where they have none. */
  rows: string[];
  values: Envelope;
}

/** A variant on the reader's sentence, and all that is to be said of it. */
export interface LabPicture {
  name: string;
  label: string;
  group: string;
  /** float32, (n, n), −∞ where the mask forbids the pair; null where there is a problem. */
  weights: Envelope | null;
  /** Why it cannot be computed here; empty where it can. */
  problem: string;
  /** Whether weights may be below 0. */
  signed: boolean;
  /** Which head, pair or group the weights are of. */
  whose: string;
  /** What is so on these numbers. */
  notes: string[];
  /** Rows that may attend to nothing. */
  blind: number[];
  /** What such a row does here. */
  blindness: string;
  /** Largest |difference| from the scaled dot product's weights, same head and mask; null: none is told. */
  apart: number | null;
  strip: LabStrip | null;
  /** Of every head, the group whose keys and values it uses. */
  groups: number[] | null;
  /** Its own small numbers. */
  tables: LabTable[];
  /** The formula, cut where symbols begin and end. */
  pieces: [string, boolean][];
  symbols: LabSymbol[];
  /** What letters of shapes stand for here. */
  sizes: Record<string, number>;
  sentence: string;
  paragraph: string;
  sees: string;
  cannot: string;
  oftenSaid: string;
  sources: string[];
  options: LabOption[];
  identities: LabIdentity[];
  costs: LabCost[];
  costNote: string;
}

/** A step of flash attention: which queries and keys, and the bytes it moves, of all heads. */
export interface LabTile {
  queries: [number, number];
  keys: [number, number];
  /** The mask forbids all of it: nothing is read. */
  skipped: boolean;
  /** Its rows are done, and written. */
  last: boolean;
  read: number;
  written: number;
}

/**
 * Flash attention as it ran, one head of it.
 *
 * Arrays, float32: scores (n, n), −∞ where forbidden; of all steps one below the other maximum, total and rescaled
 * (rows) and output (rows, shown), the first numbers of each row's output so far; exact (n, shown).
 */
export interface LabFlash {
  steps: LabTile[];
  arrays: Record<string, Envelope>;
  /** How many numbers an output has, of which some are shown. */
  width: number;
  /** Largest |difference| of all heads' outputs from the exact ones; null: not a number. */
  difference: number | null;
  /** What attention that writes scores and weights out would move. */
  plainBytes: number;
  heads: number;
}

/** All that the lab shows, as of one choice. */
export interface LabBoard {
  run: number;
  choice: LabChoice;
  text: string;
  /** Empty where there is none yet. */
  model: string;
  tokens: string[];
  /** Those that have queries, keys and values. */
  layers: number[];
  heads: number;
  keyHeads: number;
  menu: LabName[];
  masks: LabMask[];
  /** What the mask at hand does, in words. */
  mask: string;
  notices: string[];
  /** Tokens and weights in numbers, where these are small. */
  small: LabTable[];
  pictures: LabPicture[];
  flash: LabFlash | null;
  version: string;
}

/** What every request has. */
export interface Request {
  /** The browser's own, a stroke, and a number. */
  id: string;
}

/** Ask whether the kernel is there, and of one mind with this browser. */
export interface Hello extends Request {
  ask: "hello";
}

/** Take this browser's selection: what it set was lost on the way. */
export interface Select extends Request {
  ask: "select";
  /** As in the stamp. */
  count: number;
  selection: Selection;
}

/** Send all traits again: some were lost on the way. */
export interface Resend extends Request {
  ask: "resend";
}

/** Numbers of one head over a rectangle of queries and keys. */
export interface Tile extends Request {
  ask: "tile";
  layer: number;
  head: number;
  /** First, and one after the last: tokens, or words where they are merged. */
  queries: [number, number];
  keys: [number, number];
  words?: boolean;
  measure?: string;
  /** Null: the one on screen. */
  attention?: string | null;
  trace?: string;
  /** Of which the browser knows the tokens; null: the newest. */
  run?: number | null;
}

/** One pair's number in every head; several positions on a side are taken together. */
export interface Rank extends Request {
  ask: "rank";
  /** Token positions; none leaves this side open, but not both. */
  queries: number[];
  keys: number[];
  /** Whether the open side is one of whole words. */
  words?: boolean;
  measure?: string;
  /** Null: the one on screen. */
  attention?: string | null;
  trace?: string;
  /** Of which the browser knows the tokens; null: the newest. */
  run?: number | null;
}

/** Numbers of some heads between what is pinned and everything on the other side. */
export interface Profile extends Request {
  ask: "profile";
  heads: Head[];
  /** How the heads become one, where they are many; null: each by itself. */
  together?: "maximum" | "mean" | null;
  /** Token positions, taken together; none, or no keys: this side is open. */
  queries: number[];
  keys: number[];
  /** How several queries are taken together. */
  combine?: "mean" | "sum";
  /** Whether the open side is one of whole words. */
  words?: boolean;
  measure?: string;
  /** Null: the one on screen. */
  attention?: string | null;
  trace?: string;
  /** Of which the browser knows the tokens; null: the newest. */
  run?: number | null;
}

/** Draw the heads of some layers as larger pictures. */
export interface HeadPictures extends Request {
  ask: "headPictures";
  layers: number[];
  /** A side. */
  cells: number;
  /** As of the small pictures. */
  limit: number;
  measure?: string;
  /** Null: the one on screen. */
  attention?: string | null;
  trace?: string;
  /** Of which the browser knows the tokens; null: the newest. */
  run?: number | null;
}

/** How far every head's rows of weights are from one head's. */
export interface Similar extends Request {
  ask: "similar";
  layer: number;
  head: number;
  /** Null: the one on screen. */
  attention?: string | null;
  trace?: string;
  /** Of which the browser knows the tokens; null: the newest. */
  run?: number | null;
}

/** How far every head's rows are from those of its counterpart beside. */
export interface Apart extends Request {
  ask: "apart";
  /** Null: the one on screen. */
  attention?: string | null;
  trace?: string;
  /** Of which the browser knows the tokens; null: the newest. */
  run?: number | null;
}

/** How far each two heads are apart. */
export interface Distances extends Request {
  ask: "distances";
  /** Null: the one on screen. */
  attention?: string | null;
  trace?: string;
  /** Of which the browser knows the tokens; null: the newest. */
  run?: number | null;
}

/** A tile of a picture's pyramid: 256 × 256 cells, each of 2^level × 2^level pairs. */
export interface Cells extends Request {
  ask: "cells";
  heads: Head[];
  /** How several heads are one; null for one alone. */
  together?: "maximum" | "mean" | null;
  level: number;
  /** Which tile, from above: the first query is row × 256 × 2^level. */
  row: number;
  /** Which tile, from the left. */
  column: number;
  /** Few queries of each cell will do, where all would take long. */
  sampled?: boolean;
  /** Whether rows and columns are whole words. */
  words?: boolean;
  measure?: string;
  /** Null: the one on screen. */
  attention?: string | null;
  trace?: string;
  /** Of which the browser knows the tokens; null: the newest. */
  run?: number | null;
}

/** The strongest keys of each of some queries, or the strongest queries of each of some keys. */
export interface Lines extends Request {
  ask: "strongest";
  heads: Head[];
  /** How the heads become one, where they are many; null: each by itself. */
  together?: "maximum" | "mean" | null;
  /** Whose rows these are. */
  side?: "key" | "query";
  /** Tokens of that side, or words where they are merged. */
  spans: [number, number][];
  /** So many of each row and head, at most: the largest numbers, of equals the first. */
  count: number;
  /** And none below this; of weights and norms none that is 0. */
  least?: number;
  /** Each query's number with itself left out, the others scaled up. */
  withoutSelf?: boolean;
  /** The first key's left out, likewise. */
  withoutFirst?: boolean;
  words?: boolean;
  measure?: string;
  /** Null: the one on screen. */
  attention?: string | null;
  trace?: string;
  /** Of which the browser knows the tokens; null: the newest. */
  run?: number | null;
}

/** Draw a mask beside the model's own, in small. */
export interface AskMask extends Request {
  ask: "mask";
  /** As in the selection. */
  mask?: string | number[][] | null;
  mode?: "head" | "model";
  /** Whose own mask: heads of a model may differ in it. */
  layer?: number;
  head?: number;
  /** Null: the one on screen. */
  attention?: string | null;
  /** Of which the browser knows the tokens; null: the newest. */
  run?: number | null;
}

/** Make a file of what is on screen. */
export interface Save extends Request {
  ask: "save";
  format: "csv" | "html" | "pdf" | "png" | "svg";
  /** Of a figure, in inches; null: as wide as it needs to be. */
  width?: number | null;
  theme?: "dark" | "light";
  /** Of a figure: false leaves it transparent. */
  background?: boolean;
}

/** Draw the heads' small pictures; they come as a state. */
export interface AskPictures extends Request {
  ask: "pictures";
}

/** Score the heads; the scores come as a state. */
export interface AskCategories extends Request {
  ask: "categories";
}

/** Send all heads' weights of a short text, as a state. */
export interface AskAhead extends Request {
  ask: "ahead";
}

/** Compute every head's effect on the target; it comes as a state. */
export interface AskEffects extends Request {
  ask: "effects";
  kind: "ablate" | "attribution" | "decompose";
  /** What stands in the place of a head that is off. */
  value?: "mean" | "zero";
}

/** Cut the pinned pair's link in one head at a time; what that does comes as a state. */
export interface AskCuts extends Request {
  ask: "cuts";
}

/** Stop computing effects, or cuts; what is there stays. */
export interface StopEffects extends Request {
  ask: "stopEffects";
}

/** Say which tokens the model expects by a query's row. */
export interface AskNext extends Request {
  ask: "next";
  query: number;
  trace?: string;
  /** As of a tile. */
  run?: number | null;
}

/** Run the model on new texts. */
export interface Run extends Request {
  ask: "run";
  text: string;
  text_pair?: string;
  text_target?: string;
}

/** What there is to compare with. */
export interface AskSides extends Request {
  ask: "sides";
}

/** Put something beside A; what is null is as in A. All of it null: stop comparing. */
export interface Compare extends Request {
  ask: "compare";
  text?: string | null;
  /** A bundled one. */
  model?: string | null;
  /** By its name. */
  mask?: string | null;
  /** By its name. */
  variant?: string | null;
  /** Of PEFT. */
  adapter?: "off" | "on" | null;
  /** L2-H6: every head of A is compared with it. */
  head?: string | null;
}

/** Put the model under its own mask beside the other one that is on. */
export interface CompareMasks extends Request {
  ask: "compareMasks";
}

/** Show an example on its own model. */
export interface ShowExample extends Request {
  ask: "example";
  name: string;
}

/** Note that the reader checked an answer, took the hint, or had the answer shown. */
export interface Answered extends Request {
  ask: "answered";
  /** The question's. */
  name: string;
  kind: "check" | "hint" | "show";
  /** What was judged. */
  selection: Selection;
}

/** Put the text that a question is about on screen again. */
export interface PutBack extends Request {
  ask: "putBack";
  /** The question's. */
  name: string;
}

/** Look at something else in the lab. */
export interface ChooseInLab extends Request {
  ask: "chooseInLab";
  /** What changes, by its name. */
  choice: Partial<LabChoice>;
}

/** Stop the model's run, or its download. */
export interface Stop extends Request {
  ask: "stop";
}

/** Send the front end's code, packed, as the reply's one buffer: this host shares no models. */
export interface AskCode extends Request {
  ask: "code";
}

/** Forget requests: nobody waits for their replies any more. */
export interface Cancel extends Request {
  ask: "cancel";
  requests: string[];
}

/** Where the kernel stands, in reply to hello. */
export interface Agreement {
  run: number;
  /** The newest change of the selection that came here from this browser. */
  seen: number;
  selection: Selection;
}

/** A tile: float32, (queries, keys), −∞ where the mask forbids the pair; its bytes are the message's one buffer. */
export interface TileReply {
  run: number;
  dtype: "float32" | "int32" | "uint16" | "uint8";
  shape: number[];
}

/**
 * Every head's number of a pair: float32, (2, layers, heads), the message's one buffer.
 *
 * First the numbers: −∞ where the mask forbids the pair, NaN where the layer has none. Then where on an open side each
 * is found, a token or a word: −1 where there is none, or no side is open.
 */
export interface RankReply {
  run: number;
  dtype: "float32" | "int32" | "uint16" | "uint8";
  shape: number[];
  /** Why the mask forbids the pair, if it does in every head; else empty. */
  why: string;
}

/**
 * A profile: float32, (heads, units of the open side), −∞ where the mask forbids all; the message's one buffer.
 *
 * Of heads taken together there is one row; of their maximum a second one says which of those asked for it is of.
 */
export interface ProfileReply {
  run: number;
  dtype: "float32" | "int32" | "uint16" | "uint8";
  shape: number[];
}

/** Pictures as in the state: uint8, (those layers, heads, rows, columns); the message's one buffer. */
export interface HeadPicturesReply {
  run: number;
  dtype: "float32" | "int32" | "uint16" | "uint8";
  shape: number[];
  /** Of how many queries, where they are not drawn from all. */
  sampled: number | null;
}

/** Jensen–Shannon divergences: float32, (layers, heads), 0 to 1 or NaN; the message's one buffer. */
export interface SimilarReply {
  run: number;
  dtype: "float32" | "int32" | "uint16" | "uint8";
  shape: number[];
  /** Of how many queries, where not all were compared. */
  sampled: number | null;
}

/**
 * Jensen–Shannon divergences of two heads: float32, (heads, heads) of the layers kept, layer by layer.
 *
 * From 0 to 1, or NaN; the message's one buffer.
 */
export interface DistancesReply {
  run: number;
  dtype: "float32" | "int32" | "uint16" | "uint8";
  shape: number[];
  /** Of how many queries, where not all were compared. */
  sampled: number | null;
  /** The heads so that alike ones stand together. */
  order: number[];
  /** Each head's in a plane: x and y, or nothing; empty without a map. */
  places: number[][];
  /** How far the plane's distances are off; Kruskal's stress-1. */
  stress: number | null;
  /** Why there is no map; empty where there is one. */
  noMap: string;
}

/** Jensen–Shannon divergences in nats: float32, (layers, heads), 0 to ln 2 or NaN; the message's one buffer. */
export interface ApartReply {
  run: number;
  dtype: "float32" | "int32" | "uint16" | "uint8";
  shape: number[];
  /** How many rows were compared. */
  rows: number;
  /** Of how many that are partners. */
  of: number;
}

/** What may be otherwise in B, in a menu. */
export interface SideChoice {
  /** The field of `compare` that it fills. */
  of: "adapter" | "head" | "mask" | "variant";
  /** What goes there; of a mask with numbers: window:4. */
  name: string;
  label: string;
  /** What it does, as a sentence. */
  says: string;
}

/** What there is to compare with. */
export interface SidesReply {
  models: string[];
  others: SideChoice[];
}

/**
 * A tile of the pyramid: float32, (2, rows, columns), the message's one buffer; tiles at the end are cut short.
 *
 * First each cell's largest number (of either sign: the one farthest from 0), then its mass: the sum over its keys,
 * the mean over its queries; of numbers of either sign the mean over the pairs that may attend. −∞ where the mask
 * forbids all its pairs (of a sample: all that were looked at), NaN with NaN among them.
 */
export interface CellsReply {
  run: number;
  dtype: "float32" | "int32" | "uint16" | "uint8";
  shape: number[];
  /** One query of so many was looked at: 1 for all, and the numbers are exact. */
  step: number;
  /** How long that took. */
  seconds: number;
}

/**
 * The strongest pairs: float32 (4, lines), and behind it float32 (4, rows); both in the message's one buffer.
 *
 * Of a line its row, its unit on the other side, the number of its head among those asked for (of many together the
 * strongest one), and its value; in the order of heads, rows, units. Of a row, over the heads drawn: the sum of its
 * lines, the sum of all that it has, how many units it may see, and how many lines were too many. Rows are in the
 * order of the spans.
 */
export interface LinesReply {
  run: number;
  dtype: "float32" | "int32" | "uint16" | "uint8";
  /** (4, lines). */
  shape: number[];
  /** (4, rows). */
  rows: number[];
}

/** A kind of mask that has a name. */
export interface MaskPreset {
  name: string;
  /** What its numbers count. */
  numbers: string[];
  lowest: number;
  example: number[];
  /** Whether tokens see later ones, so that it makes a difference to be causal besides. */
  ahead: boolean;
}

/**
 * Two masks, the model's own and the one asked about: uint8 (2, rows, columns), the message's one buffer.
 *
 * Each cell is the share of its pairs that may attend, 0 to 255; of a short text a cell is a pair.
 */
export interface MaskReply {
  run: number;
  dtype: "float32" | "int32" | "uint16" | "uint8";
  shape: number[];
  /** Whether a cell is a pair. */
  exact: boolean;
  /** What the mask does; empty for the model's own. */
  sentence: string;
  /** Whether the model's own lets no token see a later one. */
  causal: boolean;
  presets: MaskPreset[];
  /** Why there can be none, by mode; empty where there can. */
  missing: Record<string, string>;
}

/** A file; its bytes are the message's one buffer. */
export interface SaveReply {
  mime: string;
}

/** A token that the model expects. */
export interface Expected {
  token: string;
  probability: number;
}

/** The likeliest tokens, likeliest first. */
export interface NextReply {
  run: number;
  query: number;
  tokens: Expected[];
}

/** Why there is no answer. */
export interface Failure {
  message: string;
  /** stale: another text is on screen by now; cancelled: as was asked for. */
  kind: "cancelled" | "failed" | "stale";
}

/** An answer to a request. */
export interface Reply {
  id: string | null;
  ok: Record<string, unknown> | null;
  error: Failure | null;
}

/** Python asks all browsers to bring a token into sight. */
export interface GotoEvent {
  event: "goto";
  run: number;
  side: "key" | "query";
  token: number;
}

/** A browser has set the selection; the one that did takes it as the confirmation, the others follow. */
export interface SelectionEvent {
  event: "selection";
  run: number;
  by: Stamp;
  selection: Selection;
}

/** How far a request is that takes long. */
export interface ProgressEvent {
  event: "progress";
  /** The request's. */
  id: string;
  done: number;
  total: number;
}

export type AnyRequest = Hello | Select | Resend | Tile | Rank | Profile | HeadPictures | Similar | Apart | Distances | Cells | Lines | AskMask | Save | AskPictures | AskCategories | AskAhead | AskEffects | AskCuts | StopEffects | AskNext | Run | AskSides | Compare | CompareMasks | ShowExample | Answered | PutBack | ChooseInLab | Stop | AskCode | Cancel;

export type Ask = "hello" | "select" | "resend" | "tile" | "rank" | "profile" | "headPictures" | "similar" | "apart" | "distances" | "cells" | "strongest" | "mask" | "save" | "pictures" | "categories" | "ahead" | "effects" | "cuts" | "stopEffects" | "next" | "run" | "sides" | "compare" | "compareMasks" | "example" | "answered" | "putBack" | "chooseInLab" | "stop" | "code" | "cancel";

export const TEXTS = ["text", "text_pair", "text_target"] as const;

export const SELECTION = ["view", "attention", "measure", "side", "layer", "heads", "queries", "keys", "threshold", "words", "category", "combine", "what_if", "off", "target", "mask", "mask_mode"] as const;

export const STATES = ["outline", "snapshot", "ahead", "pictures", "categories", "breakdown", "effects", "outcome", "links", "posed", "status"] as const;

export const LAB_CHOICE = ["variants", "chosen", "numbers", "layer", "head", "mask", "options", "length", "depth"] as const;

export const VIEWS = ["lines", "matrix", "text", "heads", "breakdown", "effect"] as const;

/** The kernel's states by name. */
export interface KernelStates {
  outline: Outline;
  snapshot: Snapshot;
  ahead: Ahead;
  pictures: Pictures;
  categories: Categories;
  breakdown: Breakdown;
  effects: Effects;
  outcome: Outcome;
  links: Links;
  posed: Posed;
  status: Status;
}
