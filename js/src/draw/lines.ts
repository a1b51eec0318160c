import type { Edges } from "../layout/edges";
import type { Pen } from "./colours";

export interface Frame {
  /** CSS pixels. */
  width: number;
  height: number;
  left: number;
  right: number;
  /** Middle of a row, in px from the canvas's top. */
  row(index: number): number;
}

export const lineWidth = (weight: number): number => 0.6 + 5.4 * weight;
export const lineOpacity = (weight: number): number => 0.1 + 0.9 * weight;

// Lines of about the same weight are stroked together: thousands of strokes become a few dozen.
const LEVELS = 24;
const SPREAD = 10; // px at most between the first head's line and the last one's

/** Draw lines from queries to keys, weakest first, thicker and darker with weight. */
export function drawLines(canvas: HTMLCanvasElement, edges: Edges, pens: Pen[], frame: Frame): void {
  const context = prepare(canvas, frame.width, frame.height);
  const { left, right } = frame;
  const middle = (left + right) / 2;
  const groups = new Map<number, number[]>(); // level × head → edges
  for (let at = 0; at < edges.count; at++) {
    const level = Math.min(LEVELS - 1, Math.floor(edges.weight[at]! * LEVELS));
    const group = level * pens.length + edges.head[at]!;
    const members = groups.get(group);
    if (members) members.push(at);
    else groups.set(group, [at]);
  }
  for (const group of [...groups.keys()].sort((a, b) => a - b)) {
    const members = groups.get(group)!;
    const pen = pens[group % pens.length]!;
    const weight = members.reduce((sum, at) => sum + edges.weight[at]!, 0) / members.length;
    // Heads that agree would hide one another: each is drawn a little beside the next.
    const aside = ((group % pens.length) - (pens.length - 1) / 2) * Math.min(2, SPREAD / pens.length);
    context.beginPath();
    for (const at of members) {
      const from = frame.row(edges.query[at]!) + aside;
      const to = frame.row(edges.key[at]!) + aside;
      if ((from < -20 && to < -20) || (from > frame.height + 20 && to > frame.height + 20)) continue;
      context.moveTo(left, from);
      context.bezierCurveTo(middle, from, middle, to, right, to);
    }
    context.strokeStyle = pen.colour;
    context.setLineDash(pen.dash);
    context.lineWidth = lineWidth(weight);
    context.globalAlpha = lineOpacity(weight);
    context.stroke();
  }
}

/** Size a canvas to its place on a display of any density, empty it, and return its context in CSS pixels. */
export function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const density = globalThis.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.setTransform(density, 0, 0, density, 0, 0);
  context.globalAlpha = 1;
  context.clearRect(0, 0, width, height);
  return context;
}
