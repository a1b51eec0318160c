import type { Decoded } from "../wire/decode";
import type { Head } from "../wire/schema";
import { prepare } from "./canvas";
import type { Signs } from "./colours";

const channels = (ink: string): number[] => [1, 3, 5].map((at) => Number.parseInt(ink.slice(at, at + 2), 16));

export interface Grid {
  /** Side of a cell and the gap between two, in px. */
  cell: number;
  gap: number;
}

/**
 * Draw every head's small picture into one canvas, layer by layer.
 *
 * @param pictures (layers, heads, rows, columns): 0 forbidden, else 1 to 255; see the schema
 * @param look of a head: the colour of the strongest as #rrggbb, and how far it is dimmed, 1 for not at all
 * @param signs the colours of numbers above and below 0, for a measure that has both
 */
export function drawPictures(
  canvas: HTMLCanvasElement,
  pictures: Decoded<Uint8Array>,
  grid: Grid,
  look: (head: Head) => { ink: string; strength: number },
  signs: Signs | null = null,
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
      const inks = (signs ? [signs.positive, signs.negative] : [ink, ink]).map(channels);
      const start = (layer * heads + head) * rows * columns;
      for (let at = 0; at < rows * columns; at++) {
        const shade = pictures.values[start + at] as number;
        const part = signs ? (shade - 128) / 127 : (shade - 1) / 254;
        // Raised, so that weak attention is still seen at this size. Forbidden stays clear.
        const alpha = shade === 0 ? 0 : 10 + 245 * Math.abs(part) ** 0.75;
        image.data.set([...inks[part < 0 ? 1 : 0]!, alpha], 4 * at);
      }
      small.putImageData(image, 0, 0);
      context.imageSmoothingEnabled = grid.cell < columns;
      context.globalAlpha = strength;
      context.drawImage(scratch, head * step, layer * step, grid.cell, grid.cell);
    }
  }
}
