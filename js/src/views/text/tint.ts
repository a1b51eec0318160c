// The colour that a text is shaded in: that of its head's kind, an accent where it has none.

import { accent, pensFor } from "../../draw/colours";
import { shadeFor } from "../../draw/contrast";
import { coloursOf, OTHER } from "../../layout/categories";
import type { Context } from "../../parts/context";
import type { Scene } from "../../source/scene";

export interface Tint {
  colour: string;
  /** What the style sheet goes by. */
  style: { "--pen": string; "--shade": string };
}

export function tintOf({ categories, theme }: Context, { heads, scale }: Scene): Tint {
  const known = coloursOf(scale, categories.now.value);
  const [head, ...others] = heads;
  // The grey of heads of no kind would read as "hidden".
  const hasKind = head && others.length === 0 && known && known.main(head) > OTHER;
  const [pen] = hasKind ? pensFor([head], known, theme.value) : [];
  const colour = pen?.colour ?? accent(theme.value);
  return { colour, style: { "--pen": colour, "--shade": `${100 * shadeFor(colour, theme.value)}%` } };
}
