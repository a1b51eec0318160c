import type { Edges } from "../layout/edges";
import { prepare } from "./canvas";
import type { Pen, Signs } from "./colours";

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

export const lineWidth = (strength: number): number => 0.6 + 5.4 * strength;
export const lineOpacity = (strength: number): number => 0.1 + 0.9 * strength;

// Lines of about the same strength are stroked together: thousands of strokes become a few dozen.
const LEVELS = 24;
const SPREAD = 10; // px at most between the first head's line and the last one's

/**
 * Draw lines from queries to keys, weakest first, thicker and darker with strength.
 *
 * @param signs the colours of numbers above and below 0, for a measure that has both; else each head has its pen's
 */
export function drawLines(
  canvas: HTMLCanvasElement,
  edges: Edges,
  pens: Pen[],
  at: LinesGeometry,
  signs: Signs | null = null,
): void {
  const context = prepare(canvas, at.width, at.height);
  const { left, right } = at;
  const middle = (left + right) / 2;
  const groups = new Map<number, number[]>(); // level × sign × head → edges
  for (let edge = 0; edge < edges.count; edge++) {
    const level = Math.min(LEVELS - 1, Math.floor(edges.strength[edge]! * LEVELS));
    const group = (2 * level + edges.negative[edge]!) * pens.length + edges.head[edge]!;
    const members = groups.get(group);
    if (members) members.push(edge);
    else groups.set(group, [edge]);
  }
  for (const group of [...groups.keys()].sort((a, b) => a - b)) {
    const members = groups.get(group)!;
    const pen = pens[group % pens.length]!;
    const strength = members.reduce((sum, edge) => sum + edges.strength[edge]!, 0) / members.length;
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
    const isNegative = Math.floor(group / pens.length) % 2 === 1;
    context.strokeStyle = signs ? signs[isNegative ? "negative" : "positive"] : pen.colour;
    context.setLineDash(pen.dash);
    context.lineWidth = lineWidth(strength);
    context.globalAlpha = lineOpacity(strength);
    context.stroke();
  }
}
