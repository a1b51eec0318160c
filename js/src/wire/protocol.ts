// The same names as in src/attnwidget/wire/protocol.py; a test compares the two.

export const ASKS = ["hello", "tile", "pictures", "categories", "run", "stop"] as const;
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

export interface Status {
  state: "loading" | "ready" | "error";
  message: string;
  done?: number;
  total?: number | null;
  /** There is a model, though nothing was drawn yet: another text may be tried. */
  editable?: boolean;
}
