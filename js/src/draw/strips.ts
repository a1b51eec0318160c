// Vectors as strips of colour, products as bars. Blue is negative, red positive; what is no number is hatched.

import type { Theme } from "../host";
import { runningTotals } from "../layout/steps";
import { SIGNS } from "./colours";
import { type Channels, hex, inkOn } from "./contrast";

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

const ENDS: Record<Theme, { negative: Channels[]; zero: Channels; positive: Channels[] }> = {
  light: {
    negative: [
      [146, 180, 216],
      [33, 94, 168],
    ],
    zero: [243, 244, 247],
    positive: [
      [226, 146, 158],
      [178, 24, 43],
    ],
  },
  dark: {
    negative: [
      [36, 88, 150],
      [104, 170, 250],
    ],
    zero: [35, 40, 48],
    positive: [
      [140, 40, 56],
      [250, 112, 122],
    ],
  },
};
const LEVELS = 64; // colours on either side of zero

const ramps = new Map<Theme, { css: string[]; bytes: Channels[] }>();

function rampOf(theme: Theme) {
  const known = ramps.get(theme);
  if (known) return known;
  const { negative, zero, positive } = ENDS[theme];
  const bytes = Array.from({ length: 2 * LEVELS + 1 }, (_, at): Channels => {
    const distance = Math.abs(at - LEVELS) / LEVELS;
    const [middle, end] = (at < LEVELS ? negative : positive) as [Channels, Channels];
    return distance < 0.5 ? between(zero, middle, 2 * distance) : between(middle, end, 2 * distance - 1);
  });
  const made = { bytes, css: bytes.map((channels) => `rgb(${channels.join(" ")})`) };
  ramps.set(theme, made);
  return made;
}

const between = (one: Channels, other: Channels, part: number) =>
  one.map((value, at) => Math.round(value + ((other[at] as number) - value) * part)) as Channels;

/** Place on the ramp of a number on a scale that ends at ±limit. */
function levelOf(value: number, limit: number): number {
  return LEVELS + Math.round(LEVELS * Math.max(-1, Math.min(1, value / limit)));
}

/** The scale as a CSS gradient, for its legend. */
export function scaleGradient(theme: Theme): string {
  const { css } = rampOf(theme);
  const stops = [0, LEVELS / 2, LEVELS, 1.5 * LEVELS, 2 * LEVELS].map((at) => css[at]);
  return `linear-gradient(90deg, ${stops.join(", ")})`;
}

/** A number's colour on the scale, and black or white, whichever is read on it. */
export function rampColour(value: number, limit: number, theme: Theme): { ground: string; ink: string } {
  const { css, bytes } = rampOf(theme);
  const at = levelOf(value, limit || 1);
  return { ground: css[at] as string, ink: inkOn(hex(bytes[at] as Channels)) };
}

const ROOMY = 4; // px of a cell from which a gap is left to the next

/** A vector as a row of coloured cells. */
export function drawStrip(
  context: CanvasRenderingContext2D,
  values: Float32Array,
  { left, top, width, height }: Box,
  limit: number,
  theme: Theme,
): void {
  const { css, bytes } = rampOf(theme);
  const cell = width / values.length;
  if (cell < ROOMY) {
    drawDense(context, values, { left, top, width, height }, limit, bytes);
    return;
  }
  values.forEach((value, at) => {
    const from = left + at * cell;
    if (Number.isFinite(value)) {
      context.fillStyle = css[levelOf(value, limit)] as string;
      context.fillRect(from, top, cell - 1, height);
    } else {
      drawNone(context, { left: from, top, width: cell - 1, height }, theme);
    }
  });
}

let scratch: OffscreenCanvas | null = null;

/** Cells of a few pixels or less: stretched from one pixel each, which blends neighbours where they share one. */
function drawDense(
  context: CanvasRenderingContext2D,
  values: Float32Array,
  { left, top, width, height }: Box,
  limit: number,
  bytes: Channels[],
): void {
  scratch ??= new OffscreenCanvas(1, 1);
  scratch.width = values.length; // empties it
  const small = scratch.getContext("2d") as OffscreenCanvasRenderingContext2D;
  const image = small.createImageData(values.length, 1);
  values.forEach((value, at) => {
    if (Number.isFinite(value)) image.data.set([...(bytes[levelOf(value, limit)] as Channels), 255], 4 * at);
    else image.data.set([128, 128, 128, 90], 4 * at);
  });
  small.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = width * (globalThis.devicePixelRatio || 1) < 2 * values.length;
  context.drawImage(scratch, 0, 0, values.length, 1, left, top, width, height);
}

function drawNone(context: CanvasRenderingContext2D, { left, top, width, height }: Box, theme: Theme): void {
  context.strokeStyle = theme === "light" ? "#8a93a3" : "#7d8696";
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(left, top + height);
  context.lineTo(left + width, top);
  context.moveTo(left, top);
  context.lineTo(left + width, top + height);
  context.stroke();
}

/** Numbers as bars up and down from a line in the middle. */
export function drawBars(
  context: CanvasRenderingContext2D,
  values: Float32Array,
  { left, top, width, height }: Box,
  limit: number,
  theme: Theme,
): void {
  const middle = top + height / 2;
  const step = width / values.length;
  const gap = step >= ROOMY ? 1 : 0;
  context.fillStyle = theme === "light" ? "#dfe3e9" : "#343b46";
  context.fillRect(left, middle - 0.5, width, 1);
  for (const sign of [1, -1]) {
    context.fillStyle = sign > 0 ? SIGNS[theme].positive : SIGNS[theme].negative;
    values.forEach((value, at) => {
      if (!(value * sign > 0)) return;
      const high = Math.max(0.75, (Math.min(1, Math.abs(value) / limit) * height) / 2);
      context.fillRect(left + at * step, sign > 0 ? middle - high : middle, Math.max(0.5, step - gap), high);
    });
  }
  values.forEach((value, at) => {
    if (Number.isNaN(value))
      drawNone(context, { left: left + at * step, top: middle - 3, width: step, height: 6 }, theme);
  });
}

/** Where a running total stands in a chart, in px from its top. */
export function totalScale(values: Float32Array, { top, height }: Box): (total: number) => number {
  const totals = runningTotals(values);
  const [low, high] = [Math.min(...totals), Math.max(...totals)];
  const room = high - low || 1;
  return (total) => top + ((high - total) / room) * height;
}

/** Each number as a bar that starts where the sum of those before it ended; the last ends at the sum of all. */
export function drawRunning(context: CanvasRenderingContext2D, values: Float32Array, box: Box, theme: Theme): void {
  const { left, width } = box;
  const totals = runningTotals(values);
  const y = totalScale(values, box);
  const step = width / values.length;
  const gap = step >= ROOMY ? 1 : 0;
  const zero = Math.round(y(0)) + 0.5;
  context.lineWidth = 1;
  context.strokeStyle = theme === "light" ? "#c9cfd8" : "#454d59";
  context.beginPath();
  context.moveTo(left, zero);
  context.lineTo(left + width, zero);
  context.stroke();
  values.forEach((value, at) => {
    const [from, to] = [y(totals[at] as number), y(totals[at + 1] as number)];
    context.fillStyle = value < 0 ? SIGNS[theme].negative : SIGNS[theme].positive;
    context.fillRect(left + at * step, Math.min(from, to), Math.max(0.5, step - gap), Math.max(1, Math.abs(to - from)));
  });
}
