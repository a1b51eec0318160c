import { categoryColour } from "../draw/colours";
import type { Theme } from "../host";
import type { HeadCategories } from "../layout/categories";

interface Props {
  categories: HeadCategories;
  category: number;
  theme: Theme;
}

/** A category's colour; always beside its name. */
export function Swatch({ categories, category, theme }: Props) {
  const colour = categoryColour(categories, category, theme);
  return <i class="swatch" style={colour ? { "--pen": colour } : {}} />;
}
