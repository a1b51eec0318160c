// A side of a long text, folded to what matters: pieces of it in the text's order, and gaps between them. Pure.

import type { Span } from "./tile";

/** Rows of one side of the stage: of all units, or of some, with a row for each gap. */
export interface Fold {
  /** Units that there are. */
  count: number;
  /** Rows, those of gaps among them. */
  rows: number;
  pieces: readonly Piece[];
}

interface Piece {
  /** Its units. */
  start: number;
  stop: number;
  /** Of its first unit. */
  row: number;
}

/** What stands in a row. */
export type Item = { unit: number } | { gap: Span };

/** All units, a row each. */
export const unfolded = (count: number): Fold => ({ count, rows: count, pieces: [{ start: 0, stop: count, row: 0 }] });

export const isFolded = ({ count, pieces }: Fold): boolean => pieces[0]?.start !== 0 || pieces[0].stop !== count;

/** A gap takes a row: what is no longer than that is shown. */
const SHOWN = 1;

/**
 * Fold a side to some units, each with its neighbours.
 *
 * @param wanted units, in any order
 * @param radius so many neighbours on either side
 * @param opened spans that were opened beside them: each counts as long as it touches what is shown
 */
export function foldTo(wanted: Iterable<number>, count: number, radius: number, opened: readonly Span[] = []): Fold {
  const around = [...new Set(wanted)].map((unit): Span => [unit - radius, unit + radius + 1]);
  let spans = merged(around, count);
  if (opened.length > 0) {
    const beside = merged([...spans, ...opened], count); // with those that touch nothing
    spans = beside.filter(([start, stop]) => spans.some((one) => one[0] >= start && one[1] <= stop));
  }
  const pieces: Piece[] = [];
  let row = 0;
  let before = 0;
  for (const [start, stop] of spans) {
    if (start > before) row += 1;
    pieces.push({ start, stop, row });
    row += stop - start;
    before = stop;
  }
  return { count, rows: row + (before < count ? 1 : 0), pieces };
}

/** In order, without overlaps; what would leave a gap too small to be one is joined. */
function merged(spans: readonly Span[], count: number): Span[] {
  const all: [number, number][] = [];
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    const start = from <= SHOWN ? 0 : from;
    const stop = to >= count - SHOWN ? count : to;
    const last = all.at(-1);
    if (last && start - last[1] <= SHOWN) last[1] = Math.max(last[1], stop);
    else all.push([start, stop]);
  }
  return all;
}

/** Radii that are tried, the widest first; then how many stages of rows each may fill. */
const TRIED: readonly (readonly [radius: number, stages: number])[] = [
  [2, 1],
  [1, 3],
];

/** With as much around each unit as there is room for. */
export function foldToFit(wanted: readonly number[], count: number, stage: number, opened: readonly Span[] = []): Fold {
  for (const [radius, stages] of TRIED) {
    const fold = foldTo(wanted, count, radius, opened);
    if (fold.rows <= stages * stage) return fold;
  }
  return foldTo(wanted, count, 0, opened);
}

/** The row of a unit; -1 where it is in a gap. */
export function rowOf({ pieces }: Fold, unit: number): number {
  const piece = pieces[lastFrom(pieces, "start", unit)];
  return piece && unit < piece.stop ? piece.row + unit - piece.start : -1;
}

/** The row of a unit, or of the gap that it is in. */
export function rowNear(fold: Fold, unit: number): number {
  const { pieces } = fold;
  const at = lastFrom(pieces, "start", unit);
  const piece = pieces[at];
  if (!piece) return 0;
  return Math.min(piece.row + Math.min(unit, piece.stop) - piece.start, fold.rows - 1);
}

/** What stands in a row that there is. */
export function itemAt({ pieces, count }: Fold, row: number): Item {
  const at = lastFrom(pieces, "row", row);
  const piece = pieces[at];
  if (!piece) return { gap: [0, pieces[0]?.start ?? count] };
  const unit = piece.start + row - piece.row;
  return unit < piece.stop ? { unit } : { gap: [piece.stop, pieces[at + 1]?.start ?? count] };
}

/** Units that are shown. */
export const shownIn = ({ pieces }: Fold): number => pieces.reduce((sum, { start, stop }) => sum + stop - start, 0);

/** The last piece that begins at or before a unit or a row; -1 where none does. */
function lastFrom(pieces: readonly Piece[], by: "start" | "row", at: number): number {
  let [low, high] = [0, pieces.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((pieces[middle] as Piece)[by] <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const OPENED = 6; // tokens

/** What a click on a gap shows: the next few after what is above it, or, above all, those before what is below. */
export const opening = ([start, stop]: Span): Span =>
  start === 0 ? [Math.max(0, stop - OPENED), stop] : [start, Math.min(stop, start + OPENED)];

/** How far a side is scrolled. */
export interface Scrolled {
  fold: Fold;
  /** px */
  top: number;
}

/**
 * How far to scroll another fold of the same side, so that what both have stays where it is: of those to keep the first
 * that is in sight, else the unit that is nearest to the middle of the stage.
 *
 * @param row px of a row
 * @param height px of the stage
 */
export function scrolledAlike(
  { fold, top }: Scrolled,
  to: Fold,
  row: number,
  height: number,
  keep: readonly number[] = [],
): number {
  const middle = (top + height / 2) / row;
  const isInSight = (at: number) => at * row >= top - row / 2 && (at + 1) * row <= top + height + row / 2;
  const kept = keep.find((unit) => isInSight(rowOf(fold, unit)) && rowOf(to, unit) >= 0);
  let [best, distance] = [-1, Number.POSITIVE_INFINITY];
  const last = Math.min(fold.rows, Math.ceil((top + height) / row));
  for (let at = Math.max(0, Math.floor(top / row)); at < last; at++) {
    const item = itemAt(fold, at);
    if (!("unit" in item) || Math.abs(at + 0.5 - middle) >= distance || rowOf(to, item.unit) < 0) continue;
    [best, distance] = [item.unit, Math.abs(at + 0.5 - middle)];
  }
  // Of none that both have: what is nearest in the text.
  const center = itemAt(fold, Math.max(0, Math.min(fold.rows - 1, Math.floor(middle))));
  const near = best >= 0 ? best : "unit" in center ? center.unit : center.gap[0];
  const unit = kept ?? near;
  const moved = (rowNear(to, unit) - rowNear(fold, unit)) * row;
  return within(top + moved, to, row, height);
}

/** What a scroller makes of it. */
export const within = (top: number, { rows }: Fold, row: number, height: number): number =>
  Math.max(0, Math.min(top, rows * row - height));
