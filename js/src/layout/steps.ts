// The steps of a head's computation as the breakdown shows them: numbers in rows, columns by step. Pure.

import { decodeArray } from "../wire/decode";
import type { Breakdown, Envelope, WhatIf } from "../wire/schema";
import { figure } from "./numbers";
import { openBeside, type StepsBeside } from "./steps-beside";

/** 1 create q, k, v · 2 scores · 3 scale · 4 mask · 5 softmax · 6 weight the values · 7 concatenate and project. */
export type Step = 1 | 2 | 3 | 4 | 5 | 6 | 7;
export const STEPS: Step[] = [1, 2, 3, 4, 5, 6, 7];

/** By the names in `Breakdown`; those that may be missing are optional. */
export interface Numbers {
  query: Float32Array;
  keys: Float32Array;
  products: Float32Array;
  dots: Float32Array;
  scaled: Float32Array;
  capped?: Float32Array;
  bias?: Float32Array;
  allowed: Uint8Array;
  scores: Float32Array;
  exponentials?: Float32Array;
  weights: Float32Array;
  parts?: Float32Array;
  values: Float32Array;
  weighted: Float32Array;
  weightedNorms: Float32Array;
  restWeighted: Float32Array;
  headOutput: Float32Array;
  headOutputs: Float32Array;
  headNorms?: Float32Array;
  contribution?: Float32Array;
  output?: Float32Array;
  attentionOutput?: Float32Array;
}

export type ChangedNumbers = Pick<
  Numbers,
  | "scaled"
  | "capped"
  | "scores"
  | "exponentials"
  | "weights"
  | "weighted"
  | "weightedNorms"
  | "restWeighted"
  | "headOutput"
  | "headOutputs"
  | "contribution"
  | "output"
>;

export interface Steps {
  payload: Breakdown;
  numbers: Numbers;
  changed: ChangedNumbers | null;
  /** What B has, where it is compared. */
  beside: StepsBeside | null;
  /** Numbers in a query or key, and in a value. */
  dK: number;
  dV: number;
  /** The largest of `parts`. */
  mostPart: number;
}

export function openSteps(payload: Breakdown): Steps {
  const numbers = openArrays(payload.arrays) as unknown as Numbers;
  const changed = payload.changed && (openArrays(payload.changed.arrays) as unknown as ChangedNumbers);
  const { query, headOutput } = numbers;
  const mostPart = wholeLimitOf(numbers.parts).end;
  return {
    payload,
    numbers,
    changed,
    beside: openBeside(payload.beside),
    dK: query.length,
    dV: headOutput.length,
    mostPart,
  };
}

export function openArrays(arrays: Record<string, Envelope>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(arrays).map(([name, one]) => [name, decodeArray(one).values]));
}

/** One row of an array with `width` numbers per row. */
export const rowOf = (values: Float32Array, row: number, width: number): Float32Array =>
  values.subarray(row * width, (row + 1) * width);

/** A number as the model has it and with what was changed: the same where that moves nothing. */
export interface StepNumber {
  model: number | undefined;
  now: number | undefined;
  moved: boolean;
}

export type NumberName = Exclude<keyof Numbers, "allowed">;

/** Number `at` of an array, for whatever shows it or says it. */
export function numberAt({ numbers, changed }: Steps, name: NumberName, at: number): StepNumber {
  const model = numbers[name]?.[at];
  const now = (changed as Partial<Numbers> | null)?.[name]?.[at] ?? model;
  return { model, now, moved: !Object.is(model, now) };
}

/** What a number was, and what it becomes. */
export const becomes = ({ model, now, moved }: StepNumber, digits = 4): string =>
  moved ? `${figure(model, digits)} → ${figure(now, digits)}` : figure(model, digits);

/** The row in the spotlight when none was picked: the one of largest weight. */
export function strongestRow({ weights }: Numbers): number {
  let best = 0;
  weights.forEach((weight, row) => {
    if (weight > (weights[best] as number) || Number.isNaN(weights[best])) best = row;
  });
  return best;
}

// -- scales ---------------------------------------------------------------------------------------------------------

/** The end of a diverging scale: where it stands, and whether some numbers lie beyond it. */
export interface Limit {
  end: number;
  beyond: boolean;
}

const OUTLIER = 3; // times the 99th percentile: beyond, one number would leave all others without colour

/** A scale without an end before the largest number: sums would all lie beyond that of their parts. */
export function wholeLimitOf(...arrays: (Float32Array | undefined)[]): Limit {
  let end = 0;
  for (const values of arrays) {
    for (const value of values ?? []) if (Number.isFinite(value)) end = Math.max(end, Math.abs(value));
  }
  return { end: end || 1, beyond: false };
}

export function limitOf(...arrays: (Float32Array | undefined)[]): Limit {
  const sizes: number[] = [];
  for (const values of arrays) {
    for (const value of values ?? []) if (Number.isFinite(value)) sizes.push(Math.abs(value));
  }
  if (sizes.length === 0) return { end: 1, beyond: false };
  const sorted = Float32Array.from(sizes).sort();
  const largest = sorted.at(-1) as number;
  const usual = sorted[Math.floor(0.99 * (sorted.length - 1))] as number;
  const beyond = usual > 0 && largest > OUTLIER * usual;
  return { end: (beyond ? usual : largest) || 1, beyond };
}

// -- small sums -----------------------------------------------------------------------------------------------------

/** Where the sum stands before each number, and at the end. */
export function runningTotals(values: Float32Array): Float64Array {
  const totals = new Float64Array(values.length + 1);
  values.forEach((value, at) => {
    totals[at + 1] = (totals[at] as number) + (Number.isFinite(value) ? value : 0);
  });
  return totals;
}

/** Each number as a fraction of their sum. */
export function fractionsOf(values: ArrayLike<number>): number[] {
  const all = Array.from(values, (value) => (value > 0 ? value : 0));
  const sum = all.reduce((total, value) => total + value, 0);
  return all.map((value) => (sum > 0 ? value / sum : 0));
}

/** Softmax of scores over a temperature. */
export function softmax(scores: number[], temperature = 1): number[] {
  const hot = scores.map((score) => score / temperature);
  const largest = Math.max(...hot);
  const powers = hot.map((score) => Math.exp(score - (largest === Number.NEGATIVE_INFINITY ? 0 : largest)));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => (sum > 0 ? power / sum : 0));
}

export function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

// -- what if --------------------------------------------------------------------------------------------------------

/** A change added to the others; whatever is as the model has it is left out. */
export function changeOf(before: WhatIf, patch: WhatIf): WhatIf {
  const { scaled, temperature, scores, masked, removed } = { ...before, ...patch };
  return {
    ...(scaled === false && { scaled }),
    ...(temperature !== undefined && temperature !== 1 && { temperature }),
    ...(scores && Object.keys(scores).length > 0 && { scores }),
    ...(masked && masked.length > 0 && { masked }),
    ...(removed && removed.length > 0 && { removed }),
  };
}

export function toggled(list: number[] | undefined, one: number): number[] {
  const rest = (list ?? []).filter((other) => other !== one);
  return rest.length === (list ?? []).length ? [...rest, one].sort((a, b) => a - b) : rest;
}

/** The same text for the same changes, in whatever order they were made. */
export function whatIfName(whatIf: WhatIf): string {
  const { scaled, temperature, scores = {}, masked, removed } = changeOf(whatIf, {});
  const set = Object.entries(scores).sort(([one], [other]) => Number(one) - Number(other));
  const sorted = (list: number[] | undefined) => [...(list ?? [])].sort((a, b) => a - b);
  return JSON.stringify([scaled, temperature, set, sorted(masked), sorted(removed)]);
}

export const isChanged = (whatIf: WhatIf): boolean => Object.keys(changeOf(whatIf, {})).length > 0;

/** How a row's key is changed by itself: hidden, its score set by hand, or taken out after the softmax. */
export function changeAt({ payload }: Steps, row: number): { masked: boolean; set: boolean; removed: boolean } {
  const { masked, scores, removed } = payload.whatIf;
  const position = payload.rows[row] as number;
  return {
    masked: masked?.includes(position) ?? false,
    set: scores?.[position] !== undefined,
    removed: removed?.includes(position) ?? false,
  };
}

// -- the scale that the model uses ----------------------------------------------------------------------------------

/** "÷ √32", "× 0.25" or "not scaled". */
export function scaleName(scale: number, dK: number): string {
  if (Math.abs(scale - 1) < 1e-9) return "not scaled";
  if (isRoot(scale, dK)) return `÷ √${dK}`;
  return `× ${Number(scale.toPrecision(4))}`;
}

export const isRoot = (scale: number, dK: number): boolean => Math.abs(scale * Math.sqrt(dK) - 1) < 1e-5;
