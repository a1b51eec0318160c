// A text broken into lines, so that of any length only what is in sight is in the page. Pure.

import { splitPart } from "./parts";

/** The lines of a text, in rows of one height: a line takes one, and one more where an empty line follows it. */
export interface Passage {
  /** The first unit of each line; one more for the end. */
  starts: Int32Array;
  /** The row in which each line stands; one more for the end. */
  rows: Int32Array;
  /** Whether each is written from right to left. */
  rightToLeft: Uint8Array;
  /** Whether each begins where the writer began a line; else only because the line before is full. */
  begun: Uint8Array;
}

const CJK = /[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u30ff\uac00-\ud7af]/;
const STAYS = /[\s)\]}.,!?;:、。，．！？；：」』】）》〉”’%]/; // never first in a line
const STRONG =
  /[A-Za-z\u00c0-\u02b8\u0370-\u058f\u0591-\u08ff\u0900-\u1fff\u2c00-\u9fff\uac00-\ud7af\ufb1d-\ufdff\ufe70-\ufefc]/;
const RIGHT = /[\u0591-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** Whether a line may end between two parts. */
export function mayBreak(before: string, after: string): boolean {
  const [last, first] = [before.at(-1) ?? "", after[0] ?? ""];
  if (/\s/.test(first) || /\s/.test(last)) return after.trim() !== "";
  return (CJK.test(first) || CJK.test(last)) && !STAYS.test(first);
}

/**
 * Break a text into lines.
 *
 * @param parts the text as it was written, cut at its units
 * @param widths of the units as they are drawn, in px, each with the space before it
 * @param gaps of the units: the width of that space, which a line does not begin with
 */
export function breakLines(
  parts: readonly string[],
  widths: ArrayLike<number>,
  gaps: ArrayLike<number>,
  width: number,
): Passage {
  const starts: number[] = [0];
  const rows: number[] = [0];
  const rightToLeft: number[] = [];
  const begun: number[] = [1];
  let row = 0;
  let used = 0;
  let chance = -1; // the last unit before which this line may end
  let direction = directionOf(parts, 0);
  const end = (unit: number, breaks: number) => {
    rightToLeft.push(direction);
    row += breaks > 1 ? 2 : 1;
    begun.push(breaks > 0 ? 1 : 0);
    starts.push(unit);
    rows.push(row);
    chance = -1;
    used = 0;
  };
  const own = (unit: number, first: number) =>
    (widths[unit] ?? 0) - (unit === first && !begun.at(-1) ? (gaps[unit] ?? 0) : 0);
  for (let unit = 0; unit < parts.length; unit++) {
    const part = parts[unit] as string;
    const first = starts[starts.length - 1] as number;
    const [gap, rest] = splitPart(part);
    const before = breaksIn(gap);
    if (before > 0 && unit > first) {
      end(unit, before);
      direction = directionOf(parts, unit);
    } else if (unit > first) {
      if (mayBreak(parts[unit - 1] as string, part)) chance = unit;
      if (used + own(unit, first) > width && rest.trim() !== "") {
        const at = chance > first ? chance : unit;
        end(at, 0);
        for (let moved = at; moved < unit; moved++) used += own(moved, at);
      }
    }
    used += own(unit, starts[starts.length - 1] as number);
    const after = breaksIn(rest);
    if (after > 0 && unit + 1 < parts.length) {
      // Breaks that are tokens of their own follow each other: they are counted together.
      let [stop, breaks] = [unit + 1, after];
      for (; stop < parts.length - 1 && isBreak(parts[stop] as string); stop++)
        breaks += breaksIn(parts[stop] as string);
      end(stop, breaks + breaksIn(splitPart(parts[stop] ?? "")[0]));
      direction = directionOf(parts, stop);
      unit = stop - 1;
    }
  }
  if ((starts[starts.length - 1] as number) < parts.length) end(parts.length, 0);
  return {
    starts: Int32Array.from(starts),
    rows: Int32Array.from(rows),
    rightToLeft: Uint8Array.from(rightToLeft),
    begun: Uint8Array.from(begun),
  };
}

const breaksIn = (text: string): number => text.split(/\r\n|[\n\r\u2028\u2029\v\f]/).length - 1;

const isBreak = (part: string): boolean => part.trim() === "" && breaksIn(part) > 0;

/** What of the space before a line's first unit stands at the end of the line above, and what at the line's beginning. */
export function splitGap(gap: string, isBegun: boolean): readonly [above: string, own: string] {
  if (!isBegun) return [gap, ""];
  const at = Math.max(...["\n", "\r"].map((letter) => gap.lastIndexOf(letter))) + 1;
  return [gap.slice(0, at), gap.slice(at)];
}

/** 1 where the paragraph that begins here is written from right to left: its first letter tells. */
function directionOf(parts: readonly string[], unit: number): number {
  for (let at = unit; at < Math.min(parts.length, unit + 50); at++) {
    const part = parts[at] as string;
    const letter = STRONG.exec(part)?.[0];
    if (letter) return RIGHT.test(letter) ? 1 : 0;
    if (at > unit && breaksIn(part) > 0) break;
  }
  return 0;
}

/** The line that a unit stands in. */
export const lineOf = ({ starts }: Passage, unit: number): number => lastNotAbove(starts, unit, starts.length - 2);

/** The line that takes a row. */
export const lineAtRow = ({ rows }: Passage, row: number): number => lastNotAbove(rows, row, rows.length - 2);

function lastNotAbove(sorted: Int32Array, value: number, top: number): number {
  let [low, high] = [0, Math.max(0, top)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((sorted[middle] as number) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** How many rows there are. */
export const rowsIn = ({ rows }: Passage): number => rows[rows.length - 1] ?? 0;

/** Where each unit stands in the whole, from 0 to 1. */
export function heightsOf(passage: Passage, count: number): Float32Array {
  const heights = new Float32Array(count);
  const total = Math.max(1, rowsIn(passage));
  for (let line = 0; line + 1 < passage.starts.length; line++) {
    const [start, stop] = [passage.starts[line] as number, passage.starts[line + 1] as number];
    for (let unit = start; unit < stop; unit++) {
      heights[unit] = ((passage.rows[line] as number) + (unit - start + 0.5) / (stop - start)) / total;
    }
  }
  return heights;
}

/** The largest number in each of some rows of pixels, by size: no peak is lost. 0 where there is none. */
export function maximaOf(values: Float32Array, heights: Float32Array, pixels: number): Float32Array {
  const maxima = new Float32Array(pixels);
  for (let unit = 0; unit < values.length; unit++) {
    const value = values[unit] as number;
    if (!Number.isFinite(value)) continue;
    const at = Math.min(pixels - 1, Math.floor((heights[unit] as number) * pixels));
    if (Math.abs(value) > Math.abs(maxima[at] as number)) maxima[at] = value;
  }
  return maxima;
}
