// Where the lines view puts its tokens and lines. Pure: numbers in, numbers out.

export interface StageWidths {
  /** Width of a token's label. */
  label: number;
  /** Left and right end of the lines, from the stage's left edge. */
  left: number;
  right: number;
}

export const NUMBER_WIDTH = 48; // room for ".65" beside a label
const EDGE = 12;
const GAP = 8; // between a label and its lines
const LINES_MIN = 96; // or a fifth of a narrow stage: labels need the room more
const LINES_MAX = 380;
const LABEL_MAX = 200;

/** Share the stage's width between two columns of labels and the lines between them, centred. */
export function stageWidths(width: number, widestLabel: number): StageWidths {
  const sides = 2 * (NUMBER_WIDTH + EDGE + GAP);
  const least = Math.min(LINES_MIN, width / 5);
  const label = Math.max(40, Math.min(LABEL_MAX, Math.ceil(widestLabel), (width - sides - least) / 2));
  const lines = Math.min(LINES_MAX, Math.max(least, width - sides - 2 * label));
  const left = (width - lines) / 2;
  return { label, left, right: left + lines };
}

const ROW_MAX = 26;
const ROW_MIN = 18;
const STAGE_MIN = 352;
export const STAGE_MAX = 640;
const AROUND = 348; // px of the window for what stands above and below the stage

/** The most that the stage may take of a window, so that what belongs to the picture is in sight with it. */
export const stageLimit = (windowHeight: number): number =>
  Math.max(STAGE_MIN, Math.min(STAGE_MAX, windowHeight - AROUND));

/** Few tokens get air; many are set closer, and beyond the stage's height they scroll. */
export function rowHeight(count: number, limit = STAGE_MAX): number {
  return Math.max(ROW_MIN, Math.min(ROW_MAX, Math.floor(limit / Math.max(count, 1))));
}

export const stageHeight = (count: number, limit = STAGE_MAX): number =>
  Math.min(limit, Math.max(count, 1) * rowHeight(count, limit));

export const WHOLE = 512; // up to so many rows all weights are at hand; beyond, those around the visible rows
const BLOCK = 64;

/** The rows in sight, rounded outwards to blocks, so that a little scrolling asks for nothing. */
export function visibleRows(scrollTop: number, height: number, row: number, count: number): readonly [number, number] {
  if (count <= WHOLE) return [0, count];
  const start = Math.floor(scrollTop / row / BLOCK) * BLOCK;
  const stop = Math.ceil((scrollTop + height) / row / BLOCK) * BLOCK;
  return [Math.max(0, start), Math.min(count, stop)];
}
