// Colours by theme. A head is drawn in its category's colour; before it has one, in an accent (one head) or in
// colours safe for colour-blind readers (several; Okabe and Ito).

import type { Theme } from "../host";
import { type HeadCategories, nameOf, OTHER, OTHER_NAME } from "../layout/categories";
import type { Head } from "../wire/schema";

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

const ACCENT: Shades = { light: "#1f6feb", dark: "#6aa5ff" };

const HEADS = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#8c6bb1", "#7d8794"],
  dark: ["#4aa3dc", "#ff8a3d", "#2ec494", "#e59cc4", "#e6b422", "#8ccdf2", "#b297d6", "#a3adba"],
};

const CATEGORIES: Record<string, Shades> = {
  "Previous-Token": { light: "#0072b2", dark: "#3d9fdc" },
  "First/Positional": { light: "#e69f00", dark: "#eba91c" },
  "Bag-of-Words": { light: "#009e73", dark: "#22b98d" },
  Syntactic: { light: "#cc79a7", dark: "#de93bc" },
  Coreference: { light: "#a6446f", dark: "#e07fa8" },
  Induction: { light: "#d55e00", dark: "#f37e30" },
  "Duplicate-Token": { light: "#8c6bb1", dark: "#ad8fd2" },
  "Next-Token": { light: "#56b4e9", dark: "#76c6f2" },
  Self: { light: "#b2912f", dark: "#cdb04f" },
  "Separator/Punctuation": { light: "#8a7f6a", dark: "#b3a78f" },
  [OTHER_NAME]: { light: "#7d8794", dark: "#949eab" },
};

/** The names that a panel shows before it knows more, in their usual order. */
export const KNOWN = Object.keys(CATEGORIES).filter((name) => name !== OTHER_NAME);

// For a user's own categories that name no colour.
const MORE = {
  light: ["#4f7f1f", "#5b5fc7", "#9c5a3c"],
  dark: ["#9ccb5a", "#9da0f5", "#d19a7b"],
};

const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];

export interface Pen {
  colour: string;
  dash: number[];
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

/** The pens of the heads shown, in their order. Colours that come round again are dashed. */
export function pensFor(heads: Head[], categories: HeadCategories | null, theme: Theme): Pen[] {
  const spare = heads.length === 1 ? [ACCENT[theme]] : HEADS[theme];
  const used = new Map<string, number>();
  return heads.map((head, at) => {
    const colour = headColour(categories, head, theme) ?? (spare[at % spare.length] as string);
    const before = used.get(colour) ?? 0;
    used.set(colour, before + 1);
    return { colour, dash: DASHES[before % DASHES.length] as number[] };
  });
}

/** Of several heads where colour tells the sign of a number: their dashes alone tell them apart. */
export const signedPens = (heads: Head[]): Pen[] =>
  heads.map((_, at) => ({ colour: "var(--quiet)", dash: DASHES[at % DASHES.length] as number[] }));

export const accent = (theme: Theme): string => ACCENT[theme];
