// The columns of the breakdown's table: which of them a step is about, and where they stand. Pure.

import type { Step } from "./steps";

export const COLUMNS = [
  "key",
  "k",
  "products",
  "dot",
  "scaled",
  "capped",
  "bias",
  "score",
  "exp",
  "weight",
  "parts",
  "v",
  "weighted",
  "change",
] as const;
export type ColumnName = (typeof COLUMNS)[number];

export interface TableColumn {
  name: ColumnName;
  left: number;
  width: number;
  /** Part of the step in view. */
  active: boolean;
}

export type StripName = "k" | "products" | "v" | "weighted";
export const isStrip = (name: ColumnName): name is StripName => ["k", "products", "v", "weighted"].includes(name);

const PARTS: Record<Step, ColumnName[]> = {
  1: ["k", "v"],
  2: ["k", "products", "dot"],
  3: ["dot", "scaled", "capped"],
  4: ["scaled", "capped", "bias", "score", "change"],
  5: ["score", "exp", "weight", "parts", "change"],
  6: ["weight", "parts", "v", "weighted"],
  7: ["weighted"],
};
/** The column whose number is the step's result: where the keyboard stands first. */
export const RESULT: Record<Step, ColumnName> = {
  1: "k",
  2: "products",
  3: "scaled",
  4: "score",
  5: "weight",
  6: "weighted",
  7: "weighted",
};

export interface ColumnOptions {
  step: Step;
  /** px, and those of the widest token. */
  width: number;
  label: number;
  /** Letters of the widest text in a column of numbers. */
  letters: Partial<Record<ColumnName, number>>;
  dK: number;
  dV: number;
  capped: boolean;
  bias: boolean;
  exp: boolean;
  /** Queries, where there are several; else 0. */
  parts: number;
  changed: boolean;
  editing: boolean;
}

export const NARROW = 700; // px: below, or where they do not fit, only the columns of the step in view
const GAP = 12;
const EDGE = 8;
const NUMBER = 50;
const LETTER = 7.6;
const AIR = 50;
const STRIP_MIN = 44;
const SWELL = 3; // an emphasised strip gets so many times the room of a quiet one, where room is short

/** Which columns there are, and where. */
export function columnsOf(options: ColumnOptions): TableColumn[] {
  const { step, width, label, dK, dV } = options;
  const active = new Set<ColumnName>(["key", ...PARTS[step]]);
  const all = COLUMNS.filter((name) => isThere(name, options));
  const spareOf = (names: ColumnName[]) =>
    names.reduce((left, name) => left - (fixedWidth(name, options, label) ?? 0), width - 2 * EDGE + GAP) -
    GAP * names.length;
  const own = all.filter((name) => active.has(name));
  const editable = all.filter((name) => active.has(name) || name === "change" || (name === "score" && options.editing));
  const fits = (names: ColumnName[]) => spareOf(names) >= STRIP_MIN * names.filter(isStrip).length;
  const there = width >= NARROW && fits(all) ? all : fits(editable) ? editable : own;
  const fixed = there.map((name) => fixedWidth(name, options, label));
  const spare = spareOf(there);
  const strips = there.filter(isStrip);
  const even = spare / Math.max(1, strips.length);
  const cramped = even < 3 * Math.max(dK, dV);
  const stripWidth = stripWidths(spare, strips.length, cramped ? strips.filter((name) => active.has(name)).length : 0);
  // Numbers alone stand further apart, and the weights' bars take what is left.
  const plain = there.length - strips.length - 1;
  const air = strips.length > 0 ? 0 : Math.min(AIR, spare / Math.max(1, plain));
  const rest = strips.length > 0 ? 0 : Math.max(0, spare - air * plain);
  let left = EDGE;
  return there.map((name, at) => {
    const known = fixed[at];
    const size =
      known == null
        ? stripWidth(active.has(name))
        : Math.floor(known + (name === "key" ? 0 : air) + (name === "weight" ? rest : 0));
    const column = { name, left, width: size, active: active.has(name) };
    left += size + GAP;
    return column;
  });
}

/** Emphasised strips get more of the room than quiet ones, if there are any of both. */
function stripWidths(spare: number, count: number, emphasised: number): (active: boolean) => number {
  const quiet = count - emphasised;
  if (emphasised === 0 || quiet === 0) return () => Math.max(STRIP_MIN, Math.floor(spare / Math.max(1, count)));
  const small = Math.max(STRIP_MIN, Math.floor(spare / (SWELL * emphasised + quiet)));
  const large = Math.max(STRIP_MIN, Math.floor((spare - quiet * small) / emphasised));
  return (active) => (active ? large : small);
}

function isThere(name: ColumnName, options: ColumnOptions): boolean {
  if (name === "capped") return options.capped;
  if (name === "bias") return options.bias;
  if (name === "exp") return options.exp;
  if (name === "parts") return options.parts > 0;
  if (name === "change") return options.editing;
  return true;
}

function fixedWidth(name: ColumnName, options: ColumnOptions, label: number): number | null {
  if (isStrip(name)) return null;
  if (name === "key") return label;
  if (name === "weight") return options.changed ? 148 : 92;
  if (name === "parts") return Math.max(38, Math.min(64, 8 * options.parts));
  return Math.max(NUMBER, Math.ceil(LETTER * (options.letters[name] ?? 0)));
}

/** Which of `count` numbers lies at x px of a strip. */
export const dimensionAt = (x: number, { left, width }: TableColumn, count: number): number =>
  Math.min(count - 1, Math.max(0, Math.floor(((x - left) / width) * count)));
