// How this view takes the numbers of what is selected: never synced.

import { type Signal, signal } from "@preact/signals";
import type { LeftOut } from "../layout/leave-out";
import type { Together } from "../layout/together";

/** Which lines are drawn of a text that is longer than its stage: the strongest of each row, or those from a number on. */
export type LinesBy = "strongest" | "least";

export interface Looks {
  leftOut: Signal<LeftOut>;
  together: Signal<Together>;
  /** Whether the strongest places are those of all heads, and only those far from what is pinned. */
  everyHead: Signal<boolean>;
  far: Signal<boolean>;
  /** As the reader has chosen; null for what fits the text. */
  linesBy: Signal<LinesBy | null>;
  /** How many of each row; null for as many as the stage carries. */
  linesCount: Signal<number | null>;
}

export const createLooks = (): Looks => ({
  leftOut: signal({ self: false, first: false }),
  together: signal("mean"),
  everyHead: signal(false),
  far: signal(false),
  linesBy: signal(null),
  linesCount: signal(null),
});
