import { awayAt, type Curves, type Edges, endAt } from "../layout/edges";
import { asideOf, bendOf, STRANDS } from "../layout/strands";
import { prepare } from "./canvas";
import type { Pen, Signs } from "./colours";
import { markPath } from "./marks";

/** Where the lines stand on their canvas, in CSS pixels: it is as high as the stage. */
export interface LinesGeometry extends Curves {
  canvasWidth: number;
  /** The lines' left end. */
  left: number;
}

const [THINNEST, WIDEST] = [0.6, 6]; // px
export const lineWidth = (strength: number, widest = WIDEST): number => THINNEST + (widest - THINNEST) * strength;
export const lineOpacity = (strength: number): number => 0.1 + 0.9 * strength;

/** Where a line runs: down from the top at either end, and where both its handles are; null for one that is not in sight. */
export function curveOf(
  edges: Edges,
  edge: number,
  { left, width, height, strands, query, key }: LinesGeometry,
): { from: number; to: number; handle: number } | null {
  const [start, end] = [query(edges.query[edge]!), key(edges.key[edge]!)];
  const isAway = awayAt(start, height) !== 0 && awayAt(end, height) !== 0;
  if (isAway || Number.isNaN(start + end)) return null; // one of them is in a gap
  const aside = asideOf(strands, edges.head[edge]!);
  const [from, to] = [endAt(start, height) + aside, endAt(end, height) + aside];
  return { from, to, handle: left + width / 2 + bendOf(aside, width, to - from) };
}

// Lines of about the same strength are stroked together: thousands of strokes become a few dozen.
const LEVELS = 24;

const FADED = ["", "1a"]; // what a line to what is scrolled away comes to, as the alpha of a colour

/**
 * Draw lines from queries to keys, weakest first, thicker and darker with strength; those of a few heads side by side.
 * One whose end is scrolled away leaves to the edge there, and fades.
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
  const { left, width, height, strands } = at;
  const context = prepare(canvas, at.canvasWidth, height);
  const right = left + width;
  const groups = new Map<number, number[]>(); // level × sign × head × which end is away → edges
  for (let edge = 0; edge < edges.count; edge++) {
    if (!curveOf(edges, edge, at)) continue;
    const isFromAway = awayAt(at.query(edges.query[edge]!), height) !== 0;
    const isToAway = awayAt(at.key(edges.key[edge]!), height) !== 0;
    const level = Math.min(LEVELS - 1, Math.floor(edges.strength[edge]! * LEVELS));
    const away = isFromAway ? 1 : isToAway ? 2 : 0;
    const group = ((2 * level + edges.negative[edge]!) * pens.length + edges.head[edge]!) * 3 + away;
    const members = groups.get(group);
    if (members) members.push(edge);
    else groups.set(group, [edge]);
  }
  const inkOf = (head: number, negative: number) =>
    signs ? signs[negative ? "negative" : "positive"] : pens[head]!.colour;
  for (const group of [...groups.keys()].sort((a, b) => a - b)) {
    const members = groups.get(group)!;
    const away = group % 3;
    const headAndMore = Math.floor(group / 3);
    const head = headAndMore % pens.length;
    const strength = members.reduce((sum, edge) => sum + edges.strength[edge]!, 0) / members.length;
    context.beginPath();
    for (const edge of members) {
      const { from, to, handle } = curveOf(edges, edge, at)!;
      context.moveTo(left, from);
      context.bezierCurveTo(handle, from, handle, to, right, to);
    }
    const ink = inkOf(head, Math.floor(headAndMore / pens.length) % 2);
    context.strokeStyle = ink;
    if (away > 0) {
      const fading = context.createLinearGradient(left, 0, right, 0);
      fading.addColorStop(0, `${ink}${FADED[away === 1 ? 1 : 0]}`);
      fading.addColorStop(1, `${ink}${FADED[away === 1 ? 0 : 1]}`);
      context.strokeStyle = fading;
    }
    context.lineWidth = lineWidth(strength, strands.widest);
    context.globalAlpha = lineOpacity(strength);
    context.stroke();
  }
  if (strands.count > 1) drawMarks(context, edges, at, inkOf);
}

const RIM = 3.2; // px, from a mark's middle
const STEP = 9; // px between two marks that stand aside of one another

/** At both ends of each head's lines its mark, as strong as the strongest of them there. */
export function marksOf(
  edges: Edges,
  { left, width, height, strands, query, key }: LinesGeometry,
): { edge: number; path: string }[] {
  const strongest = new Map<string, readonly [isKey: boolean, edge: number]>();
  for (let edge = 0; edge < edges.count; edge++) {
    const head = edges.head[edge]!; // weakest first: the last one stays
    strongest.set(`q${edges.query[edge]} ${head}`, [false, edge]);
    strongest.set(`k${edges.key[edge]} ${head}`, [true, edge]);
  }
  return [...strongest.values()].flatMap(([isKey, edge]) => {
    const head = edges.head[edge]!;
    const inwards = RIM + (strands.pitch < 2 * RIM + 1 ? (head % 2) * STEP : 0); // neighbours too near: one aside
    const x = isKey ? left + width - inwards : left + inwards;
    const end = isKey ? key(edges.key[edge]!) : query(edges.query[edge]!);
    if (Number.isNaN(end) || awayAt(end, height) !== 0) return [];
    return [{ edge, path: markPath(head % STRANDS, x, end + asideOf(strands, head), RIM) }];
  });
}

function drawMarks(
  context: CanvasRenderingContext2D,
  edges: Edges,
  at: LinesGeometry,
  inkOf: (head: number, negative: number) => string,
): void {
  for (const mark of marksOf(edges, at)) {
    const path = new Path2D(mark.path);
    // What runs below it leaves a rim free.
    context.globalCompositeOperation = "destination-out";
    context.globalAlpha = 1;
    context.lineWidth = 2;
    context.stroke(path);
    context.fill(path);
    context.globalCompositeOperation = "source-over";
    context.globalAlpha = lineOpacity(edges.strength[mark.edge]!);
    context.fillStyle = inkOf(edges.head[mark.edge]!, edges.negative[mark.edge]!);
    context.fill(path);
  }
}
