// All keys' scores on one axis, before and after a step: what it shrinks, moves or hides.

import type { Theme } from "../host";
import { figure } from "../layout/numbers";

export interface DotRow {
  label: string;
  values: Float32Array;
}

interface Options {
  width: number;
  height: number;
  /** The row that stands out. */
  spot: number;
  pen: string;
  theme: Theme;
}

const LABEL = 100; // px on the left, at least
const HIDDEN = 56; // px for −∞
const INK = {
  light: { line: "#d3d8e0", mark: "#5a6270", text: "#5a6270" },
  dark: { line: "#3a424d", mark: "#a4acb9", text: "#a4acb9" },
};

export function drawDots(context: CanvasRenderingContext2D, rows: DotRow[], options: Options): void {
  const { width, height, spot, pen, theme } = options;
  const ink = INK[theme];
  const font = getComputedStyle(context.canvas).fontFamily || "sans-serif";
  context.font = `12px ${font}`;
  const all = rows.flatMap(({ values }) => Array.from(values)).filter(Number.isFinite);
  const hides = rows.some(({ values }) => values.some((value) => value === Number.NEGATIVE_INFINITY));
  const [low, high] = [Math.min(0, ...all), Math.max(0, ...all)];
  const longest = Math.max(...rows.map(({ label }) => context.measureText(label).width));
  const room = Math.max(LABEL, longest + 20);
  const left = room + (hides ? HIDDEN : 0) + 8;
  const right = width - 12;
  const x = (value: number) =>
    value === Number.NEGATIVE_INFINITY ? room + 16 : left + ((value - low) / (high - low || 1)) * (right - left);
  context.textBaseline = "middle";
  const step = height / rows.length;
  const place = (at: number) => at * step + step / 2 + 2;

  context.strokeStyle = ink.line;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(Math.round(x(0)) + 0.5, 15);
  context.lineTo(Math.round(x(0)) + 0.5, height);
  for (const at of rows.keys()) {
    context.moveTo(left, Math.round(place(at)) + 0.5);
    context.lineTo(right, Math.round(place(at)) + 0.5);
  }
  context.stroke();
  context.fillStyle = ink.text;
  context.textAlign = "center";
  context.fillText("0", x(0), 7);

  // Where each key goes, from row to row.
  rows.slice(1).forEach(({ values }, nth) => {
    const above = (rows[nth] as DotRow).values;
    values.forEach((value, key) => {
      if (Number.isNaN(value)) return;
      context.globalAlpha = key === spot ? 0.9 : 0.18;
      context.strokeStyle = key === spot ? pen : ink.mark;
      context.beginPath();
      context.moveTo(x(above[key] as number), place(nth) + 6);
      context.lineTo(x(value), place(nth + 1) - 6);
      context.stroke();
    });
  });
  rows.forEach(({ label, values }, at) => {
    context.globalAlpha = 1;
    context.fillStyle = ink.text;
    context.textAlign = "left";
    context.fillText(label, 0, place(at));
    if (hides) context.fillText(values.includes(Number.NEGATIVE_INFINITY) ? "−∞" : "", room - 8, place(at));
    context.globalAlpha = 0.55;
    context.fillStyle = ink.mark;
    values.forEach((value, key) => {
      if (!Number.isNaN(value) && key !== spot) context.fillRect(x(value) - 1, place(at) - 6, 2, 12);
    });
    const value = values[spot] as number;
    if (Number.isNaN(value)) return;
    context.globalAlpha = 1;
    context.fillStyle = pen;
    context.beginPath();
    context.arc(x(value), place(at), 5, 0, 2 * Math.PI);
    context.fill();
    if (!Number.isFinite(value)) return;
    context.fillStyle = ink.text;
    const beside = x(value) + 60 < width ? 9 : -9; // on the side where there is room
    context.textAlign = beside > 0 ? "left" : "right";
    const under = at > 0 && at === rows.length - 1; // the last number keeps clear of the line that leads to it
    const y = Math.min(place(at) + (under ? 11 : -10), height - 6);
    // Lines and marks leave room around the number.
    context.globalCompositeOperation = "destination-out";
    context.lineWidth = 4;
    context.strokeText(figure(value), x(value) + beside, y);
    context.globalCompositeOperation = "source-over";
    context.fillText(figure(value), x(value) + beside, y);
  });
  context.globalAlpha = 1;
}
