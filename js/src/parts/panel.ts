// What a panel is to the rest of the widget. Each has a line in panels/registry.ts.

import type { ComponentType } from "preact";
import type { Context } from "./context";

/**
 * Where the frame puts a panel; those of one place stand in the registry's order.
 *
 * top: the first row, with the text · tools: menus at the right of the tabs · options: the row below the tabs ·
 * reading: rows of their own below what is pointed at · under: below the picture, which stays where it is ·
 * left, right: beside the picture; what is right stands in a line below where there is less room · bottom: the last row
 */
export type Place = "top" | "tools" | "options" | "reading" | "under" | "left" | "right" | "bottom";

export interface PanelProps {
  context: Context;
}

export interface Panel {
  place: Place;
  css?: string;
  Component: ComponentType<PanelProps>;
  /** What its place is called while it is folded, where there is little room. */
  Summary?: ComponentType<PanelProps>;
}
