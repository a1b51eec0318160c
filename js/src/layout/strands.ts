// Where the lines of a few heads run side by side. Pure: drawing and the pointer go by the same curves.

/** So many heads have a line each; of more, those of a pair are one. */
export const STRANDS = 4;

export interface Strands {
  count: number;
  /** px from the middle of one to the middle of the next. */
  pitch: number;
  /** px, of the strongest line. */
  widest: number;
}

const WIDEST = 6;
const BETWEEN = 1; // px free between two of the strongest lines
const FILLED = 0.85; // of a row at most: bundles of two rows stay apart

/** As far apart as the rows allow. */
export function strandsOf(heads: number, row: number): Strands {
  const count = heads > STRANDS ? 1 : Math.max(1, heads);
  const pitch = Math.min(WIDEST + BETWEEN, (FILLED * row) / count);
  return { count, pitch, widest: Math.min(WIDEST, pitch - (count > 1 ? BETWEEN : 0)) };
}

/** px down from the middle of a row, of a head's line. */
export const asideOf = ({ count, pitch }: Strands, head: number): number =>
  count > 1 ? (head - (count - 1) / 2) * pitch : 0;

/**
 * px to the right, of both handles of a line. Lines that were only moved up or down would run into one another where they
 * are steep: this keeps their distance there.
 *
 * @param aside px down, of the line
 * @param width px from its left end to its right
 * @param drop px down from its left end to its right
 */
export function bendOf(aside: number, width: number, drop: number): number {
  const steepest = Math.atan2(2 * drop, width); // halfway: there y′ = 1.5 and x′ = 0.75, as parts of drop and width
  return (-aside * Math.tan(steepest / 2)) / 0.75;
}
