// What heads do to the model's answer, ready to be drawn. Pure: states in, rows and sentences out.

import { decodeArray } from "../wire/decode";
import type { Asked, Effects, Envelope, Head, Links, Sum } from "../wire/schema";
import { headName } from "./heads";
import type { NumberTable } from "./number-table";
import { figure, short } from "./numbers";

export type EffectKind = Effects["kind"];

/** A number of every head, on one scale around zero. */
export interface HeadNumbers {
  layers: number;
  heads: number;
  /** Layer by layer; NaN where there is none, or none yet. */
  values: Float32Array;
  /** The largest size: the end of the scale. */
  limit: number;
}

export function openNumbers(array: Envelope): HeadNumbers {
  const { values, shape } = decodeArray(array as Envelope & { dtype: "float32" });
  const [layers = 0, heads = 0] = shape;
  const limit = values.reduce((most, value) => (Math.abs(value) > most ? Math.abs(value) : most), 0);
  return { layers, heads, values, limit };
}

export const effectOf = ({ heads, values }: HeadNumbers, [layer, head]: Head): number =>
  values[layer * heads + head] ?? Number.NaN;

/** With its sign, whichever it is. */
export const withSign = (text: string): string => (/^([−N]|0$)/.test(text) ? text : `+${text}`);

export const signedFigure = (value: number): string => withSign(figure(value));
export const signedShort = (value: number): string => (value === 0 ? "0" : withSign(short(value)));

/** In a small cell: two decimals without the zero; nothing where they would say none. */
export function inCell(value: number): string {
  const size = Math.abs(value);
  if (size < 0.005) return "";
  const text = size >= 99.5 ? size.toExponential(0) : size >= 0.995 ? size.toFixed(1) : size.toFixed(2).slice(1);
  return value < 0 ? `−${text}` : text;
}

/** "largest of 32", "third of 32"; empty where a head has no number. */
export function placeOf(numbers: HeadNumbers, head: Head): string {
  const size = Math.abs(effectOf(numbers, head));
  const all = [...numbers.values].filter((value) => !Number.isNaN(value));
  if (Number.isNaN(size) || all.length < 2) return "";
  const above = all.filter((value) => Math.abs(value) > size).length;
  return above === 0 ? `the largest of ${all.length}` : `number ${above + 1} of ${all.length} by size`;
}

/** The head that an arrow key leads to; null at the edge, or for another key. */
export function headBeside([layer, head]: Head, key: string, { layers, heads }: HeadNumbers): Head | null {
  const steps: Record<string, Head> = {
    ArrowUp: [layer - 1, head],
    ArrowDown: [layer + 1, head],
    ArrowLeft: [layer, head - 1],
    ArrowRight: [layer, head + 1],
    Home: [layer, 0],
    End: [layer, heads - 1],
  };
  const to = steps[key];
  return to && to[0] >= 0 && to[0] < layers && to[1] >= 0 && to[1] < heads ? to : null;
}

/** The heads with one switched: off if it was on, and on again if it was off. */
export function switched(off: readonly Head[], head: Head): Head[] {
  const others = off.filter((one) => headName(one) !== headName(head));
  return others.length < off.length ? others : [...off, head];
}

// -- the sum --------------------------------------------------------------------------------------------------------

export interface Step {
  name: string;
  value: number;
  /** From where to where it moves the running total, in parts of the room: 0 at its left end. */
  from: number;
  to: number;
  /** What it is made of, where that is more than one part. */
  parts: { name: string; value: number }[];
}

/** What stands beside one layer: its attention, then the rest of it; or before and behind all layers one part. */
export interface SumRow {
  layer: number | null;
  steps: Step[];
}

export interface Stack {
  rows: SumRow[];
  /** Where 0 is. */
  zero: number;
}

/** A running total from part to part, in the order of the model. */
export function stackOf({ pieces }: Sum): Stack {
  const rows: SumRow[] = [];
  for (const { name, layer, value: known } of pieces) {
    const value = known ?? Number.NaN;
    const isAttention = name.includes("attention");
    const last = rows.at(-1);
    const row = layer !== null && last?.layer === layer ? last : { layer, steps: [] };
    if (row !== last) rows.push(row);
    const whole = layer === null ? name : isAttention ? "attention" : "MLP";
    const step = row.steps.find((one) => one.name === whole);
    if (step) {
      step.parts.push({ name, value });
      step.value += value;
    } else row.steps.push({ name: whole, value, from: 0, to: 0, parts: [{ name, value }] });
  }
  const steps = rows.flatMap((row) => row.steps);
  const totals = [0];
  for (const { value } of steps) totals.push((totals.at(-1) as number) + (Number.isNaN(value) ? 0 : value));
  const [low, high] = [Math.min(...totals), Math.max(...totals)];
  const place = (at: number) => ((totals[at] as number) - low) / (high - low || 1);
  steps.forEach((step, at) => void Object.assign(step, { from: place(at), to: place(at + 1) }));
  return { rows, zero: place(0) };
}

/** "L3 attention +1.972 (attention +2.1, attention bias −0.13)". */
export function stepInWords(layer: number | null, { name, value, parts }: Step): string {
  const of = parts.map((part) => `${part.name === "attention" ? "all heads" : part.name} ${signedFigure(part.value)}`);
  return `${layer === null ? "" : `L${layer} `}${name} ${signedFigure(value)}${of.length > 1 ? ` (${of.join(", ")})` : ""}`;
}

// -- in words -------------------------------------------------------------------------------------------------------

export const KINDS: Record<EffectKind, { label: string; about: string }> = {
  decompose: { label: "writes", about: "what each head writes directly into the answer; the parts add up to it" },
  ablate: { label: "switched off", about: "the model is run again without one head at a time" },
  attribution: { label: "estimate", about: "what switching off would do, estimated from two runs and one backward" },
};

/** A token as it stands in a sentence: kept apart from what reads the other way. */
export const quoted = (token: string | undefined): string => `“\u2068${token ?? "?"}\u2069”`;

/** What is asked, in a few words. */
export function askedInWords(asked: Asked): string {
  const [one, other] = asked.tokens.map(quoted);
  switch (asked.kind) {
    case "difference":
      return `${one} rather than ${other}`;
    case "loss":
      return "the loss";
    case "output":
      return "the token’s last vector";
    default:
      return `${one}`;
  }
}

/** What a number above and below zero means, for the head that it is of. */
export function meaningOf(kind: EffectKind, asked: Asked): Record<"negative" | "positive", string> {
  const [one, other] = asked.tokens.map(quoted);
  if (kind === "decompose") {
    if (asked.kind === "difference") return { negative: `writes for ${other}`, positive: `writes for ${one}` };
    if (asked.kind === "output") return { negative: "shortens the vector", positive: "lengthens the vector" };
    return { negative: `writes against ${one}`, positive: `writes for ${one}` };
  }
  if (asked.kind === "difference") {
    const without = (token: string | undefined) => `without it ${token} loses: the head helps ${token}`;
    return { negative: without(one), positive: without(other) };
  }
  if (asked.kind === "loss")
    return {
      negative: "without it the loss falls: the head harms",
      positive: "without it the loss rises: the head helps",
    };
  if (asked.kind === "output") return { negative: "", positive: "without it the vector moves so far" };
  return {
    negative: `without it ${one} is less likely: the head helps`,
    positive: `without it ${one} is more likely: the head works against it`,
  };
}

/** "3 heads are off: L3-H5, L3-H6 and 1 more". */
export function offInWords(off: readonly Head[], named = 6): string {
  const rest = off.length - named;
  const names = off.slice(0, named).map(headName).join(", ");
  return `${off.length} ${off.length === 1 ? "head is" : "heads are"} off: ${names}${rest > 0 ? ` and ${rest} more` : ""}`;
}

// -- the links of a pair --------------------------------------------------------------------------------------------

export const COLUMNS = ["weight", "norm", "share", "cut"] as const;
export type Column = (typeof COLUMNS)[number];

export interface LinkRow {
  head: Head;
  numbers: Record<Column, number>;
}

/** Every head's link, sorted by a column: the largest first, of a signed one by size; or by the heads' own order. */
export function linkRows({ arrays }: Links, by: Column | "head", isReversed = false): LinkRow[] {
  const open = COLUMNS.map((name) => {
    const array = arrays[name];
    return [name, array ? openNumbers(array) : null] as const;
  });
  const some = open.find(([, numbers]) => numbers)?.[1];
  if (!some) return [];
  const rows = Array.from(some.values, (_, at): LinkRow => {
    const numbers = Object.fromEntries(open.map(([name, all]) => [name, all?.values[at] ?? Number.NaN]));
    return { head: [Math.floor(at / some.heads), at % some.heads], numbers: numbers as Record<Column, number> };
  });
  const last = Number.NEGATIVE_INFINITY;
  const size = ({ numbers }: LinkRow) => {
    const value = by === "head" ? 0 : numbers[by];
    return Number.isNaN(value) || value === last ? last : Math.abs(value);
  };
  if (by !== "head") rows.sort((a, b) => (size(a) === size(b) ? 0 : size(b) - size(a)));
  return isReversed ? rows.reverse() : rows;
}

// -- as a table -----------------------------------------------------------------------------------------------------

/** What is on screen, a row a head and a row a part; as `export/numbers.py` has it. */
export function effectTable({ grid, sum, kind, asked }: Effects): NumberTable | null {
  if (!grid && !sum) return null;
  const rows: NumberTable["rows"] = [];
  const numbers = grid && openNumbers(grid);
  const cell = (value: number | null) => (value === null || Number.isNaN(value) ? null : value);
  numbers?.values.forEach((value, at) => {
    const head: Head = [Math.floor(at / numbers.heads), at % numbers.heads];
    rows.push([headName(head), ...head, cell(value), null]);
  });
  for (const { name, layer, value } of sum?.pieces ?? [])
    rows.push([layer === null ? name : `L${layer} ${name}`, layer, null, null, cell(value)]);
  const what = `${KINDS[kind].label}: ${asked?.label ?? ""}`;
  return { columns: ["part", "layer", "head", what, "written into the logit"], rows, count: rows.length };
}
