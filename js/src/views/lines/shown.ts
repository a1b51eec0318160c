// What the lines view has on screen.

import type { Side } from "../../layout/units";
import type { Found } from "../../source/lines";
import type { Scene } from "../../source/scene";

/** Of a text that does not fit its stage, with the rows of what is in sight. */
export interface Shown {
  scene: Scene;
  /** Whose rows these are; null for a text that fits. */
  side: Side | null;
  found: Found | null;
}

/** Units, those pinned beyond the first hundred or so left out. */
export type Pinned = Record<Side, readonly number[]>;
