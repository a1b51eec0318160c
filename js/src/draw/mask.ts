// A mask on a canvas: what may attend, what is hidden, and what the model's own mask says to that.

import type { Theme } from "../host";
import type { Cell, Cells, Kind } from "../layout/masks";
import { prepare } from "./canvas";
import { GROUND, hatch } from "./heat";

export const FILL: Record<Theme, Record<Exclude<Kind, "forbidden">, string>> = {
  light: { allowed: "#bcd5f8", hidden: "#4a5261", freed: "#eab14e" },
  dark: { allowed: "#2d5187", hidden: "#8f97a5", freed: "#c98f14" },
};

const ROOMY = 6; // px of a cell from which there are lines between cells

/** Draw a mask; a cell may stand for several pairs. */
export function drawMask(
  canvas: HTMLCanvasElement,
  { rows, columns, own, now }: Cells,
  side: number,
  theme: Theme,
  cursor: Cell | null,
): void {
  const context = prepare(canvas, columns * side, rows * side);
  const lines = hatch(context, theme);
  const gap = side >= ROOMY ? 1 : 0;
  context.fillStyle = GROUND[theme];
  context.fillRect(0, 0, columns * side, rows * side);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const [model, share] = [own[at] as number, now[at] as number];
      const place = [column * side, row * side, side - gap, side - gap] as const;
      context.fillStyle = model + share === 0 ? lines : FILL[theme].allowed;
      context.fillRect(...place);
      if (model === share) continue;
      // As much of it as there are such pairs among those that are meant: of one pair, all.
      context.globalAlpha = model > share ? (model - share) / model : (share - model) / (255 - model);
      context.fillStyle = FILL[theme][model > share ? "hidden" : "freed"];
      context.fillRect(...place);
      context.globalAlpha = 1;
    }
  }
  if (!cursor) return;
  context.lineWidth = 2;
  context.strokeStyle = theme === "light" ? "#111418" : "#ffffff";
  context.strokeRect(cursor[1] * side + 0.5, cursor[0] * side + 0.5, side - gap - 1, side - gap - 1);
}
