// Where a matrix and what belongs to it stand on a canvas, and how one moves in it. Pure: numbers in, numbers out.

import type { Span } from "./tile";
import type { Side } from "./units";

/** What is in sight: px a unit, and the unit at the upper left corner. */
export interface Sight {
  zoom: number;
  query: number;
  key: number;
}

export interface Stage {
  width: number;
  height: number;
  /** Units of either side. */
  queries: number;
  keys: number;
}

export interface Geometry extends Sight {
  /** The matrix, in px. */
  left: number;
  top: number;
  width: number;
  height: number;
  /** Whether every unit has its label; else there are positions alone. */
  labelled: boolean;
  /** Whether all of it is in sight. */
  isWhole: boolean;
  /** Tops of the two strips below it. */
  strips: readonly [number, number];
}

export const LABELS = 120; // px on the left of a matrix
const SLANTED = 66; // above it, for labels
const PLAIN = 26; // for what the axis is
const RIGHT = 58; // where slanted labels end, and positions and the strips' numbers stand
const POSITIONS = 18;
export const STRIP = 26;
const BETWEEN = 6;
const BELOW = POSITIONS + 2 * (STRIP + BETWEEN);
const READABLE = 13; // px from one label to the next
export const CELL_MAX = 40;
const FIT_MAX = 36; // px of a cell of a short text

const STAGE_LEAST = 340;
const STAGE_MIN = 380;
const STAGE_MAX = 720;
const AROUND = 302; // px of the window for what stands above and below

/**
 * The stage's height follows from the window, so that what belongs to the picture is in sight with it; and a narrow one is
 * not higher than a square matrix needs.
 */
export function stageOf(windowHeight: number, width: number): number {
  const most = Math.max(STAGE_MIN, Math.min(STAGE_MAX, windowHeight - AROUND));
  return Math.min(most, Math.max(STAGE_LEAST, width - LABELS - RIGHT + SLANTED + BELOW));
}

function room({ width, height }: Stage, labelled: boolean): { width: number; height: number } {
  return {
    width: Math.max(40, width - LABELS - RIGHT),
    height: Math.max(40, height - (labelled ? SLANTED : PLAIN) - BELOW),
  };
}

function zoomToFit(stage: Stage): number {
  const fits = (labelled: boolean) => {
    const { width, height } = room(stage, labelled);
    return Math.min(FIT_MAX, width / Math.max(1, stage.keys), height / Math.max(1, stage.queries));
  };
  const zoom = fits(true);
  return zoom >= READABLE ? zoom : Math.min(READABLE - 1e-6, fits(false));
}

/** Place everything. Without a sight all is in sight. */
export function geometryOf(stage: Stage, sight: Sight | null): Geometry {
  const least = zoomToFit(stage);
  const zoom = Math.min(CELL_MAX, Math.max(least, sight?.zoom ?? least));
  const labelled = zoom >= READABLE;
  const most = room(stage, labelled);
  const width = Math.min(most.width, stage.keys * zoom);
  const height = Math.min(most.height, stage.queries * zoom);
  const within = (at: number, count: number, px: number) => Math.max(0, Math.min(at, count - px / zoom));
  const top = labelled ? SLANTED : PLAIN;
  const left = LABELS + Math.floor((most.width - width) / 2);
  const below = top + height + POSITIONS;
  return {
    zoom,
    query: within(sight?.query ?? 0, stage.queries, height),
    key: within(sight?.key ?? 0, stage.keys, width),
    left,
    top,
    width,
    height,
    labelled,
    isWhole: zoom <= least * (1 + 1e-9),
    strips: [below, below + STRIP + BETWEEN],
  };
}

/** The units in sight, those cut by the edge among them. */
export function inSightOf(at: Geometry, { queries, keys }: Stage): Record<Side, Span> {
  const span = (first: number, px: number, count: number): Span => [
    Math.floor(first + 1e-6),
    Math.min(count, Math.ceil(first + px / at.zoom - 1e-6)),
  ];
  return { query: span(at.query, at.height, queries), key: span(at.key, at.width, keys) };
}

/** The pair at a point of the canvas; null outside the matrix. */
export function pairAt(at: Geometry, x: number, y: number): { query: number; key: number } | null {
  if (x < at.left || y < at.top || x >= at.left + at.width || y >= at.top + at.height) return null;
  return { query: Math.floor(at.query + (y - at.top) / at.zoom), key: Math.floor(at.key + (x - at.left) / at.zoom) };
}

export const xOf = (at: Geometry, key: number): number => at.left + (key - at.key) * at.zoom;
export const yOf = (at: Geometry, query: number): number => at.top + (query - at.query) * at.zoom;

/** Zoom so that what is at a point stays there. */
export function zoomAt(stage: Stage, at: Geometry, factor: number, x: number, y: number): Sight | null {
  const query = at.query + (y - at.top) / at.zoom;
  const key = at.key + (x - at.left) / at.zoom;
  const next = geometryOf(stage, { ...at, zoom: at.zoom * factor });
  if (next.isWhole) return null;
  const sight = { zoom: next.zoom, query: query - (y - next.top) / next.zoom, key: key - (x - next.left) / next.zoom };
  return sightOf(geometryOf(stage, sight));
}

/** Move by some px. */
export function panBy(stage: Stage, at: Geometry, dx: number, dy: number): Sight | null {
  if (at.isWhole) return null;
  return sightOf(geometryOf(stage, { zoom: at.zoom, query: at.query - dy / at.zoom, key: at.key - dx / at.zoom }));
}

/** Bring a unit of a side, or of both, into sight: as little as that takes, with a margin, or to the middle. */
export function bring(
  stage: Stage,
  at: Geometry,
  units: { query?: number; key?: number },
  toMiddle = false,
): Sight | null {
  if (at.isWhole) return null;
  const reach = (first: number, px: number, unit: number | undefined) => {
    const shown = px / at.zoom;
    if (unit === undefined) return first;
    const margin = Math.min(1, shown / 4);
    const isIn = unit >= first + margin && unit + 1 <= first + shown - margin;
    if (toMiddle) return isIn ? first : unit + 0.5 - shown / 2;
    return Math.max(Math.min(first, unit - margin), unit + 1 + margin - shown);
  };
  const query = reach(at.query, at.height, units.query);
  const key = reach(at.key, at.width, units.key);
  return sightOf(geometryOf(stage, { zoom: at.zoom, query, key }));
}

const sightOf = ({ zoom, query, key }: Geometry): Sight => ({ zoom, query, key });

/** Positions to be named along an axis: round ones, so far apart as they need. */
export function ticksOf([start, stop]: Span, zoom: number, apart: number): number[] {
  const found: number[] = [];
  const by = stepFor(apart / zoom);
  for (let at = Math.ceil(start / by) * by; at < stop; at += by) found.push(at);
  return found;
}

/** 1, 2, 5, 10, 20 … */
function stepFor(least: number): number {
  let power = 1;
  for (;;) {
    for (const one of [1, 2, 5]) if (one * power >= least) return one * power;
    power *= 10;
  }
}
