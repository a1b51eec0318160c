// The columns of the breakdown's table: which of them a step is about, and where they stand. Pure.

import type { Step } from "./steps";
import type { ComparedName } from "./steps-beside";

export const COLUMNS = [
  "key",
  "k",
  "products",
  "dot",
  "dotB",
  "dotApart",
  "scaled",
  "capped",
  "bias",
  "score",
  "scoreB",
  "scoreApart",
  "exp",
  "weight",
  "weightB",
  "weightApart",
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

/** What is compared with B stands in three columns: A's, B's, and A − B. */
export const TRIOS: Record<ComparedName, [ColumnName, ColumnName, ColumnName]> = {
  dots: ["dot", "dotB", "dotApart"],
  scores: ["score", "scoreB", "scoreApart"],
  weights: ["weight", "weightB", "weightApart"],
};
/** Which of them a column of B or of A − B belongs to. */
export const COMPARED = Object.fromEntries(
  (Object.keys(TRIOS) as ComparedName[]).flatMap((name) => {
    const [, there, apart] = TRIOS[name];
    return [
      [there, { name, isApart: false }],
      [apart, { name, isApart: true }],
    ];
  }),
) as Partial<Record<ColumnName, { name: ComparedName; isApart: boolean }>>;

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
  /** What is compared with B. */
  compared?: ComparedName[];
}

export const NARROW = 700; // px: below, or where they do not fit, only the columns of the step in view
const GAP = 12;
const EDGE = 8;
const NUMBER = 50;
const NUMBER_BESIDE = 44;
const LETTER = 7.6;
const AIR = 50;
const STRIP_MIN = 44;
const LABEL_MIN = 56;
const SWELL = 3; // an emphasised strip gets so many times the room of a quiet one, where room is short

/** Which columns there are, and where. */
export function columnsOf(options: ColumnOptions): TableColumn[] {
  const { step, width, dK, dV, compared = [] } = options;
  const trios = compared.map((name) => TRIOS[name]);
  const active = new Set<ColumnName>(["key", ...PARTS[step]]);
  for (const trio of trios) if (active.has(trio[0])) for (const name of trio) active.add(name);
  let { label } = options;
  let gap = GAP;
  const all = COLUMNS.filter((name) => isThere(name, options));
  const spareOf = (names: ColumnName[]) =>
    names.reduce((left, name) => left - (fixedWidth(name, options, label) ?? 0), width - 2 * EDGE + gap) -
    gap * names.length;
  const own = all.filter((name) => active.has(name));
  const editable = all.filter((name) => active.has(name) || name === "change" || (name === "score" && options.editing));
  const fits = (names: ColumnName[]) => spareOf(names) >= STRIP_MIN * names.filter(isStrip).length;
  const choices = width >= NARROW ? [all] : [];
  if (trios.length > 0) {
    const among = (...names: ColumnName[]) =>
      all.filter((name) => names.includes(name) || name === "key" || name === "change");
    const core = trios.filter(([name]) => name !== "dot").flat();
    choices.push(among(...trios.flat(), ...own), among(...trios.flat()), among(...core, ...own), among(...core));
    const [least] = choices.slice(-1) as [ColumnName[]];
    if (!fits(least)) {
      gap = GAP / 2;
      label = Math.max(LABEL_MIN, label + Math.min(0, spareOf(least)));
    }
    choices.push(among(...(trios.find(([name]) => active.has(name)) ?? trios.at(-1) ?? [])));
  } else {
    choices.push(editable, own);
  }
  const there = choices.find(fits) ?? (choices.at(-1) as ColumnName[]);
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
    left += size + gap;
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
  const beside = COMPARED[name];
  if (beside) return options.compared?.includes(beside.name) ?? false;
  if (name === "parts") return options.parts > 0;
  if (name === "change") return options.editing;
  return true;
}

function fixedWidth(name: ColumnName, options: ColumnOptions, label: number): number | null {
  if (isStrip(name)) return null;
  if (name === "key") return label;
  const isBeside = (options.compared?.length ?? 0) > 0;
  if (name === "weight" && !isBeside) return options.changed ? 148 : 92;
  if (name === "weight") return 56;
  if (name === "parts") return Math.max(38, Math.min(64, 8 * options.parts));
  return Math.max(isBeside ? NUMBER_BESIDE : NUMBER, Math.ceil(LETTER * (options.letters[name] ?? 0)));
}

/** Which of `count` numbers lies at x px of a strip. */
export const dimensionAt = (x: number, { left, width }: TableColumn, count: number): number =>
  Math.min(count - 1, Math.max(0, Math.floor(((x - left) / width) * count)));
