// Cells as colours: a small picture of each tile, stretched to its place.

import type { Theme } from "../host";
import { type Cells, type Kind, numbersOf, strengthIn } from "../layout/cells";
import { isForbidden } from "../layout/tile";
import type { Signs } from "./colours";
import { type Channels, channels, mix } from "./contrast";

/** How numbers become colours. */
export interface Ink {
  kind: Kind;
  /** #rrggbb of the strongest. */
  colour: string;
  /** Of numbers below and above 0, where there are both. */
  signs: Signs | null;
  top: number;
  isLog: boolean;
  theme: Theme;
}

export const GROUND: Record<Theme, string> = { light: "#ffffff", dark: "#14171c" };
/** Where the model computed no number. */
export const BROKEN: Record<Theme, string> = { light: "#c026d3", dark: "#e879f9" };
const LEVELS = 255;
const LEAST = 0.03; // of the colour, for what may attend and hardly does

/** The colours from 0 up, and from 0 down. */
function rampsOf({ colour, signs, theme }: Ink): [up: Channels[], down: Channels[]] {
  const least = signs ? 0 : LEAST; // 0 is neither of two colours
  const ramp = (end: string) =>
    Array.from({ length: LEVELS + 1 }, (_, at) => mix(end, GROUND[theme], least + ((1 - least) * at) / LEVELS));
  const up = ramp(signs?.positive ?? colour);
  return [up, signs ? ramp(signs.negative) : up];
}

/** The colour of a number that is allowed. */
export function colouring(ink: Ink): (value: number) => Channels {
  const [up, down] = rampsOf(ink);
  const broken = channels(BROKEN[ink.theme]);
  return (value) => {
    const level = Math.round(LEVELS * strengthIn(value, ink.top, ink.isLog));
    return Number.isNaN(value) ? broken : ((value < 0 ? down : up)[level] as Channels);
  };
}

/** The scale as a CSS gradient, for its legend. */
export function heatGradient(ink: Ink): string {
  const [up, down] = rampsOf(ink);
  const stops = ink.signs ? [down.at(-1), down[0], up.at(-1)] : [up[0], up.at(-1)];
  return `linear-gradient(90deg, ${stops.map((stop) => `rgb(${(stop as Channels).map(Math.round).join(" ")})`).join(", ")})`;
}

const made = new WeakMap<Cells, { name: string; image: OffscreenCanvas }>();

/** One pixel a cell; clear where the mask forbids all. Made anew only for other colours. */
export function heatOf(cells: Cells, ink: Ink): OffscreenCanvas {
  const name = Object.values({ ...ink, signs: ink.signs?.positive }).join();
  const before = made.get(cells);
  if (before?.name === name) return before.image;
  const image = before?.image ?? new OffscreenCanvas(cells.columns, cells.rows);
  const context = image.getContext("2d") as OffscreenCanvasRenderingContext2D;
  const pixels = context.createImageData(cells.columns, cells.rows);
  const words = new Uint32Array(pixels.data.buffer);
  const [up, down] = rampsOf(ink).map((ramp) => Uint32Array.from(ramp, pixelOf)) as [Uint32Array, Uint32Array];
  const broken = pixelOf(channels(BROKEN[ink.theme]));
  const numbers = numbersOf(cells, ink.kind);
  for (let at = 0; at < numbers.length; at++) {
    const value = numbers[at] as number;
    if (isForbidden(value)) continue;
    const level = Math.round(LEVELS * strengthIn(value, ink.top, ink.isLog));
    words[at] = Number.isNaN(value) ? broken : ((value < 0 ? down : up)[level] as number);
  }
  context.putImageData(pixels, 0, 0);
  made.set(cells, { name, image });
  return image;
}

/** As a word of image data; every machine that runs a browser is little-endian. */
const pixelOf = ([red, green, blue]: Channels): number =>
  ((255 << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;

export const HATCH = 6; // px
export const HATCHES: Record<Theme, [ground: string, line: string]> = {
  light: ["#f1f2f5", "#dcdfe6"],
  dark: ["#1d2127", "#343b46"],
};

/** Where no cells are yet. */
export const NOTHING: Record<Theme, string> = { light: HATCHES.light[0], dark: HATCHES.dark[0] };

/** What the mask forbids. */
export function hatch(context: CanvasRenderingContext2D, theme: Theme): CanvasPattern {
  const density = globalThis.devicePixelRatio || 1;
  const side = Math.round(HATCH * density);
  const tile = new OffscreenCanvas(side, side);
  const pen = tile.getContext("2d") as OffscreenCanvasRenderingContext2D;
  const [ground, line] = HATCHES[theme];
  pen.fillStyle = ground;
  pen.fillRect(0, 0, side, side);
  pen.strokeStyle = line;
  pen.lineWidth = density;
  pen.beginPath();
  for (const at of [-side, 0, side]) {
    pen.moveTo(at - 1, side + 1);
    pen.lineTo(at + side + 1, -1);
  }
  pen.stroke();
  const pattern = context.createPattern(tile, "repeat") as CanvasPattern;
  pattern.setTransform(new DOMMatrix().scale(1 / density));
  return pattern;
}

/** The same for a legend. */
export const hatchImage = (theme: Theme): string => {
  const [ground, line] = HATCHES[theme];
  return `repeating-linear-gradient(-45deg, ${line} 0 1px, ${ground} 1px 4px)`;
};
