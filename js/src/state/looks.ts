// How this view takes the numbers of what is selected: never synced.

import { type Signal, signal } from "@preact/signals";
import type { LeftOut } from "../layout/leave-out";
import type { Together } from "../layout/together";

export interface Looks {
  leftOut: Signal<LeftOut>;
  together: Signal<Together>;
  /** Whether the strongest places are those of all heads, and only those far from what is pinned. */
  everyHead: Signal<boolean>;
  far: Signal<boolean>;
}

export const createLooks = (): Looks => ({
  leftOut: signal({ self: false, first: false }),
  together: signal("mean"),
  everyHead: signal(false),
  far: signal(false),
});
