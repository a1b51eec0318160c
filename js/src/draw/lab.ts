// What stands on a matrix of the lab beside its cells: a bar for each row, and the tiles of flash attention.

import type { Geometry } from "../layout/matrix";
import { xOf, yOf } from "../layout/matrix";
import type { LabTile } from "../wire/schema";
import type { Look } from "./matrix";

const INSET = 24; // px from the matrix, where positions stand

/** A bar for each row, to the right of the matrix: 0 to `most`. */
export function drawRowBars(
  context: CanvasRenderingContext2D,
  at: Geometry,
  values: Float32Array,
  most: number,
  wide: number,
  colour: string,
  look: Look,
): void {
  const left = at.left + at.width + INSET;
  context.fillStyle = look.quiet;
  context.globalAlpha = 0.25;
  context.fillRect(left, at.top, 1, at.height);
  context.globalAlpha = 1;
  context.fillStyle = colour;
  const tall = Math.max(1, at.zoom - (at.zoom > 6 ? 3 : 0));
  values.forEach((value, row) => {
    if (!Number.isFinite(value)) return;
    const px = (Math.min(value, most) / most) * wide;
    context.fillRect(left + 1, yOf(at, row) + (at.zoom - tall) / 2, px, tall);
  });
}

/** Borders of all tiles; those that are still to come are faded, and the one at work is framed. */
export function drawTiles(
  context: CanvasRenderingContext2D,
  at: Geometry,
  tiles: readonly LabTile[],
  step: number,
  ground: string,
  look: Look,
): void {
  context.save();
  tiles.forEach(({ queries, keys }, nth) => {
    const [x, y] = [xOf(at, keys[0]), yOf(at, queries[0])];
    const [wide, high] = [xOf(at, keys[1]) - x, yOf(at, queries[1]) - y];
    if (nth > step) {
      context.globalAlpha = 0.82;
      context.fillStyle = ground;
      context.fillRect(x, y, wide, high);
    }
    context.globalAlpha = 0.6;
    context.strokeStyle = look.quiet;
    context.lineWidth = 1;
    context.strokeRect(Math.round(x) + 0.5, Math.round(y) + 0.5, Math.round(wide) - 1, Math.round(high) - 1);
  });
  const now = tiles[step];
  if (now) {
    context.globalAlpha = 1;
    context.strokeStyle = look.accent;
    context.lineWidth = 2;
    const [x, y] = [xOf(at, now.keys[0]), yOf(at, now.queries[0])];
    context.strokeRect(x, y, xOf(at, now.keys[1]) - x, yOf(at, now.queries[1]) - y);
  }
  context.restore();
}
