// The grid of all heads' small pictures. Pure.

export const LABEL = 26; // px for the layer's number
const FEW = 8;
const SOME = 16;

/** The grid's cells: as large as the number of heads allows, never too small to hit. */
export function gridOf(heads: number): { cell: number; gap: number; width: number } {
  const [cell, gap] = heads <= FEW ? [22, 2] : heads <= SOME ? [15, 2] : [10, 1];
  return { cell, gap, width: LABEL + heads * (cell + gap) };
}
