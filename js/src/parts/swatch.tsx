import { categoryColour } from "../draw/colours";
import { inkOn } from "../draw/contrast";
import type { Theme } from "../host";
import { codeOf, type HeadCategories, nameOf } from "../layout/categories";

/** A category's letters on its colour, or on none before it is known: colour alone is never all there is. */
export function Code({ name, colour = null }: { name: string; colour?: string | null }) {
  return <i class="code" data-code={codeOf(name)} style={colour ? { "--pen": colour, color: inkOn(colour) } : {}} />;
}

interface Props {
  categories: HeadCategories;
  category: number;
  theme: Theme;
}

/** A category's mark; beside its name. */
export function Swatch({ categories, category, theme }: Props) {
  return <Code name={nameOf(categories, category)} colour={categoryColour(categories, category, theme)} />;
}
