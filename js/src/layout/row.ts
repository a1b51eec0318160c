// What a head does mostly, and what it does in the row on screen. Pure.

import type { Head } from "../wire/schema";
import { type HeadCategories, noteOf, OTHER, scoreOf, UNKNOWN } from "./categories";
import type { Row as Lines } from "./strongest";
import { isForbidden, type Tile, valueAt } from "./tile";

const MOSTLY = 0.6; // of a score: below, "often" is all that is true
const UNLIKE = 0.15; // of the way from an even spread to one key alone

/** "Mostly spreads its attention evenly …", as far as the head's category says it; empty where nothing is known. */
export function habitOf(categories: HeadCategories, head: Head): string {
  const main = categories.main(head);
  if (!categories.fresh || main === UNKNOWN) return "";
  if (main === OTHER) return "No kind fits: no score reaches its category’s threshold.";
  const { meaning } = categories.list[main]!;
  const score = scoreOf(categories.scores, main, head);
  // What was found on other texts says nothing of how often a head does so in this one: there the note tells.
  const note = noteOf(categories, main, head);
  if (note || !meaning) return note;
  return `${score >= MOSTLY ? "Mostly" : "Often"} ${meaning.charAt(0).toLowerCase()}${meaning.slice(1)}`;
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

/** The same of a long text, from the lines of one of the heads that are drawn. */
export function largestOf(lines: Lines | undefined, head: number): Row | null {
  let best = -1;
  lines?.heads.forEach((one, at) => {
    if (one === head && !(lines.values[at]! <= (lines.values[best] ?? 0))) best = at;
  });
  if (!lines || best < 0 || Number.isNaN(lines.total)) return null;
  return { key: lines.units[best]!, weight: lines.values[best]!, keys: lines.visible };
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

/** "Here sharper than usual: “road” has 0.58 (usual: 0.39)." */
export function hereInWords({ weight, keys }: Row, key: string, comparison: Comparison | null): string {
  const has = `${quoted(key)} has ${weight.toFixed(2)}`;
  if (keys === 1) return `Here there is one key only: ${quoted(key)}.`;
  if (!comparison) return `Here ${has}, the most of ${keys} keys.`;
  const usual = `(usual: ${comparison.usual.toFixed(2)})`;
  if (comparison.than === "sharper") return `Here sharper than usual: ${has} ${usual}.`;
  return comparison.than === "flatter"
    ? `Here flatter than usual: ${has}, the most of ${keys} keys ${usual}.`
    : `Here about as sharp as usual: ${has} ${usual}.`;
}

/** A token of any script, in quotation marks, so that its direction does not turn the sentence. */
const quoted = (label: string): string => `“\u2068${label}\u2069”`;
