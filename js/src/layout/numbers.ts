// Numbers as they are read. Pure.

const NONE = "not a number";

/** With a minus that is as wide as a plus. */
const signed = (text: string): string => text.replace("-", "−");

/** Four digits that count: what a reader takes away from a hover. */
export function figure(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || Number.isNaN(value)) return NONE;
  if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 10 ** (digits + 2)) return signed(value.toExponential(digits - 1));
  if (size >= 10 ** digits) return signed(value.toFixed(0));
  return signed(value.toPrecision(digits));
}

/** With a plus, where it is above 0. */
export const plus = (value: number, text: string): string => (value > 0 ? `+${text}` : text);

/** In a cell: two decimals. */
export function short(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
  if (Math.abs(value) >= 1e4) return signed(value.toExponential(1));
  if (value !== 0 && Math.abs(value) < 0.005) {
    return signed(Math.abs(value) < 0.0005 ? value.toExponential(0) : value.toFixed(3));
  }
  return signed(value.toFixed(2));
}

/** A weight in a cell: three decimals, and of a very small one its size. */
export function shortWeight(weight: number | null | undefined): string {
  if (weight === null || weight === undefined || Number.isNaN(weight)) return "NaN";
  if (weight === 0) return "0";
  return Math.abs(weight) < 0.0005 ? signed(weight.toExponential(0)) : signed(weight.toFixed(3));
}

/** A small share is never shown as none. */
export const percent = (part: number, digits = 0): string =>
  part > 0 && part < 0.0005
    ? "<\u00a00.1\u00a0%"
    : `${(100 * part).toFixed(part > 0 && part < 0.01 && digits === 0 ? 1 : digits)}\u00a0%`;

/** For tests and other programs: as exact as single precision is, in ASCII. */
export const raw = (value: number | undefined): string =>
  value === undefined ? "" : Number.isFinite(value) ? String(Number(value.toPrecision(8))) : String(value);

/** A weight, exact: four decimals. One that is not a number is said to be none. */
export const exactWeight = (weight: number): string => (Number.isNaN(weight) ? NONE : weight.toFixed(4));

/** A threshold: two digits that count. */
export const roughly = (value: number): string =>
  value > 0 && value < 0.001 ? value.toExponential(0) : String(Number(value.toPrecision(2)));

/** A category's score: two digits without the zero. */
export function briefScore(score: number): string {
  if (Number.isNaN(score)) return "–";
  const digits = Math.abs(score) >= 0.995 ? "1.0" : Math.abs(score).toFixed(2).slice(1);
  return score < -0.005 ? `−${digits}` : digits;
}
