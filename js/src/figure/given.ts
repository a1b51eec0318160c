// What a figure is made of: what is on screen.

import type { HeadCategories } from "../layout/categories";
import type { Cells, Kind } from "../layout/cells";
import type { Profile } from "../layout/profile";
import type { Scene } from "../layout/scene";
import type { Shading } from "../layout/shading";
import type { Row } from "../layout/strongest";
import type { Side } from "../layout/units";
import type { Breakdown, Effects, Outline, Pictures, Selection } from "../wire/schema";

export interface Given {
  outline: Outline;
  selection: Selection;
  categories: HeadCategories | null;
  /** Of the views that draw tiles. */
  scene: Scene | null;
  /** The strongest lines of the rows that are shown, where not all are. */
  found?: { side: Side; rows: ReadonlyMap<number, Row> } | null;
  /** The numbers that a text is shaded by, and those of what is pinned. */
  profile?: Profile | null;
  shading?: Shading;
  /** A matrix in cells, coarser tiles first. */
  cells?: { tiles: readonly Cells[]; kind: Kind; isLog: boolean } | null;
  pictures?: Pictures | null;
  breakdown?: Breakdown | null;
  effects?: Effects | null;
}

export interface Options {
  /** Inches; null for as wide as it needs to be. */
  width: number | null;
  theme: "light" | "dark";
  /** False leaves it transparent. */
  background: boolean;
  /** False leaves out what stands below the legend: the model, the text, the formula. */
  caption?: boolean;
  /** So many lines at most, the strongest: of a picture that must be small. */
  most?: number | null;
  /** What stands below all else, for who sees the picture where the widget was. */
  note?: string;
}
