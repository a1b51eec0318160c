// What a head does mostly, and what it does in the row on screen. Pure.

import type { Head } from "../wire/schema";
import { type HeadCategories, nameOf, OTHER, scoreOf, UNKNOWN } from "./categories";
import { isForbidden, type Tile, valueAt } from "./tile";

const MOSTLY = 0.5; // of a score: below, "often" is all that is true
const UNLIKE = 0.15; // of the way from an even spread to one key alone

/** "Mostly spreads its attention evenly …", as far as the head's category says it; empty where nothing is known. */
export function habitOf(categories: HeadCategories, head: Head): string {
  const main = categories.main(head);
  if (!categories.fresh || main === UNKNOWN) return "";
  if (main === OTHER) return "No one habit: no score reaches its category’s threshold.";
  const { meaning, notes } = categories.list[main]!;
  const score = scoreOf(categories.scores, main, head);
  // Evidence from other texts says nothing of how often it does so in this one.
  const how = notes ? "In texts made to measure it," : score >= MOSTLY ? "Mostly" : "Often";
  const does = meaning ? meaning.charAt(0).toLowerCase() + meaning.slice(1) : `is ${nameOf(categories, main)}.`;
  return notes ? `${how} it ${does}` : `${how} ${does}`;
}

export interface Row {
  /** The key with the largest weight, and that weight. */
  key: number;
  weight: number;
  /** How many keys the query may attend to. */
  keys: number;
}

/** Null where a part of the row is not at hand or is no number, or where the mask hides every key. */
export function rowOf(tiles: Tile[], query: number, count: number): Row | null {
  let [key, weight, keys] = [-1, 0, 0];
  for (let at = 0; at < count; at++) {
    const one = valueAt(tiles, query, at);
    if (Number.isNaN(one)) return null;
    if (isForbidden(one)) continue;
    keys += 1;
    if (key < 0 || one > weight) [key, weight] = [at, one];
  }
  return keys > 0 ? { key, weight, keys } : null;
}

/** Where a row stands: sharper than the head's rows usually are, flatter, or like them. */
export interface Comparison {
  than: "sharper" | "flatter" | "like";
  /** The largest weight that a row of this head and so many keys usually has. */
  usual: number;
}

/**
 * Compare a row with the head's rows.
 *
 * @param peak the head's mean, from 0 (an even spread) to 1 (one key), as Python measured it; `Row.usual` there
 */
export function compared({ weight, keys }: Row, peak: number | null | undefined): Comparison | null {
  if (keys < 2 || peak === null || peak === undefined) return null;
  const even = 1 / keys;
  const own = (weight - even) / (1 - even);
  const than = own > peak + UNLIKE ? "sharper" : own < peak - UNLIKE ? "flatter" : "like";
  return { than, usual: even + peak * (1 - even) };
}

/** "Here, from “wide”, it is sharper than usual: “road” has 0.58 …". */
export function hereInWords(row: Row, query: string, key: string, comparison: Comparison | null): string {
  const from = `Here, from ${quoted(query)},`;
  const has = `${quoted(key)} has ${row.weight.toFixed(2)}`;
  if (row.keys === 1) return `${from} there is one key only: ${quoted(key)}.`;
  if (!comparison) return `${from} ${has}, the most of ${row.keys} keys.`;
  if (comparison.than === "like") return `${from} it is about as sharp as usual: ${has}, the most of ${row.keys} keys.`;
  const usual = `the strongest key of its rows usually has about ${comparison.usual.toFixed(2)}`;
  return comparison.than === "sharper"
    ? `${from} it is sharper than usual: ${has}; ${usual}.`
    : `${from} it spreads more than usual: ${has}, the most of ${row.keys} keys; ${usual}.`;
}

/** A token of any script, in quotation marks, so that its direction does not turn the sentence. */
const quoted = (label: string): string => `“\u2068${label}\u2069”`;
