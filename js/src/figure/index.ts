// Figures of what is on screen, as SVG: the kernel and a page without one draw the same by this code. Pure: no page, no
// clock, nothing that a bare JavaScript engine lacks.

import { breakdown } from "./breakdown";
import { effect } from "./effect";
import { type Draw, fileOf } from "./file";
import type { Given, Options } from "./given";
import { heads } from "./heads";
import { lines } from "./lines";
import { matrix } from "./matrix";
import type { Paper } from "./svg";
import { text } from "./text";

export type { Given, Options } from "./given";

const FIGURES: Record<string, Draw> = { ...{ lines, matrix, text, heads, breakdown, effect } };

/**
 * Draw a figure of what a view shows.
 *
 * @param png makes a picture file of pixels, for matrices of many cells
 * @returns a whole SVG file
 */
export function figureOf(given: Given, options: Options, png: Paper["png"]): string {
  const draw = FIGURES[given.selection.view];
  if (!draw) throw new Error(`there is no figure of ${given.selection.view}`);
  return fileOf(draw, given, options, png);
}
