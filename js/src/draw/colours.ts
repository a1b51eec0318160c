// Colours by theme. A head is drawn in its category's colour; before it has one, in an accent, or, beside a few others,
// in colours of their own. All were chosen so that no two look alike to readers with one kind of cones less
// (js/test/palette.test.ts), as near to Okabe's and Ito's as that allows. They never stand alone: a category has its
// letters beside, a line its mark.

import type { Theme } from "../host";
import { type HeadCategories, nameOf, OTHER, OTHER_NAME } from "../layout/categories";
import { hasSigns, type Scale } from "../layout/scale";
import { STRANDS } from "../layout/strands";
import type { Head } from "../wire/schema";
import { hex, mix } from "./contrast";

type Shades = Record<Theme, string>;

/** Of numbers below and above 0. */
export interface Signs {
  negative: string;
  positive: string;
}

export const SIGNS: Record<Theme, Signs> = {
  light: { negative: "#2166ac", positive: "#b2182b" },
  dark: { negative: "#5c9fe6", positive: "#ee6b76" },
};

/** Those of a measure that has both; null for one that has not, or is not known yet. */
export const signsOf = (of: Pick<Scale, "domain"> | null | undefined, theme: Theme): Signs | null =>
  of && hasSigns(of) ? SIGNS[theme] : null;

/** The one of the two that a number has. */
export const signOf = ({ negative, positive }: Signs, value: number): string => (value < 0 ? negative : positive);

const ACCENT: Shades = { light: "#1f6feb", dark: "#6aa5ff" };

export const HEADS: Record<Theme, string[]> = {
  light: ["#0072b2", "#c38213", "#790147", "#808a9a"],
  dark: ["#02a9f9", "#dc9e01", "#f20170", "#9aa3af"],
};

export const CATEGORIES: Record<string, Shades> = {
  "Previous-Token": { light: "#0072b2", dark: "#48aef5" },
  "First/Positional": { light: "#c38213", dark: "#e8a409" },
  "Bag-of-Words": { light: "#00966c", dark: "#069e85" },
  Syntactic: { light: "#9e5476", dark: "#b965b2" },
  Coreference: { light: "#790147", dark: "#f33c75" },
  Induction: { light: "#b84a00", dark: "#c47b1d" },
  "Duplicate-Token": { light: "#573d80", dark: "#6b7cf9" },
  "Next-Token": { light: "#2d93ed", dark: "#a7dbfc" },
  Self: { light: "#6b6747", dark: "#fad873" },
  "Separator/Punctuation": { light: "#504027", dark: "#c0b497" },
  [OTHER_NAME]: { light: "#808a9a", dark: "#98a1ae" },
};

/** The names that a panel shows before it knows more, in their usual order. */
export const KNOWN = Object.keys(CATEGORIES).filter((name) => name !== OTHER_NAME);

// For a user's own categories that name no colour.
const MORE = {
  light: ["#4f7f1f", "#5b5fc7", "#9c5a3c"],
  dark: ["#9ccb5a", "#9da0f5", "#d19a7b"],
};

/** Heads of one colour differ in how far it is moved towards the text's. */
const DEPTHS = [0, 0.45, 0.8, 0.65];
const INK: Shades = { light: "#000000", dark: "#ffffff" };

/** How a head's lines are drawn, and it is named. */
export interface Pen {
  colour: string;
  /** Of the mark that its lines end in. */
  mark: number;
}

/** The colour of a category by its number in the list; null for a head that has none. */
export function categoryColour(categories: HeadCategories, category: number, theme: Theme): string | null {
  if (category < OTHER) return null;
  const own = categories.list[category]?.colour ?? "";
  if (/^#[0-9a-f]{6}$/i.test(own)) return own;
  const known = CATEGORIES[nameOf(categories, category)]?.[theme];
  if (known) return known;
  const among = categories.list.filter(({ name }) => !CATEGORIES[name]).indexOf(categories.list[category]!);
  return MORE[theme][among % MORE[theme].length] as string;
}

export const headColour = (categories: HeadCategories | null, head: Head, theme: Theme): string | null =>
  categories && categoryColour(categories, categories.main(head), theme);

/** The pens of the heads shown, in their order. Many are told apart by their categories alone. */
export function pensFor(heads: Head[], categories: HeadCategories | null, theme: Theme): Pen[] {
  const few = heads.length > 1 && heads.length <= STRANDS;
  const used = new Map<string, number>();
  return heads.map((head, mark) => {
    const spare = few ? (HEADS[theme][mark] as string) : ACCENT[theme];
    const colour = headColour(categories, head, theme) ?? spare;
    const before = few ? (used.get(colour) ?? 0) : 0;
    used.set(colour, before + 1);
    return { colour: hex(mix(INK[theme], colour, DEPTHS[before] as number)), mark };
  });
}

export const accent = (theme: Theme): string => ACCENT[theme];

/** Of what is pinned on either side, and of what was found. */
export const MARKS: Record<Theme, Record<"query" | "key" | "found", string>> = {
  light: { query: ACCENT.light, key: "#1b1f24", found: "#c38213" },
  dark: { query: ACCENT.dark, key: "#e6e8ec", found: "#e8a409" },
};
