// What a page carries beside its packed numbers; `export/page.py` writes it.

import type {
  Categories,
  Expected,
  Outline,
  Pictures,
  Pipeline,
  Posed,
  Selection,
  Status,
  Texts,
} from "../wire/schema";

export interface PageData {
  texts: Texts;
  /** What the page opens on. */
  selection: Selection;
  status: Status;
  /** What the reader is asked. */
  posed: Posed;
  /** The views that are drawn from a breakdown's steps. */
  steps: string[];
  attentions: Record<string, AttentionData>;
  masks: MaskData[];
  biases: BiasData[];
  /** What the model expects at each place; null where the page does not tell. */
  next: Expected[][] | null;
  /** How far numbers may be from the model's. */
  errors: { weights: number; scores: number; values: number; contributions: number };
  /** Whether it carries values. */
  values: boolean;
}

export interface AttentionData {
  outline: Outline;
  run: number;
  pictures: Pictures;
  categories: Categories;
  /** What was computed of effects, as the states' traits; empty where nothing was. */
  effects: Record<"_effects" | "_outcome" | "_links", object>;
  layers: LayerData[];
}

interface AnyLayer {
  number: number;
  /** Where its attention stands in the model. */
  pipeline: Pipeline;
  /** Which of the packed parts. */
  block: number;
  /** The numbers of the heads that are carried. */
  heads: number[];
  mask: number;
  /** Of each carried head. */
  sinks: number[] | null;
  norms: boolean;
  /** Whether it carries what the measure "contribution" multiplies values with. */
  ways: boolean;
}

export interface QkvLayer extends AnyLayer {
  kind: "qkv";
  /** Which of the carried keys and values each carried head uses. */
  groups: number[];
  /** How many heads of keys the model has. */
  keyHeads: number;
  dk: number;
  /** 0 where values are not carried. */
  dv: number;
  scale: number;
  softcap: number | null;
  bias: number | null;
}

/** One number for each pair that is written. */
export interface DenseLayer extends AnyLayer {
  kind: "scores" | "weights";
}

export type LayerData = QkvLayer | DenseLayer;

export interface MaskData {
  before: number | null;
  after: number | null;
  /** Stretches of keys that may be attended to. */
  keep: number[] | null;
  dense: { heads: number; bits: string } | null;
  queries: number;
  keys: number;
}

export interface BiasData {
  /** Whether it is a number a distance, (heads, queries + keys − 1); else it is broadcast to (heads, queries, keys). */
  relative: boolean;
  shape: number[];
  /** float32, base64. */
  numbers: string;
}

export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
