// How strongly a number among many is shaded: beside the largest of them, so that the scale follows the text's length.
// Pure.

export const SHADINGS = ["root", "linear", "log"] as const;
export type Shading = (typeof SHADINGS)[number];

const DECADES = 3; // of a logarithm; what is smaller is not shaded

/** What each does to a number beside the largest. */
export const SHADING_IN_WORDS: Record<Shading, string> = {
  root: "square root",
  linear: "linear",
  log: `logarithm, from a thousandth on`,
};

/** The largest size among numbers; 0 where there is none. */
export function largestOf(values: Float32Array): number {
  let largest = 0;
  for (const value of values) {
    const size = Math.abs(value);
    if (size > largest && Number.isFinite(size)) largest = size;
  }
  return largest;
}

/** From 0 to 1; 0 for what is forbidden, or is no number. */
export function shadeOf(shading: Shading, value: number, largest: number): number {
  const part = Math.abs(value) / largest;
  if (!(part > 0) || !Number.isFinite(part)) return 0;
  if (shading === "root") return Math.sqrt(part);
  return shading === "linear" ? part : Math.max(0, 1 + Math.log10(part) / DECADES);
}
