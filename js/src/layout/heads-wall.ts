// Where every head's picture stands: on a map of layers and heads, or one after the other in an order. Pure.

import type { Head } from "../wire/schema";
import { LABEL } from "./head-grid";

export interface Placed {
  head: Head;
  /** Of the picture's upper left corner, in px. */
  x: number;
  y: number;
}

export interface Heading {
  text: string;
  /** Of a category; null for any other. */
  category: number | null;
  count: number;
  y: number;
}

export interface Wall {
  /** Side of a picture, in px. */
  cell: number;
  /** Height of what is written under each. */
  under: number;
  width: number;
  height: number;
  placed: Placed[];
  headings: Heading[];
}

export interface Group {
  text: string;
  category: number | null;
  heads: Head[];
}

const NUMBERS = 16; // px for the heads' numbers above a map
const LARGEST = 88;
const LEGIBLE = 12; // a picture that has the width for it is not made smaller than that to save height
const SMALLEST = 6;
const NAMED = 40; // px of a picture as wide as its name
const UNDER = 26; // a name and a number
const HEADING = 26;

const gapOf = (cell: number): number => (cell >= 44 ? 4 : cell >= 20 ? 2 : 1);

/** A map: layers down, heads across, as large as the width allows and the height, where that is possible. */
export function mapOf(layers: number, heads: number, width: number, limit: number): Wall {
  const fits = (room: number, count: number) => {
    const cell = Math.floor(room / count);
    return cell - gapOf(cell);
  };
  const wide = fits(width - LABEL, heads);
  const high = fits(limit - NUMBERS, layers);
  const cell = Math.max(SMALLEST, Math.min(LARGEST, wide, Math.max(high, LEGIBLE)));
  const step = cell + gapOf(cell);
  const placed: Placed[] = [];
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < heads; head++) {
      placed.push({ head: [layer, head], x: LABEL + head * step, y: NUMBERS + layer * step });
    }
  }
  const [across, down] = [LABEL + heads * step, NUMBERS + layers * step];
  return { cell, under: 0, width: across, height: down, placed, headings: [] };
}

/** One head after the other, in groups that each have a heading, or in one that has none. */
export function rowsOf(groups: Group[], width: number, size: number): Wall {
  const cell = Math.max(NAMED, Math.min(64, size));
  const gap = gapOf(cell);
  const columns = Math.max(1, Math.floor((width + gap) / (cell + gap)));
  const placed: Placed[] = [];
  const headings: Heading[] = [];
  let y = 0;
  for (const { text, category, heads } of groups) {
    if (text) {
      headings.push({ text, category, count: heads.length, y });
      y += HEADING;
    }
    heads.forEach((head, at) => {
      const row = Math.floor(at / columns);
      placed.push({ head, x: (at % columns) * (cell + gap), y: y + row * (cell + UNDER + gap) });
    });
    y += Math.ceil(heads.length / columns) * (cell + UNDER + gap) + (text ? 6 : 0);
  }
  return { cell, under: UNDER, width: columns * (cell + gap) - gap, height: y, placed, headings };
}

/** Heads at their places in a plane, as large as it fits; `places` has nothing for a head without one. */
export function planeOf(heads: Head[], places: number[][], width: number, limit: number): Wall {
  const known = heads.map((head, at) => ({ head, at: places[at] ?? [] })).filter(({ at }) => at.length > 0);
  const cell = Math.max(12, Math.min(32, Math.round(0.5 * Math.sqrt((width * limit) / (known.length + 1)))));
  const [across, down] = [0, 1].map((axis) => {
    const all = known.map(({ at }) => at[axis] as number);
    return { least: Math.min(...all), range: Math.max(...all) - Math.min(...all) };
  }) as [Axis, Axis];
  const scale = Math.min((width - cell) / (across.range || 1), (limit - cell) / (down.range || 1));
  const placed: Placed[] = [];
  const step = Math.ceil(cell * 0.4);
  for (const { head, at } of known) {
    let x = Math.round((at[0]! - across.least) * scale + (width - cell - across.range * scale) / 2);
    let y = Math.round((at[1]! - down.least) * scale);
    const aside = x > width / 2 ? -step : step;
    // One that would hide another moves aside until a corner of either is seen.
    while (placed.some((one) => Math.abs(one.x - x) < step && Math.abs(one.y - y) < step))
      [x, y] = [x + aside, y + step];
    placed.push({ head, x, y });
  }
  const height = Math.max(0, ...placed.map(({ y }) => y)) + cell;
  return { cell, under: 0, width, height, placed, headings: [] };
}
interface Axis {
  least: number;
  range: number;
}

/** Where an arrow key leads: to the next in a row, or to the nearest in the next row; −1 for nowhere. */
export function neighbourOf(placed: Placed[], at: number, key: string, isThere = (_: number) => true): number {
  const from = placed[at];
  if (!from) return -1;
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (step) {
    for (let to = at + step; to >= 0 && to < placed.length; to += step) if (isThere(to)) return to;
    return -1;
  }
  const down = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (!down) return -1;
  let best = -1;
  let [nearest, closest] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  placed.forEach(({ x, y }, to) => {
    const far = (y - from.y) * down;
    if (far <= 0 || far > nearest || !isThere(to)) return;
    const aside = Math.abs(x - from.x);
    if (far < nearest || aside < closest) [best, nearest, closest] = [to, far, aside];
  });
  return best;
}

/** How many cells a side are worth asking for, of pictures so large; in steps, so that a little resizing asks for none. */
export const cellsFor = (cell: number, density: number): number =>
  Math.min(64, Math.max(32, Math.ceil((cell * Math.min(density, 2)) / 16) * 16));
