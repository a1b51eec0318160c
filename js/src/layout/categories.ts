// Which category a head belongs to. Pure: scores in, labels out.

import { decodeArray } from "../wire/decode";
import type { Categories, Category, Head, MeasureInfo, Probe } from "../wire/schema";

/** A head that reaches no category's threshold. */
export const OTHER = -1;
/** A head without a single score. */
export const UNKNOWN = -2;

/** Chance-corrected: 0 as a head that spreads evenly, 1 perfect, NaN not measured. */
export interface Scores {
  categories: number;
  layers: number;
  heads: number;
  /** Category by category, layer by layer. */
  values: Float32Array;
}

export function scoreOf({ categories, layers, heads, values }: Scores, category: number, [layer, head]: Head): number {
  const inside = category >= 0 && category < categories && layer < layers && head < heads;
  return inside ? (values[(category * layers + layer) * heads + head] as number) : Number.NaN;
}

/** Scores travel in single precision, where .7 is a little less than .7. */
export const reaches = (score: number, threshold: number): boolean => score >= Math.fround(threshold);

/** The category with the largest score among those that reach their threshold; else OTHER, or UNKNOWN. */
export function mainOf(scores: Scores, thresholds: number[], head: Head): number {
  let main = UNKNOWN;
  let best = Number.NEGATIVE_INFINITY;
  for (let category = 0; category < scores.categories; category++) {
    const score = scoreOf(scores, category, head);
    if (Number.isNaN(score)) continue;
    if (main === UNKNOWN) main = OTHER;
    if (score > best && reaches(score, thresholds[category] as number)) {
      main = category;
      best = score;
    }
  }
  return main;
}

export function allHeads({ layers, heads }: Scores): Head[] {
  return Array.from({ length: layers * heads }, (_, at): Head => [Math.floor(at / heads), at % heads]);
}

export interface RankedHead {
  head: Head;
  score: number;
  /** The category that the head is named after, perhaps another; of an OTHER head the one it comes nearest to. */
  main: number;
}

/** The heads that reach a category's threshold, best first. Of OTHER the heads that reach none, by their best score. */
export function headsOf(scores: Scores, thresholds: number[], category: number): RankedHead[] {
  const ranked: RankedHead[] = [];
  for (const head of allHeads(scores)) {
    const main = mainOf(scores, thresholds, head);
    const score = scoreOf(scores, category, head);
    if (category !== OTHER && reaches(score, thresholds[category] as number)) ranked.push({ head, score, main });
    const [nearest] = bestOf(scores, head, 1);
    if (category === OTHER && main === OTHER && nearest) {
      ranked.push({ head, score: nearest.score, main: nearest.category });
    }
  }
  return ranked.sort((a, b) => b.score - a.score);
}

/** How many heads are named after each category; the last number counts OTHER. Null where nothing was measured. */
export function countsOf(scores: Scores, thresholds: number[]): (number | null)[] {
  const mains = allHeads(scores).map((head) => mainOf(scores, thresholds, head));
  const count = (category: number) => mains.filter((main) => main === category).length;
  const known = mains.some((main) => main !== UNKNOWN);
  return [
    ...Array.from({ length: scores.categories }, (_, at) => (isMeasured(scores, at) ? count(at) : null)),
    known ? count(OTHER) : null,
  ];
}

export function isMeasured({ layers, heads, values }: Scores, category: number): boolean {
  const size = layers * heads;
  return values.subarray(category * size, (category + 1) * size).some((score) => !Number.isNaN(score));
}

/** A head's largest scores, best first. */
export function bestOf(scores: Scores, head: Head, count: number): { category: number; score: number }[] {
  return Array.from({ length: scores.categories }, (_, category) => ({
    category,
    score: scoreOf(scores, category, head),
  }))
    .filter(({ score }) => !Number.isNaN(score))
    .sort((a, b) => b.score - a.score)
    .slice(0, count);
}

/** The mean score of each layer's heads; NaN where none was measured. */
export function layerMeans(scores: Scores, category: number): number[] {
  return Array.from({ length: scores.layers }, (_, layer) => {
    const known = Array.from({ length: scores.heads }, (_, head) => scoreOf(scores, category, [layer, head])).filter(
      (score) => !Number.isNaN(score),
    );
    return known.reduce((sum, score) => sum + score, 0) / known.length;
  });
}

// -- all that a view knows of the categories ------------------------------------------------------------------------

/** The heads' categories: what Python measured, by thresholds that the reader may move. */
export interface HeadCategories {
  /**
   * Measured on what is on screen. Else of the text before, while the new one is being measured: then only colours and
   * sizes are taken from it, so that nothing flashes or jumps, and no name or number.
   */
  fresh: boolean;
  list: Category[];
  scores: Scores;
  thresholds: number[];
  /** How sharp each head's rows are in this text, by layer: 0 for an even spread, 1 for one key. */
  peak: (number | null)[][];
  warning: string;
  probe: Probe;
  /** Number of a head's category in the list, or OTHER or UNKNOWN. */
  main(head: Head): number;
}

/** @param moved thresholds that are not the categories' own, by name */
export function categoriesOf(
  { list, peak, warning, probe }: Categories,
  scores: Scores,
  fresh = true,
  moved: Record<string, number> = {},
): HeadCategories {
  const thresholds = list.map(({ name, threshold }) => moved[name] ?? threshold);
  const main = (head: Head) => mainOf(scores, thresholds, head);
  return { fresh, list, scores, thresholds, peak, warning, probe, main };
}

export function openScores({ list, dtype, shape, data }: Categories): Scores {
  if (dtype !== "float32") throw new Error(`scores of type ${dtype}`);
  const { values } = decodeArray({ dtype, shape, data });
  const [categories = 0, layers = 0, heads = 0] = shape;
  if (categories !== list.length) throw new Error(`${categories} rows of scores for ${list.length} categories`);
  return { categories, layers, heads, values };
}

export const OTHER_NAME = "Other";

/** Number of a category by its name; null if there is none of that name. */
export function numberOf({ list }: HeadCategories, name: string | null): number | null {
  if (name === OTHER_NAME) return OTHER;
  const at = list.findIndex((one) => one.name === name);
  return at < 0 ? null : at;
}

/** What a head's score for a category means; empty where there is no more to say than the number. */
export function noteOf({ list }: HeadCategories, category: number, [layer, head]: Head): string {
  const notes = list[category]?.notes;
  const [text = -1, ...numbers] = notes?.of[layer]?.[head]?.split(" ") ?? [];
  return notes?.texts[+text]?.replaceAll("\u0001", () => numbers.shift() ?? "") ?? "";
}

export const nameOf = ({ list }: HeadCategories, category: number): string =>
  category === OTHER ? OTHER_NAME : (list[category]?.name ?? "");

/** Two letters for a category: "PT" for Previous-Token, "Sy" for Syntactic. */
export function codeOf(name: string): string {
  const [first = "", ...others] = name.split(/[^\p{L}\p{N}]+/u).filter((part) => /^\p{Lu}/u.test(part));
  const last = others.at(-1);
  const letters = [...(first || name)];
  return last ? `${letters[0]}${[...last][0]}` : letters.slice(0, 2).join("");
}

/** The categories that numbers of a measure are coloured by: of a whole layer's none, as a layer has no category. */
export const coloursOf = ({ of }: Pick<MeasureInfo, "of">, categories: HeadCategories | null): HeadCategories | null =>
  of === "head" ? categories : null;
