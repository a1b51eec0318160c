// In what the lines of each head are drawn, and named in the legend.

import { type Pen, pensFor, signedPens } from "../../draw/colours";
import type { Theme } from "../../host";
import type { HeadCategories } from "../../layout/categories";
import type { Scene } from "../../source/scene";

export const linePens = ({ heads, scale }: Scene, categories: HeadCategories | null, theme: Theme): Pen[] =>
  scale.domain === "real" && heads.length > 1 ? signedPens(heads) : pensFor(heads, categories, theme);
