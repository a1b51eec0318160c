// The pieces of a word taken together, or several positions; as `merge_words` of maths/pool.py. Pure.

import { FORBIDDEN, isForbidden } from "../layout/tile";
import type { MeasureInfo } from "../wire/schema";

/** How the pieces attended to are taken together: a score's exponential is what counts in the softmax. */
export const overKeys = (measure: string): "sum" | "logsumexp" => (measure === "scores" ? "logsumexp" : "sum");

const DOMAINS: Record<string, MeasureInfo["domain"]> = { scores: "real", norms: "positive", contribution: "signed" };

/** What numbers of a measure there can be. */
export const domainOf = (measure: string): MeasureInfo["domain"] => DOMAINS[measure] ?? "share";

export interface Merged {
  /** Add a whole row of a piece that attends. */
  add(group: number, row: Float32Array): void;
  /** (groups of rows, groups of keys). */
  done(): Float32Array;
}

/**
 * Over the pieces attended to the sum, or the log-sum-exp; over those attending the mean. A piece that may attend to
 * nothing does not enter a mean.
 *
 * @param columns the group of each key; −1 for none
 */
export function merging(measure: string, rows: number, columns: ArrayLike<number>, groups: number): Merged {
  const total = new Float64Array(rows * groups);
  const counted = new Float64Array(rows * groups);
  const seen = new Uint8Array(rows * groups);
  const largest = new Float64Array(groups);
  const piece = new Float64Array(groups);
  const sees = new Uint8Array(groups);
  const isSum = overKeys(measure) === "sum";
  return {
    add(group, row) {
      piece.fill(0);
      sees.fill(0);
      largest.fill(FORBIDDEN);
      let attends = false;
      for (let key = 0; key < row.length; key++) {
        const value = row[key] as number;
        if (isForbidden(value)) continue;
        attends = true;
        const column = columns[key] as number;
        if (column < 0) continue;
        sees[column] = 1;
        if (isSum) piece[column]! += value;
        else largest[column] = Math.max(largest[column] as number, value);
      }
      for (let key = 0; !isSum && key < row.length; key++) {
        const column = columns[key] as number;
        if (column >= 0 && !isForbidden(row[key] as number))
          piece[column]! += Math.exp((row[key] as number) - (largest[column] as number));
      }
      for (let column = 0; column < groups; column++) {
        const at = group * groups + column;
        if (isSum ? attends : sees[column]) counted[at]! += 1;
        if (!sees[column]) continue;
        seen[at] = 1;
        total[at]! += isSum
          ? (piece[column] as number)
          : (largest[column] as number) + Math.log(piece[column] as number);
      }
    },
    done: () =>
      Float32Array.from(total, (sum, at) => (seen[at] ? sum / Math.max(1, counted[at] as number) : FORBIDDEN)),
  };
}
