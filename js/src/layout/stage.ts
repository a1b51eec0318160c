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
export const LINES_MIN = 96; // or a fifth of a narrow stage: labels need the room more
export const LINES_MAX = 380;
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

/** As high as its rows; of those that scroll, as high as a whole number of them. */
export const stageHeight = (count: number, limit = STAGE_MAX): number => {
  const row = rowHeight(count, limit);
  return Math.min(Math.floor(limit / row), Math.max(count, 1)) * row;
};

export const WHOLE = 512; // up to so many rows all numbers are at hand; of a longer text only what is asked for

/** Whether all rows stand on the stage at once. */
export const fitsStage = (count: number, limit = STAGE_MAX): boolean => count * rowHeight(count, limit) <= limit;

/** How many lines of each row a stage of so many rows carries, before they are a cloud. */
export const linesCarried = (rows: number, heads: number): number =>
  heads > 1 ? 3 : Math.max(3, Math.min(8, Math.round(100 / Math.max(rows, 1))));
