// The lines of what is in sight of a long text. Pure.

import type { Edges } from "./edges";
import { type Scale, strengthOf } from "./scale";
import type { Row } from "./strongest";
import type { Span } from "./tile";
import type { Side } from "./units";

export type Rows = ReadonlyMap<number, Row>;

/** Those in sight and those pinned, in order. */
export function withPinned([start, stop]: Span, pinned: readonly number[]): number[] {
  const visible = Array.from({ length: Math.max(0, stop - start) }, (_, at) => start + at);
  return pinned.length > 0 ? [...new Set([...visible, ...pinned])].sort((a, b) => a - b) : visible;
}

/** Lines as they are found, weakest first. */
export interface FoundLines {
  /** The size of the largest. */
  largest: number;
  /** How many were too many. */
  more: number;
  edges(scale: Scale): Edges;
}

/** A line, by its row. */
export interface Line {
  row: number;
  unit: number;
  head: number;
  value: number;
}

/** @param besides lines that are drawn whether they are among a row's strongest or not */
export function linesOf(rows: Rows, side: Side, wanted: readonly number[], besides: readonly Line[] = []): FoundLines {
  const all: Line[] = besides.filter(({ row, unit, head }) => {
    const found = rows.get(row);
    return found && !found.units.some((one, at) => one === unit && found.heads[at] === head);
  });
  let more = 0;
  for (const row of wanted) {
    const found = rows.get(row);
    if (!found) continue;
    more += found.more;
    found.values.forEach((value, at) => {
      all.push({ row, unit: found.units[at]!, head: found.heads[at]!, value });
    });
  }
  all.sort((a, b) => Math.abs(a.value) - Math.abs(b.value));
  const [query, key] = side === "query" ? (["row", "unit"] as const) : (["unit", "row"] as const);
  return {
    largest: Math.abs(all.at(-1)?.value ?? 0),
    more,
    edges: (scale) => ({
      count: all.length,
      query: Int32Array.from(all, (one) => one[query]),
      key: Int32Array.from(all, (one) => one[key]),
      strength: Float32Array.from(all, ({ value }) => Math.min(1, strengthOf(scale, value))),
      negative: Uint8Array.from(all, ({ value }) => (value < 0 ? 1 : 0)),
      head: Uint16Array.from(all, ({ head }) => head),
      dropped: 0,
    }),
  };
}

/** How strongly lines end in each unit of the other side, all together. */
export function endsOf(rows: Rows, wanted: readonly number[]): Map<number, number> {
  const ends = new Map<number, number>();
  for (const row of wanted) {
    const { units = [], values = [] } = rows.get(row) ?? {};
    units.forEach((unit, at) => {
      ends.set(unit, (ends.get(unit) ?? 0) + Math.abs(values[at] ?? 0));
    });
  }
  return ends;
}

/** The part of all that some rows have that their lines are; null where it is not known, or there is nothing. */
export function shareOf(rows: Rows, wanted: readonly number[]): number | null {
  let [shown, total] = [0, 0];
  for (const row of wanted) {
    shown += rows.get(row)?.shown ?? 0;
    total += rows.get(row)?.total ?? 0;
  }
  return total > 0 ? Math.min(1, shown / total) : null;
}

/**
 * Where to scroll so that the most of some ends is in sight.
 *
 * @param ends by row, how strong
 * @param row px of a row
 * @param height px of the stage
 */
export function bestTop(
  ends: readonly (readonly [row: number, strength: number])[],
  row: number,
  height: number,
): number {
  const sorted = [...ends].sort((a, b) => a[0] - b[0]);
  const rows = Math.max(1, Math.floor(height / row));
  let [best, from, to, sum, stop] = [-1, 0, 0, 0, 0];
  sorted.forEach(([first, strength], at) => {
    while (stop < sorted.length && sorted[stop]![0] < first + rows) sum += sorted[stop++]![1];
    if (sum > best) [best, from, to] = [sum, first, sorted[stop - 1]![0]];
    sum -= strength;
    if (stop <= at) stop = at + 1;
  });
  return Math.max(0, ((from + to + 1) / 2) * row - height / 2);
}
