// How strongly a number of a measure is drawn, and how it is read. Pure.

import type { MeasureInfo, Outline } from "../wire/schema";
import { exactWeight, figure, short } from "./numbers";
import { WHOLE } from "./stage";
import { isForbidden, type Tile } from "./tile";
import { tokensOf } from "./units";

/** A measure, and the size of number that is drawn with full strength. */
export interface Scale extends Pick<MeasureInfo, "name" | "label" | "domain"> {
  /** 1 for shares; of other measures the largest size on screen. */
  limit: number;
  /** Of a long text: its weights are small, and never those that a page carries in 16 bits. */
  isFine?: boolean;
}

export const WEIGHTS: Scale = { name: "weights", label: "weight", domain: "share", limit: 1 };

/** The scale for some tiles of a measure. */
export function scaleOf({ name, label, domain }: MeasureInfo, tiles: Tile[][]): Scale {
  if (domain === "share") return { name, label, domain, limit: 1 };
  let limit = 0;
  for (const { values } of tiles.flat()) {
    for (const value of values) {
      const size = Math.abs(value);
      if (size > limit && Number.isFinite(size)) limit = size;
    }
  }
  return { name, label, domain, limit: limit || 1 };
}

const STEPS = [1, 1.5, 2, 3, 4, 5, 6, 8];

/** The same scale, ending at the largest of some numbers, rounded up: a little more in sight changes nothing. */
export function scaleTo(scale: Scale, largest: number): Scale {
  if (!(largest > 0) || !Number.isFinite(largest)) return scale;
  const unit = 10 ** Math.floor(Math.log10(largest));
  const step = STEPS.find((one) => one * unit >= largest * (1 - 1e-6)) ?? 10;
  const limit = Number((step * unit).toPrecision(2));
  return { ...scale, limit: scale.domain === "share" ? Math.min(1, limit) : limit };
}

/** What the numbers of a measure are, by its name; their size left open. */
export function scaleNamed({ measures, queries, keys }: Outline, name: string): Scale {
  const known = measures.find((one) => one.name === name);
  const isFine = [queries, keys ?? queries].some((side) => tokensOf(side).tokens.length > WHOLE);
  return { ...(known ? scaleOf(known, []) : WEIGHTS), isFine };
}

/** From 0 to 1 for what is on screen; NaN for what is not a number, 0 for what is forbidden. */
export const strengthOf = ({ limit }: Scale, value: number): number =>
  isForbidden(value) ? 0 : Math.abs(value) / limit;

/** To be read exactly: four decimals of a share, or four digits that count of one that is small; else four digits. */
export const exactly = ({ domain, isFine }: Scale, value: number): string =>
  domain === "share" && !(isFine && value !== 0 && Math.abs(value) < SMALL) ? exactWeight(value) : figure(value);

const SMALL = 0.001;

/**
 * Beside a token; nothing where it would read as none.
 *
 * @param isLong of a long text, where weights are small
 */
export function briefly({ domain }: Scale, value: number, isLong = false): string {
  if (domain !== "share") return Math.abs(value) < 0.005 ? "" : short(value);
  if (isLong && value < 0.0995) return value < 0.0005 ? "" : value.toFixed(3).slice(1);
  if (value >= 1.005) return value.toFixed(2); // a sum over several queries
  if (value >= 0.995) return "1.0";
  return value < 0.005 ? "" : value.toFixed(2).slice(1);
}
