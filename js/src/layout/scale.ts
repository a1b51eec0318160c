// How strongly a number of a measure is drawn, and how it is read. Pure.

import type { MeasureInfo, Outline } from "../wire/schema";
import { exactWeight, figure, plus, roughly, short } from "./numbers";
import { WHOLE } from "./stage";
import { isForbidden, type Tile } from "./tile";
import { tokensOf } from "./units";

/** A measure, and the size of number that is drawn with full strength. */
export interface Scale extends Pick<MeasureInfo, "name" | "of" | "label" | "domain" | "below" | "above"> {
  /** 1 for shares; of other measures the largest size on screen. */
  limit: number;
  /** Of a long text: its weights are small, and never those that a page carries in 16 bits. */
  isFine?: boolean;
}

export const WEIGHTS: Scale = {
  ...{ name: "weights", of: "head", label: "weight", domain: "share" },
  ...{ below: "", above: "", limit: 1 },
};

/** A − B of two sides that are compared. */
export const DIFFERENCE = "difference";

/** What a pair is that has no number: of a query's row it is hidden, of a key's column the query cannot see it. */
export const hiddenIn = ({ name }: Pick<Scale, "name">, shaded: "query" | "key" = "key"): string =>
  name === DIFFERENCE ? "no partner, or hidden" : shaded === "query" ? "cannot see it" : "hidden by the mask";

type OfDomain = Pick<Scale, "domain">;

/** Whether there are numbers below 0. */
export const hasSigns = ({ domain }: OfDomain): boolean => domain === "real" || domain === "signed";

/** Whether sums of the numbers mean something: a forbidden pair then is 0, and else enters no mean. */
export const addsUp = ({ domain }: OfDomain): boolean => domain !== "real";

/** What the strongest has most of: where 0 is none the size, whatever the sign, else the number itself. */
export const rankOf = ({ domain }: OfDomain, value: number): number =>
  domain === "signed" && !isForbidden(value) ? Math.abs(value) : value;

/** "largest"; of what is strong by its size "strongest". */
export const mostIn = ({ domain }: OfDomain): Most => (domain === "signed" ? "strongest" : "largest");
export type Most = "largest" | "strongest";

/** The scale for some tiles of a measure. */
export function scaleOf({ name, of, label, domain, below, above }: MeasureInfo, tiles: Tile[][]): Scale {
  if (domain === "share") return { name, of, label, domain, below, above, limit: 1 };
  let limit = 0;
  for (const { values } of tiles.flat()) {
    for (const value of values) {
      const size = Math.abs(value);
      if (size > limit && Number.isFinite(size)) limit = size;
    }
  }
  return { name, of, label, domain, below, above, limit: limit || 1 };
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

/** To be read exactly: four decimals of a share, or four digits that count of one that is small; else four digits, and of a signed number its sign. */
export const exactly = ({ domain, isFine }: Scale, value: number): string =>
  domain === "signed"
    ? plus(value, figure(value))
    : domain === "share" && !(isFine && value !== 0 && Math.abs(value) < SMALL)
      ? exactWeight(value)
      : figure(value);

/** What the rest of an ordered list stays below, after its first. */
export const atMost = (scale: Scale, value: number): string =>
  scale.domain === "signed" ? `none beyond ±${figure(Math.abs(value))}` : `none above ${exactly(scale, value)}`;

const SMALL = 0.001;

/**
 * Beside a token; nothing where it would read as none.
 *
 * @param isLong of a long text, where weights are small
 */
export function briefly({ domain }: Scale, value: number, isLong = false): string {
  if (domain === "signed") return Math.abs(value) < 0.005 ? "" : plus(value, short(value));
  if (domain !== "share") return Math.abs(value) < 0.005 ? "" : short(value);
  if (isLong && value < 0.0995) return value < 0.0005 ? "" : value.toFixed(3).slice(1);
  if (value >= 1.005) return value.toFixed(2); // a sum over several queries
  if (value >= 0.995) return "1.0";
  return value < 0.005 ? "" : value.toFixed(2).slice(1);
}

/** What a bound is of: "weights", and with signs "|score|". */
export const sizesOf = (scale: Scale): string => (hasSigns(scale) ? `|${scale.label}|` : `${scale.label}s`);

/** How the end of a scale is written. */
const endOf = ({ domain }: OfDomain, limit: number): string => (domain === "share" ? roughly(limit) : short(limit));

/** Both ends of a scale, each with what it means where that has a name. */
export function endsInWords(
  scale: Scale,
  most = endOf(scale, scale.limit),
  isBeyond = false,
): [low: string, high: string] {
  const { domain, below, above } = scale;
  const [less, more] = isBeyond ? ["≤ ", "≥ "] : ["", ""];
  if (domain === "signed") return [`${below} ${less}−${most}`, `${more}+${most} ${above}`];
  return [hasSigns(scale) ? `${less}−${most}` : "0", `${more}${most}`];
}

/** What the two colours of numbers of either sign are, where the ends of the scale do not say it. */
export const coloursInWords = ({ domain }: OfDomain): string => (domain === "real" ? " · red above, blue below" : "");
