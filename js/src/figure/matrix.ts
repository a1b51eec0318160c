// A matrix in cells, as the view draws it.

import { accent, pensFor, signOf, signsOf } from "../draw/colours";
import { hex } from "../draw/contrast";
import { BROKEN, colouring, GROUND, type Ink } from "../draw/heat";
import { coloursOf } from "../layout/categories";
import { type Cells, meanOverQueries, numbersOf, poolCells, rangeOf, topLevel } from "../layout/cells";
import { focusOf } from "../layout/focus";
import { howMany } from "../layout/heads";
import { CELL_MAX, ticksOf } from "../layout/matrix";
import { figure } from "../layout/numbers";
import { addsUp, endsInWords, hiddenIn } from "../layout/scale";
import type { Scene } from "../layout/scene";
import { isForbidden, type Span } from "../layout/tile";
import { takeTogether } from "../layout/together";
import { queryLabel, type Side } from "../layout/units";
import type { Given } from "./given";
import {
  box,
  clipped,
  type Drawing,
  hatching,
  isolated,
  middled,
  type Paper,
  px,
  type Run,
  SHARP,
  SMALL,
  swatch,
  widthOf,
  write,
} from "./svg";
import { titleOf } from "./title";

const READABLE = 12; // px of a row that has its label
const DRAWN = 2500; // cells that are shapes; more are pixels
const [STRIP, ROOMY] = [22, 9]; // px: of the means, of a cell with lines around it
const SLANT = Math.SQRT1_2;

export function matrix(given: Given & { scene: Scene }, paper: Paper): Drawing {
  const { scene, selection, categories } = given;
  const { units, heads, scale, drawn } = scene;
  const { theme, ink: inks } = paper;
  const counts = { query: units.query.labels.length, key: units.key.labels.length };
  const level = topLevel(Math.max(counts.query, counts.key));
  const how = heads.length > 1 ? (scene.together ?? "mean") : null;
  const [whole] = how && !scene.together ? takeTogether(drawn, how, scale) : (drawn[0] ?? []);
  const cells = given.cells?.tiles.at(-1) ?? (whole ? poolCells(whole, { level, row: 0, column: 0 }, scale) : null);
  if (!cells) throw new Error("the numbers of this matrix are not here");
  const { kind = "maximum", isLog = false } = given.cells ?? {};
  const spans: [Span, Span] = [
    [0, counts.query],
    [0, counts.key],
  ];
  const range = rangeOf([cells], ...spans, kind, isLog);
  const [pen, ...others] = pensFor(heads, coloursOf(scale, categories), theme);
  const colour = (others.length === 0 && pen?.colour) || accent(theme);
  const signs = signsOf(scale, theme);
  const ink: Ink = { kind, colour, signs, top: range.top, isLog, theme };

  const labelOf = (side: Side, unit: number) =>
    side === "query" ? queryLabel(units.query, unit, " ▸ ") : (units.key.labels[unit] ?? "");
  const widest = (side: Side) =>
    Math.max(...Array.from({ length: counts[side] }, (_, at) => widthOf(labelOf(side, at), SMALL)));
  const fit = (left: number, right: number) => Math.min(CELL_MAX - 4, (paper.width - left - right) / counts.key);
  const wide = Math.min(110, widest("query") + 8, paper.width / 3);
  const tall = Math.min(92, widest("key"));
  const isLabelled = fit(wide, tall * SLANT) >= READABLE && level === 0;
  const rest = 9 + widthOf(counts.query.toLocaleString?.("en") ?? "", SMALL);
  const [labels, after] = isLabelled ? [wide, tall * SLANT] : [62, rest + 6];
  const zoom = fit(labels, after);
  const [width, height] = [counts.key * zoom, counts.query * zoom];
  const [left, top] = [
    labels + Math.max(0, paper.width - labels - after - width) / 2,
    isLabelled ? tall * SLANT + 10 : 16,
  ];
  const unit = 2 ** cells.level;
  const step = zoom * unit;

  let svg = `${hatching(theme)}${box(left, top, width, height, ' fill="url(#hatch)"')}`;
  const colourOf = colouring(ink);
  const numbers = numbersOf(cells, kind);
  svg += cells.rows * cells.columns <= DRAWN ? shapes() : image();

  function shapes(): string {
    let rows = "";
    for (let row = 0; row < cells!.rows; row++) {
      let own = "";
      for (let column = 0; column < cells!.columns; column++) {
        const value = numbers[row * cells!.columns + column] as number;
        if (isForbidden(value)) continue;
        const [x, y] = [left + column * step, top + row * step];
        const more = ` fill="${hex(colourOf(value))}" data-key="${column * unit}"`;
        own += box(x, y, Math.min(step, left + width - x), Math.min(step, top + height - y), more);
      }
      rows += `<g data-query="${row * unit}">${own}</g>`;
    }
    if (step < ROOMY) return rows;
    let gaps = "";
    for (let at = 1; at < cells!.columns; at++) gaps += `M${px(left + at * step)} ${px(top)}v${px(height)}`;
    for (let at = 1; at < cells!.rows; at++) gaps += `M${px(left)} ${px(top + at * step)}h${px(width)}`;
    return `${rows}<path d="${gaps}" stroke="${GROUND[theme]}"/>`;
  }

  function image(): string {
    const pixels = new Uint8ClampedArray(4 * numbers.length);
    numbers.forEach((value, at) => {
      if (!isForbidden(value)) pixels.set([...colourOf(value), 255], 4 * at);
    });
    const [w, h] = [cells!.columns * step, cells!.rows * step];
    return `<image x="${px(left)}" y="${px(top)}" width="${px(w)}" height="${px(h)}" preserveAspectRatio="none" ${SHARP} href="${paper.png(pixels, cells!.columns, cells!.rows)}"/>`;
  }

  const pinned = { query: units.query.of(selection.queries), key: units.key.of(selection.keys) };
  if (isLabelled) {
    for (let at = 0; at < counts.query; at++) {
      const bold = pinned.query.includes(at);
      const text = clipped(labelOf("query", at), wide - 8, SMALL, bold);
      svg += write(left - 6, middled(top + (at + 0.5) * zoom, SMALL), isolated(text), {
        anchor: "end",
        size: SMALL,
        bold,
        italic: units.query.generated[at] === true,
        more: ` data-query="${at}"`,
      });
    }
    for (let at = 0; at < counts.key; at++) {
      const bold = pinned.key.includes(at);
      const text = clipped(labelOf("key", at), tall, SMALL, bold);
      const turned = ` transform="translate(${px(left + (at + 0.5) * zoom + 3)} ${px(top - 5)}) rotate(-45)" data-key="${at}"`;
      svg += write(0, 0, isolated(text), { size: SMALL, bold, italic: units.key.generated[at] === true, more: turned });
    }
  } else {
    const style = { size: SMALL, fill: inks.quiet };
    svg += write(left - 6, top - 4, "keys →", { ...style, anchor: "end" });
    svg += write(left - 6, top + 12, "queries ↓", { ...style, anchor: "end" });
    for (const at of ticksOf([0, counts.query], zoom, 20)) {
      const y = top + (at + 0.5) * zoom;
      svg +=
        box(left + width + 1, y, 3, 1, ` fill="${inks.quiet}"`) +
        write(left + width + 7, middled(y, SMALL), String(at), style);
    }
    for (const at of ticksOf([0, counts.key], zoom, 16 + widthOf(String(counts.key), SMALL))) {
      const x = left + (at + 0.5) * zoom;
      svg +=
        box(x, top - 4, 1, 3, ` fill="${inks.quiet}"`) + write(x, top - 6, String(at), { ...style, anchor: "middle" });
    }
  }
  for (const at of pinned.query) svg += frame(left, top + at * zoom, width, zoom, 1.5);
  for (const at of pinned.key) svg += frame(left + at * zoom, top, zoom, height, 1.5);
  for (const query of pinned.query)
    for (const key of pinned.key) svg += frame(left + key * zoom, top + query * zoom, zoom, zoom, 2, inks.text);

  function frame(x: number, y: number, w: number, h: number, stroke: number, paint = inks.accent): string {
    const more = Math.max(0, 5 - Math.min(w, h)) / 2; // one cell of a long text stays in sight
    return box(
      x - more - 0.5,
      y - more - 0.5,
      w + 2 * more,
      h + 2 * more,
      ` fill="none" stroke="${paint}" stroke-width="${stroke}"`,
    );
  }

  const means = meanOverQueries([cells], ...spans, counts.query, scale);
  const most = means.reduce((largest, value) => Math.max(largest, Math.abs(value) || 0), 0);
  const base = top + height + 8 + (signs ? STRIP / 2 : STRIP);
  means.forEach((value, at) => {
    if (!Number.isFinite(value) || most === 0) return;
    const high = (Math.abs(value) / most) * (signs ? STRIP / 2 : STRIP);
    const fill = signs ? signOf(signs, value) : inks.faint;
    svg += box(
      left + at * step,
      value < 0 ? base : base - high,
      Math.max(0.5, step - (step >= ROOMY ? 1 : 0)),
      high,
      ` fill="${fill}"`,
    );
  });
  const taken = how && whole ? { ...scene, together: how, drawn: [[whole]] } : scene;
  const title = titleOf({ ...given, scene: taken }, focusOf(null, pinned.query, pinned.key), inks.quiet);
  if (title.length === 1 && title[0]?.length === 1 && cells.step === 1) {
    title[0].push({ text: ` the largest ${scale.label} is ${figure(range.largest)}`, fill: inks.quiet });
  }
  return {
    title,
    svg,
    height: top + height + 8 + STRIP + 4,
    legend: legendOf(scene, paper, { ink, cells, range, how, colourOf, most }),
  };
}

interface About {
  ink: Ink;
  cells: Cells;
  range: ReturnType<typeof rangeOf>;
  how: string | null;
  colourOf: ReturnType<typeof colouring>;
  /** The largest of the means. */
  most: number;
}

const RAMP = 72; // px

function legendOf(
  { scale, heads, leftOut }: Scene,
  { theme, ink: inks }: Paper,
  { ink, cells, range, how, colourOf, most }: About,
): Run[][] {
  const { signs, top } = ink;
  const beyond = range.largest > top * (1 + 1e-6);
  const ramp = (x: number, y: number) =>
    Array.from({ length: 24 }, (_, at) => {
      const place = at / 23;
      const value = top * (signs ? 2 * place - 1 : place);
      return box(x + (at / 24) * RAMP, y - 8, RAMP / 24 + 0.1, 9, ` fill="${hex(colourOf(value))}"`);
    }).join("");
  const [low, high] = endsInWords(scale, figure(top, 2), beyond);
  const kind = ink.kind === "mass" ? (addsUp(scale) ? "mass" : "mean") : signs ? "farthest from 0" : "largest";
  const items: Run[][] = [
    [{ text: low }, { width: RAMP, draw: ramp }, { text: high }],
    [
      {
        text:
          cells.level === 0 ? scale.label : `${kind} ${scale.label} of ${2 ** cells.level} × ${2 ** cells.level} pairs`,
      },
    ],
  ];
  if (beyond) items.push([{ text: `up to ${figure(range.largest, 2)}` }]);
  if (how) items.push([{ text: `${how} of ${howMany(scale, heads.length)}` }]);
  if (range.forbidden)
    items.push([swatch("url(#hatch)", inks), { text: `${hiddenIn(scale)}${leftOut ? ", or left out" : ""}` }]);
  if (range.broken) items.push([swatch(BROKEN[theme], inks), { text: "the model computed no number" }]);
  items.push([{ text: `bars: mean over queries, up to ${figure(most, 2)}` }]);
  if (cells.step > 1) items.push([{ text: `one query of ${cells.step} was looked at` }]);
  return items;
}
