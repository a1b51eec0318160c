import type { Edges } from "../layout/edges";
import { prepare } from "./canvas";
import type { Pen } from "./colours";

/** Where the lines stand on their canvas. */
export interface LinesGeometry {
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
export function drawLines(canvas: HTMLCanvasElement, edges: Edges, pens: Pen[], at: LinesGeometry): void {
  const context = prepare(canvas, at.width, at.height);
  const { left, right } = at;
  const middle = (left + right) / 2;
  const groups = new Map<number, number[]>(); // level × head → edges
  for (let edge = 0; edge < edges.count; edge++) {
    const level = Math.min(LEVELS - 1, Math.floor(edges.weight[edge]! * LEVELS));
    const group = level * pens.length + edges.head[edge]!;
    const members = groups.get(group);
    if (members) members.push(edge);
    else groups.set(group, [edge]);
  }
  for (const group of [...groups.keys()].sort((a, b) => a - b)) {
    const members = groups.get(group)!;
    const pen = pens[group % pens.length]!;
    const weight = members.reduce((sum, edge) => sum + edges.weight[edge]!, 0) / members.length;
    // Heads that agree would hide one another: each is drawn a little beside the next.
    const aside = ((group % pens.length) - (pens.length - 1) / 2) * Math.min(2, SPREAD / pens.length);
    context.beginPath();
    for (const edge of members) {
      const from = at.row(edges.query[edge]!) + aside;
      const to = at.row(edges.key[edge]!) + aside;
      if ((from < -20 && to < -20) || (from > at.height + 20 && to > at.height + 20)) continue;
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
