import { categoryColour } from "../draw/colours";
import type { Theme } from "../host";
import type { Labels } from "../labels";

interface Props {
  labels: Labels;
  category: number;
  theme: Theme;
}

/** A category's colour; always beside its name. */
export function Swatch({ labels, category, theme }: Props) {
  const colour = categoryColour(labels, category, theme);
  return <i class="swatch" style={colour ? { "--pen": colour } : {}} />;
}
