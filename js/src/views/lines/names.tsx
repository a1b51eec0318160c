// Whose the lines are.

import type { Pen } from "../../draw/colours";
import { markPath } from "../../draw/marks";
import type { Theme } from "../../host";
import { type HeadCategories, nameOf, OTHER } from "../../layout/categories";
import { headName, whoseName } from "../../layout/heads";
import type { Scale } from "../../layout/scale";
import { Swatch } from "../../parts/swatch";
import type { Head } from "../../wire/schema";

/** The kinds that lines are coloured by: each pair's strongest head has one. */
export function Kinds({ heads, categories, theme }: { heads: Head[]; categories: HeadCategories; theme: Theme }) {
  const counts = new Map<number, number>();
  for (const head of heads) {
    const main = categories.main(head);
    if (main >= OTHER) counts.set(main, (counts.get(main) ?? 0) + 1);
  }
  return (
    <span class="head-names measured" data-fresh={categories.fresh}>
      <span>colour: the kind of the head that is strongest on the pair, of equals the first</span>
      {[...counts].map(([category, count]) => (
        <span key={category}>
          <Swatch categories={categories} category={category} theme={theme} />
          <bdi>{nameOf(categories, category)}</bdi> {count}
        </span>
      ))}
    </span>
  );
}

interface NamesProps {
  heads: Head[];
  pens: Pen[];
  categories: HeadCategories | null;
  scale: Scale;
  /** Whether colour tells a number's sign, and the marks alone whose it is. */
  signed: boolean;
}

/** The lines of a pair from top to bottom, each with its mark, its head and that one's category. */
export function HeadNames({ heads, pens, categories, scale, signed }: NamesProps) {
  return (
    <span class="head-names">
      {heads.map((head, at) => {
        const main = categories?.fresh ? categories.main(head) : null;
        const { colour, mark } = pens[at] as Pen;
        const paint = signed ? "var(--quiet)" : colour;
        return (
          <span key={headName(head)}>
            <svg width="26" height="10" aria-hidden="true">
              <line x1="8" x2="26" y1="5" y2="5" stroke={paint} stroke-width="2.5" />
              <path d={markPath(mark, 5, 5, 3.6)} fill={paint} />
            </svg>
            {whoseName(scale, head)}
            {categories && main !== null && main >= OTHER && <bdi>{nameOf(categories, main)}</bdi>}
          </span>
        );
      })}
    </span>
  );
}
