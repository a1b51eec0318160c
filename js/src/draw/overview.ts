// A whole text from top to bottom: a bar for each row of pixels, and lines for what is pinned.

import { prepare } from "./canvas";
import type { Signs } from "./colours";

export interface Overview {
  width: number;
  height: number;
  /** The largest number in each row, and how strongly it is shaded, 0 to 1. */
  maxima: Float32Array;
  strengthOf(value: number): number;
  colour: string;
  /** Of numbers with either sign. */
  signs: Signs | null;
  /** Heights from 0 to 1: of queries and keys that are pinned, and of places that were found. */
  lines: readonly { at: number; colour: string }[];
  ticks: readonly { at: number; colour: string }[];
}

const TICK = 7; // px

export function drawOverview(canvas: HTMLCanvasElement, overview: Overview): void {
  const { width, height, maxima, strengthOf, colour, signs, lines, ticks } = overview;
  const context = prepare(canvas, width, height);
  const bars = Array.from(maxima, (value, at) => ({ at, value, strength: strengthOf(value) }));
  bars.sort((a, b) => a.strength - b.strength); // the strong ones over their neighbours
  const rows = height / Math.max(1, maxima.length);
  for (const { at, value, strength } of bars) {
    if (strength < 0.02) continue;
    context.fillStyle = signs ? (value < 0 ? signs.negative : signs.positive) : colour;
    context.globalAlpha = 0.35 + 0.65 * strength;
    context.fillRect(0, at * rows, Math.max(1, strength * (width - TICK - 3)), strength > 0.3 ? 2 : 1);
  }
  context.globalAlpha = 1;
  for (const line of lines) {
    context.fillStyle = line.colour;
    context.fillRect(0, Math.min(height - 2, line.at * height - 1), width, 2);
  }
  for (const tick of ticks) {
    context.fillStyle = tick.colour;
    context.fillRect(width - TICK, Math.min(height - 2, tick.at * height - 1), TICK, 2);
  }
}
