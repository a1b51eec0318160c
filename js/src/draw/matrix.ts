// A matrix on a canvas: its cells, what stands along its sides, what is pointed at and pinned.

import type { Theme } from "../host";
import { type Cells, TILE } from "../layout/cells";
import { type Geometry, STRIP, ticksOf, xOf, yOf } from "../layout/matrix";
import type { Span } from "../layout/tile";
import type { Side } from "../layout/units";
import { prepare } from "./canvas";
import { GROUND, hatch, heatOf, type Ink, NOTHING } from "./heat";

/** Colours and letters as the page has them. */
export interface Look {
  theme: Theme;
  text: string;
  quiet: string;
  accent: string;
  font: string;
}

const ROOMY = 9; // px of a cell from which there are lines between cells

/** Draw the cells: coarser tiles first, finer ones over them. */
export function drawCells(
  canvas: HTMLCanvasElement,
  at: Geometry,
  size: [width: number, height: number],
  tiles: readonly Cells[],
  ink: Ink,
  look: Look,
): void {
  const context = prepare(canvas, ...size);
  const density = globalThis.devicePixelRatio || 1;
  const snap = (px: number) => Math.round(px * density) / density;
  context.save();
  context.beginPath();
  context.rect(
    snap(at.left),
    snap(at.top),
    snap(at.left + at.width) - snap(at.left),
    snap(at.top + at.height) - snap(at.top),
  );
  context.clip();
  context.fillStyle = NOTHING[look.theme];
  context.fillRect(at.left, at.top, at.width, at.height);
  const hidden = hatch(context, look.theme);
  context.imageSmoothingEnabled = false; // no cell is blended away
  for (const cells of tiles) {
    const unit = 2 ** cells.level;
    const [x, y] = [snap(xOf(at, cells.column * TILE * unit)), snap(yOf(at, cells.row * TILE * unit))];
    const right = snap(xOf(at, (cells.column * TILE + cells.columns) * unit));
    const bottom = snap(yOf(at, (cells.row * TILE + cells.rows) * unit));
    if (right <= at.left || bottom <= at.top || x >= at.left + at.width || y >= at.top + at.height) continue;
    context.fillStyle = hidden;
    context.fillRect(x, y, right - x, bottom - y);
    context.drawImage(heatOf(cells, ink), x, y, right - x, bottom - y);
  }
  const step = at.zoom * 2 ** (tiles.at(-1)?.level ?? 0);
  if (step >= ROOMY) drawGaps(context, at, step, look.theme);
  context.restore();
}

function drawGaps(context: CanvasRenderingContext2D, at: Geometry, step: number, theme: Theme): void {
  context.fillStyle = GROUND[theme];
  const from = (px: number, first: number) => px - ((first * at.zoom) % step);
  for (let x = from(at.left, at.key); x <= at.left + at.width; x += step) {
    context.fillRect(Math.round(x) - 0.5, at.top, 1, at.height);
  }
  for (let y = from(at.top, at.query); y <= at.top + at.height; y += step) {
    context.fillRect(at.left, Math.round(y) - 0.5, at.width, 1);
  }
}

export interface Strip {
  label: string;
  /** A number a column of cells, from the first in sight; what is not finite has no bar. */
  values: ArrayLike<number>;
  /** Its largest, as it is read. */
  most: string;
  colour: string;
  /** Of numbers below 0. */
  below: string;
}

export interface Sides {
  sight: Record<Side, Span>;
  /** Of a unit of a side. */
  label(side: Side, unit: number): string;
  /** Whether the model wrote it. */
  isWritten(side: Side, unit: number): boolean;
  /** Units to be told from the others. */
  strong: Record<Side, ReadonlySet<number>>;
  /** Units of a cell. */
  cell: number;
  strips: readonly [Strip | null, Strip | null];
  signed: boolean;
}

/** Draw what stands around the cells: labels, positions, the strips below. */
export function drawSides(context: CanvasRenderingContext2D, at: Geometry, sides: Sides, look: Look): void {
  const { sight, label, strong } = sides;
  const font = (px: number, style = "") => `${style}${px}px ${look.font}`;
  const { left, top, width, height, zoom } = at;
  const half = zoom / 2;
  context.textBaseline = "middle";
  if (at.labelled) {
    const write = (side: Side, unit: number, x: number, y: number, room: number) => {
      const isStrong = strong[side].has(unit);
      context.font = font(12, `${sides.isWritten(side, unit) ? "italic " : ""}${isStrong ? "600 " : ""}`);
      context.fillStyle = look.text;
      context.fillText(shorten(context, label(side, unit), room, isStrong), x, y);
    };
    context.textAlign = "right";
    for (let unit = sight.query[0]; unit < sight.query[1]; unit++) {
      const y = yOf(at, unit) + half;
      if (y >= top && y <= top + height) write("query", unit, left - 6, y, left - 16);
    }
    context.textAlign = "left";
    for (let unit = sight.key[0]; unit < sight.key[1]; unit++) {
      const x = xOf(at, unit) + half;
      if (x < left || x > left + width) continue;
      context.save();
      context.translate(x - 1, top - 6);
      context.rotate(-Math.PI / 4);
      write("key", unit, 0, 0, (top - 14) * Math.SQRT2);
      context.restore();
    }
  } else {
    context.font = font(11);
    context.fillStyle = look.quiet;
    context.textAlign = "right";
    context.fillText("keys →", left - 6, top - 9);
    context.fillText("queries ↓", left - 6, top + 7);
  }
  context.font = font(11);
  context.fillStyle = look.quiet;
  const round = (unit: number) => unit.toLocaleString("en");
  const wide = 12 + 7 * round(sight.key[1]).length;
  context.textAlign = "center";
  for (const unit of ticksOf(sight.key, zoom, wide)) {
    const x = xOf(at, unit) + half;
    if (x < left || x > left + width) continue;
    context.fillRect(Math.round(x), top + height + 1, 1, 3);
    context.fillText(round(unit), x, top + height + 11);
  }
  context.textAlign = "left";
  for (const unit of ticksOf(sight.query, zoom, 18)) {
    const y = yOf(at, unit) + half;
    if (y < top || y > top + height) continue;
    context.fillRect(left + width + 1, Math.round(y), 3, 1);
    context.fillText(round(unit), left + width + 7, y);
  }
  sides.strips.forEach((strip, nth) => {
    if (strip) drawStrip(context, at, sides, strip, at.strips[nth as 0 | 1], look);
  });
}

function drawStrip(
  context: CanvasRenderingContext2D,
  at: Geometry,
  { cell, sight, signed }: Sides,
  { label, values, most, colour, below }: Strip,
  top: number,
  look: Look,
): void {
  let limit = 0;
  for (let nth = 0; nth < values.length; nth++) {
    const size = Math.abs(values[nth] as number);
    if (Number.isFinite(size) && size > limit) limit = size;
  }
  const zero = signed ? top + STRIP / 2 : top + STRIP;
  const high = signed ? STRIP / 2 : STRIP;
  context.save();
  context.beginPath();
  context.rect(at.left, top, at.width, STRIP + 1);
  context.clip();
  context.fillStyle = look.quiet;
  context.globalAlpha = 0.4;
  context.fillRect(at.left, zero, at.width, 1);
  context.globalAlpha = 1;
  const step = at.zoom * cell;
  const from = xOf(at, Math.floor(sight.key[0] / cell) * cell);
  for (let nth = 0; nth < values.length && limit > 0; nth++) {
    const value = values[nth] as number;
    if (!Number.isFinite(value) || value === 0) continue;
    const tall = Math.max(0.75, (Math.abs(value) / limit) * high);
    const gap = step >= ROOMY ? 1 : 0;
    context.fillStyle = value > 0 ? colour : below;
    context.fillRect(from + nth * step + gap / 2, value > 0 ? zero - tall : zero, Math.max(1, step - gap), tall);
  }
  context.restore();
  context.font = `11px ${look.font}`;
  context.fillStyle = look.quiet;
  context.textAlign = "right";
  context.fillText(shorten(context, label, at.left - 12, false), at.left - 6, top + STRIP / 2);
  context.textAlign = "left";
  context.fillText(most, at.left + at.width + 7, top + STRIP / 2);
}

const SMALL = 7; // px

/** A rectangle of units. */
export interface Frame {
  queries: Span;
  keys: Span;
  kind: "band" | "pin" | "pair";
}

/** Outline rows, columns and pairs. */
export function drawFrames(
  context: CanvasRenderingContext2D,
  at: Geometry,
  frames: readonly Frame[],
  look: Look,
): void {
  context.save();
  context.beginPath();
  context.rect(at.left - 2, at.top - 2, at.width + 4, at.height + 4);
  context.clip();
  for (const { queries, keys, kind } of frames) {
    const [x, y] = [Math.max(at.left - 1, xOf(at, keys[0])), Math.max(at.top - 1, yOf(at, queries[0]))];
    const right = Math.min(at.left + at.width + 1, xOf(at, keys[1]));
    const bottom = Math.min(at.top + at.height + 1, yOf(at, queries[1]));
    if (right < x || bottom < y) continue;
    const isSmall = Math.min(right - x, bottom - y) < SMALL;
    context.strokeStyle = kind === "pair" ? look.text : look.accent;
    context.lineWidth = kind === "pair" || (kind === "pin" && !isSmall) ? 2 : 1;
    const least = kind === "band" ? 4 : SMALL; // px: around a cell of one pixel, which stays in sight
    const [wide, tall] = [Math.max(least, right - x), Math.max(least, bottom - y)];
    context.strokeRect(x - (wide - (right - x)) / 2, y - (tall - (bottom - y)) / 2, wide, tall);
  }
  context.restore();
}

const shortened = new Map<string, string>();

/** As much of a label as there is room for. */
function shorten(context: CanvasRenderingContext2D, text: string, room: number, bold: boolean): string {
  const name = `${room}|${bold}|${context.font}|${text}`;
  const known = shortened.get(name);
  if (known !== undefined) return known;
  const letters = [...text];
  let shown = text;
  while (letters.length > 1 && context.measureText(shown).width > room) {
    letters.pop();
    shown = `${letters.join("")}…`;
  }
  if (shortened.size > 5000) shortened.clear();
  shortened.set(name, shown);
  return shown;
}
