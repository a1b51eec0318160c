import type { Decoded } from "../wire/decode";
import type { Head } from "../wire/protocol";
import { prepare } from "./canvas";

export interface Grid {
  /** Side of a cell and the gap between two, in px. */
  cell: number;
  gap: number;
}

/**
 * Draw every head's small picture into one canvas, layer by layer.
 *
 * @param pictures (layers, heads, rows, columns): 0 forbidden, else 1 + 254 × weight
 * @param look of a head: the colour of a weight of 1 as #rrggbb, and how far it is dimmed, 1 for not at all
 */
export function drawPictures(
  canvas: HTMLCanvasElement,
  pictures: Decoded<Uint8Array>,
  grid: Grid,
  look: (head: Head) => { ink: string; strength: number },
): void {
  const [layers = 0, heads = 0, rows = 0, columns = 0] = pictures.shape;
  const step = grid.cell + grid.gap;
  const context = prepare(canvas, heads * step - grid.gap, layers * step - grid.gap);
  const scratch = new OffscreenCanvas(columns, rows);
  const small = scratch.getContext("2d") as OffscreenCanvasRenderingContext2D;
  const image = small.createImageData(columns, rows);
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < heads; head++) {
      const { ink, strength } = look([layer, head]);
      const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(ink.slice(at, at + 2), 16));
      const start = (layer * heads + head) * rows * columns;
      for (let at = 0; at < rows * columns; at++) {
        const value = pictures.values[start + at] as number;
        // Raised, so that weak attention is still seen at this size. Forbidden stays clear.
        const alpha = value === 0 ? 0 : 10 + 245 * ((value - 1) / 254) ** 0.75;
        image.data.set([red!, green!, blue!, alpha], 4 * at);
      }
      small.putImageData(image, 0, 0);
      context.imageSmoothingEnabled = grid.cell < columns;
      context.globalAlpha = strength;
      context.drawImage(scratch, head * step, layer * step, grid.cell, grid.cell);
    }
  }
}
