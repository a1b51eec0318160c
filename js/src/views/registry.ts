// All views, in the order of their tabs.

import type { View } from "../parts/view";
import { breakdown } from "./breakdown/view";
import { effect } from "./effect/view";
import { heads } from "./heads/view";
import { lines } from "./lines/view";
import { matrix } from "./matrix/view";
import { text } from "./text/view";

export const VIEWS: View[] = [lines, matrix, text, heads, breakdown, effect];

/** The view of a name; of an unknown one the first. */
export const viewNamed = (name: string): View => VIEWS.find((view) => view.name === name) ?? (VIEWS[0] as View);
