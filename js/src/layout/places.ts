// The strongest places among the numbers of a whole text, and what stands around them. Pure.

import { rankOf, type Scale } from "./scale";
import { isForbidden } from "./tile";

export const REACH = 3; // units to either side that are one place with the strongest among them

export interface Place {
  /** The strongest unit, and its number. */
  unit: number;
  value: number;
  /** How many units are folded into it, itself among them, and their sum. */
  units: number;
  share: number;
}

export const FAR = 64; // units from what is pinned

/**
 * The strongest places: what stands within reach of a stronger unit is part of its place.
 *
 * @param near units whose neighbourhood, `FAR` to either side, is left out
 * @param reach units to either side
 */
export function strongestPlaces(
  values: Float32Array,
  count: number,
  scale: Pick<Scale, "domain">,
  near: readonly number[] = [],
  reach = REACH,
): Place[] {
  const rank = (unit: number) => rankOf(scale, values[unit] as number);
  const taken = new Uint8Array(values.length);
  for (const unit of near) taken.fill(1, Math.max(0, unit - FAR), unit + FAR + 1);
  const order = Array.from(values.keys())
    .filter((unit) => !isForbidden(values[unit] as number) && !Number.isNaN(values[unit] as number))
    .sort((a, b) => rank(b) - rank(a) || a - b);
  const places: Place[] = [];
  for (const unit of order) {
    if (places.length === count) break;
    if (taken[unit]) continue;
    const place = { unit, value: values[unit] as number, units: 0, share: 0 };
    for (let at = Math.max(0, unit - reach); at <= Math.min(values.length - 1, unit + reach); at++) {
      const value = values[at] as number;
      if (taken[at] || isForbidden(value) || Number.isNaN(value)) continue;
      taken[at] = 1;
      place.units += 1;
      place.share += value;
    }
    places.push(place);
  }
  return places;
}

export interface Around {
  before: string;
  key: string;
  after: string;
}

const BEFORE = 10; // letters
const AFTER = 28;

/**
 * A few words around a unit.
 *
 * @param parts the text as it was written, cut at its units
 * @param label of the unit, where it has no shape of its own in the text
 */
export function wordsAround(parts: readonly string[], unit: number, label: string): Around {
  let [before, after] = ["", ""];
  for (let at = unit - 1; at >= 0 && before.length < 2 * BEFORE; at--) before = parts[at] + before;
  for (let at = unit + 1; at < parts.length && after.length < 2 * AFTER; at++) after += parts[at];
  const own = parts[unit] ?? "";
  const shown = own.trim();
  before = plain(before + own.slice(0, own.length - own.trimStart().length));
  const cut = before.length > BEFORE ? before.slice(-BEFORE).replace(/^\S*\s/, "") : before;
  return {
    before: cut.length < before.length ? `…${cut.trimStart()}` : cut.trimStart(),
    key: shown === "" ? label : plain(shown),
    after: plain(after).slice(0, AFTER),
  };
}

const plain = (text: string): string => text.replace(/\s+/g, " ");
