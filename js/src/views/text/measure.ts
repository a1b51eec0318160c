// How wide each unit is drawn.

import { splitPart } from "../../layout/parts";
import { markOf, type Units } from "../../layout/units";

export const SMALL = 0.8; // of the letters' size: marks

export interface Widths {
  /** Each with the space before it. */
  units: Float32Array;
  gaps: Float32Array;
}

/** Measure all units in the letters of an element; the same letters are measured once. */
export function measure(units: Units, element: Element): Widths {
  const context = document.createElement("canvas").getContext("2d") as CanvasRenderingContext2D;
  const { fontWeight, fontSize, fontFamily } = getComputedStyle(element);
  const size = Number.parseFloat(fontSize);
  const known = new Map<string, number>();
  const widthOf = (text: string, scale: number) => {
    const name = `${scale}${text}`;
    const before = known.get(name);
    if (before !== undefined) return before;
    context.font = `${fontWeight} ${size * scale}px ${fontFamily}`;
    const width = context.measureText(text).width;
    known.set(name, width);
    return width;
  };
  const widths = { units: new Float32Array(units.parts.length), gaps: new Float32Array(units.parts.length) };
  const air = size * 0.5; // of marks, on both sides together
  units.parts.forEach((part, unit) => {
    const [gap, rest] = splitPart(part);
    const mark = markOf(units, unit);
    const space = gap === "" ? 0 : widthOf(gap.replace(/[\n\r]/g, ""), 1);
    widths.gaps[unit] = space;
    widths.units[unit] =
      space + (mark ? widthOf(mark, SMALL) + air : widthOf(rest.trimEnd(), units.special[unit] ? SMALL : 1));
  });
  return widths;
}
