// Which heads are shown, in which order, and which number stands under each. Pure.

import type { Head } from "../wire/schema";
import { type HeadCategories, nameOf, OTHER, scoreOf, UNKNOWN } from "./categories";
import type { Group } from "./heads-wall";
import { isForbidden } from "./tile";

export const ORDERS = ["layer", "category", "pinned pair", "similarity", "map"] as const;
export type Order = (typeof ORDERS)[number];

/** What is known of the heads. */
export interface Known {
  categories: HeadCategories | null;
  /** The pinned pair's number of a head; null where nothing is pinned. */
  pair: ((head: Head) => number) | null;
  /** How far a head is from the one that it is compared with; null before that is known. */
  distance: ((head: Head) => number) | null;
  /** What a pair's numbers are ordered by, and held against a bound. */
  rank?: (value: number) => number;
}

export interface Filter {
  /** Only heads that are mainly of this; null for all. */
  category: number | null;
  /** Only heads whose number is this or more; of distances, this or less. */
  bound: number | null;
}

/** The number that an order goes by; null where it goes by none. */
export function numberFor(order: Order, { categories, pair, distance }: Known): ((head: Head) => number) | null {
  if (order === "map") return null;
  if (order === "similarity") return distance;
  if (order !== "category") return pair;
  if (!categories?.fresh) return null;
  return (head) => {
    const main = categories.main(head);
    return main === OTHER || main === UNKNOWN ? Number.NaN : scoreOf(categories.scores, main, head);
  };
}

/** Whether each head has its place, so that the others are faint where only some are wanted, and not left out. */
export const isPlaced = (order: Order): boolean => order === "layer" || order === "map";

/** Of categories and distances the number itself. */
const rankIn = (order: Order, { rank }: Known) =>
  (order === "pinned pair" || order === "layer" ? rank : undefined) ?? ((value: number) => value);

/** Whether a head passes the filter. */
export function passes(head: Head, order: Order, known: Known, { category, bound }: Filter): boolean {
  const { categories } = known;
  if (category !== null && categories?.fresh && categories.main(head) !== category) return false;
  const number = bound === null ? null : numberFor(order, known);
  if (!number || bound === null) return true;
  const value = number(head);
  return order === "similarity" ? value <= bound : rankIn(order, known)(value) >= bound;
}

/** The heads in their order; those without a number last. */
export function groupsOf(heads: Head[], order: Order, known: Known): Group[] {
  const number = numberFor(order, known);
  const rank = rankIn(order, known);
  const sign = order === "similarity" ? 1 : -1;
  const worth = (head: Head) => {
    const value = number?.(head) ?? Number.NaN;
    return Number.isNaN(value) || isForbidden(value) ? Number.POSITIVE_INFINITY : sign * rank(value);
  };
  const sorted = (some: Head[]) =>
    number
      ? some
          .map((head) => ({ head, at: worth(head) }))
          .sort(byWorth)
          .map(({ head }) => head)
      : some;
  const { categories } = known;
  if (order !== "category" || !categories?.fresh) return [{ text: "", category: null, heads: sorted(heads) }];
  return [...categories.list.keys(), OTHER, UNKNOWN]
    .map((category) => ({
      text: category === UNKNOWN ? "not measured" : nameOf(categories, category),
      category: category === UNKNOWN ? null : category,
      heads: sorted(heads.filter((head) => categories.main(head) === category)),
    }))
    .filter((group) => group.heads.length > 0);
}

const byWorth = (a: { at: number }, b: { at: number }): number => (a.at === b.at ? 0 : a.at - b.at);
