// A query's numbers beside those of its partner on the other side: what stands beside a key, and why nothing does. Pure.

import { decodeArray } from "../wire/decode";
import type { Breakdown, StepsBeside as Payload } from "../wire/schema";
import { headName } from "./heads";

export type ComparedName = "dots" | "scores" | "weights";
export const LABELS: Record<ComparedName, string> = { dots: "q·k", scores: "score", weights: "weight" };
const NAMES = Object.keys(LABELS) as ComparedName[];

export interface StepsBeside {
  payload: Payload;
  /** Which numbers both sides have. */
  names: ComparedName[];
  arrays: Record<string, Float32Array | Uint8Array>;
  /** The largest |A − B| of each. */
  limits: Record<ComparedName, number>;
}

/** Null where nothing is compared. */
export function openBeside(payload: Payload | null | undefined): StepsBeside | null {
  if (!payload || payload.missing) return null;
  const arrays = Object.fromEntries(
    Object.entries(payload.arrays).map(([name, one]) => [name, decodeArray(one).values as Float32Array | Uint8Array]),
  );
  const most = (name: ComparedName) =>
    Math.max(1e-12, ...Array.from(arrays[`${name}Difference`] ?? [], Math.abs).filter(Number.isFinite));
  const limits = Object.fromEntries(NAMES.map((name) => [name, most(name)])) as Record<ComparedName, number>;
  return { payload, names: NAMES.filter((name) => arrays[name]), arrays, limits };
}

/** B's number of a row's key, and A − B; or why there is none. */
export interface Pair {
  there: number | null;
  apart: number | null;
  why: "" | "no partner" | "hidden";
  /** The same as a sentence. */
  reason: string;
}

export function pairAt({ payload, arrays }: StepsBeside, allowed: Uint8Array, name: ComparedName, row: number): Pair {
  if ((payload.partners[row] ?? -1) < 0) {
    return { there: null, apart: null, why: "no partner", reason: "this key has no partner in B" };
  }
  const there = arrays[name]?.[row] ?? Number.NaN;
  const sides = [!allowed[row] && "A", !arrays.allowed?.[row] && "B"].filter(Boolean);
  if (sides.length > 0) {
    return { there, apart: null, why: "hidden", reason: `hidden by the mask in ${sides.join(" and in ")}` };
  }
  return { there, apart: arrays[`${name}Difference`]?.[row] ?? Number.NaN, why: "", reason: "" };
}

/** The array of keys that only B has. */
export const onlyName = (name: ComparedName): string => `only${name[0]?.toUpperCase()}${name.slice(1)}`;

/** B's number of such a key. */
export const onlyAt = ({ arrays }: StepsBeside, name: ComparedName, at: number): number =>
  arrays[onlyName(name)]?.[at] ?? Number.NaN;

/** What of a breakdown is A's, and what of it is compared. */
export function besideInWords(payload: Breakdown | null): string {
  const { beside, missing, head } = payload ?? {};
  if (!beside) return "These are A’s steps.";
  if (beside.missing) return `These are A’s own numbers, and nothing is compared: ${beside.missing}.`;
  const whose = beside.head && String(beside.head) !== String(head) ? `, in ${headName(beside.head)}` : "";
  const colours = "red where A has more, blue where B has.";
  if (missing) return `Weights are compared, key by key with the partner’s in B${whose}: ${colours}`;
  const only = beside.onlyWeights && ` Only weights are compared: ${beside.onlyWeights}.`;
  return `Steps and formula are A’s. Beside a key’s numbers stand those of its partner in B${whose}, and A − B: ${colours}${only}`;
}
