import type { Theme } from "../host";
import type { Decoded } from "../wire/decode";
import type { Head } from "../wire/schema";
import { prepare } from "./canvas";
import type { Signs } from "./colours";

const channels = (ink: string): number[] => [1, 3, 5].map((at) => Number.parseInt(ink.slice(at, at + 2), 16));

/** One head's picture: shades as in the schema, row by row. */
export interface Shades {
  values: Uint8Array;
  rows: number;
  columns: number;
}

export interface Look {
  /** The colour of the strongest, as #rrggbb. */
  ink: string;
  /** How far it is dimmed, 1 for not at all. */
  strength: number;
}

/** Draws one picture after the other into a canvas. */
export type Painter = (shades: Shades, look: Look, x: number, y: number, side: number, hatched?: boolean) => void;

/** A painter of pictures of one measure; `signs` where it has numbers below 0. Where hatched, forbidden cells are. */
export function createPainter(context: CanvasRenderingContext2D, signs: Signs | null, theme: Theme): Painter {
  const scratch = new OffscreenCanvas(1, 1);
  const small = scratch.getContext("2d") as OffscreenCanvasRenderingContext2D;
  let image = small.createImageData(1, 1);
  return ({ values, rows, columns }, { ink, strength }, x, y, side, hatched = false) => {
    if (image.width !== columns || image.height !== rows) {
      [scratch.width, scratch.height] = [columns, rows];
      image = small.createImageData(columns, rows);
    }
    const { data } = image;
    const put = (how: GlobalCompositeOperation, alpha: number) => {
      small.putImageData(image, 0, 0);
      context.imageSmoothingEnabled = side < columns;
      context.globalAlpha = alpha;
      context.globalCompositeOperation = how;
      context.drawImage(scratch, x, y, side, side);
      context.globalCompositeOperation = "source-over";
      context.globalAlpha = 1;
    };
    if (hatched && values.includes(0)) {
      hatch(context, x, y, side, theme);
      for (let at = 0; at < rows * columns; at++) data[4 * at + 3] = values[at] === 0 ? 0 : 255;
      put("destination-out", 1);
    }
    const pixels = inking(ink, signs);
    for (let at = 0; at < rows * columns; at++) data.set(pixels(values[at] as number), 4 * at);
    put("source-over", strength);
  };
}

const NONE = 0.02; // of the strongest: of neither colour
const NEITHER = [128, 128, 128];

/** A shade as a pixel: red, green, blue, opacity. */
export function inking(ink: string, signs: Signs | null): (shade: number) => number[] {
  const inks = (signs ? [signs.positive, signs.negative] : [ink, ink]).map(channels) as [number[], number[]];
  return (shade) => {
    const part = signs ? (shade - 128) / 127 : (shade - 1) / 254;
    const hue = signs && Math.abs(part) < NONE ? NEITHER : inks[part < 0 ? 1 : 0];
    // Raised, so that weak attention is still seen at this size. Forbidden stays clear.
    return [...(hue as number[]), shade === 0 ? 0 : 10 + 245 * Math.abs(part) ** 0.75];
  };
}

const HATCH: Record<Theme, string> = { light: "#dde1e8", dark: "#30363f" };

function hatch(context: CanvasRenderingContext2D, x: number, y: number, side: number, theme: Theme): void {
  context.save();
  context.beginPath();
  context.rect(x, y, side, side);
  context.clip();
  context.strokeStyle = HATCH[theme];
  context.lineWidth = 1;
  context.beginPath();
  for (let at = -side; at < side; at += 6) {
    context.moveTo(x + at, y + side);
    context.lineTo(x + at + side, y);
  }
  context.stroke();
  context.restore();
}

/** One head's of many heads' pictures: (layers, heads, rows, columns). */
export function shadesOf({ shape, values }: Decoded<Uint8Array>, layer: number, head: number): Shades {
  const [, heads = 0, rows = 0, columns = 0] = shape;
  const start = (layer * heads + head) * rows * columns;
  return { values: values.subarray(start, start + rows * columns), rows, columns };
}

export interface Grid {
  /** Side of a cell and the gap between two, in px. */
  cell: number;
  gap: number;
}

/**
 * Draw every head's small picture into one canvas, layer by layer.
 *
 * @param pictures (layers, heads, rows, columns): 0 forbidden, else 1 to 255; see the schema
 * @param signs the colours of numbers above and below 0, for a measure that has both
 */
export function drawPictures(
  canvas: HTMLCanvasElement,
  pictures: Decoded<Uint8Array>,
  grid: Grid,
  look: (head: Head) => Look,
  theme: Theme,
  signs: Signs | null = null,
): void {
  const [layers = 0, heads = 0] = pictures.shape;
  const step = grid.cell + grid.gap;
  const context = prepare(canvas, heads * step - grid.gap, layers * step - grid.gap);
  const paint = createPainter(context, signs, theme);
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < heads; head++) {
      paint(shadesOf(pictures, layer, head), look([layer, head]), head * step, layer * step, grid.cell);
    }
  }
}
