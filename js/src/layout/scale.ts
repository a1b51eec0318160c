// How strongly a number of a measure is drawn, and how it is read. Pure.

import type { MeasureInfo, Outline } from "../wire/schema";
import { exactWeight, figure, short } from "./numbers";
import { isForbidden, type Tile } from "./tile";

/** A measure, and the size of number that is drawn with full strength. */
export interface Scale extends Pick<MeasureInfo, "name" | "label" | "domain"> {
  /** 1 for shares; of other measures the largest size on screen. */
  limit: number;
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

/** What the numbers of a measure are, by its name; their size left open. */
export function scaleNamed({ measures }: Pick<Outline, "measures">, name: string): Scale {
  const known = measures.find((one) => one.name === name);
  return known ? scaleOf(known, []) : WEIGHTS;
}

/** From 0 to 1 for what is on screen; NaN for what is not a number, 0 for what is forbidden. */
export const strengthOf = ({ limit }: Scale, value: number): number =>
  isForbidden(value) ? 0 : Math.abs(value) / limit;

/** To be read exactly: four digits. */
export const exactly = ({ domain }: Scale, value: number): string =>
  domain === "share" ? exactWeight(value) : figure(value);

/** Beside a token; nothing where it would read as none. */
export function briefly({ domain }: Scale, value: number): string {
  if (domain !== "share") return Math.abs(value) < 0.005 ? "" : short(value);
  if (value >= 1.005) return value.toFixed(2); // a sum over several queries
  if (value >= 0.995) return "1.0";
  return value < 0.005 ? "" : value.toFixed(2).slice(1);
}
