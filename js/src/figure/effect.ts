// What every head does to the answer: layers down, heads across, in the colours around zero; beside it the sum.

import { SIGNS } from "../draw/colours";
import { rampColour } from "../draw/strips";
import {
  askedInWords,
  effectOf,
  inCell,
  meaningOf,
  offInWords,
  openNumbers,
  signedFigure,
  signedShort,
  stackOf,
} from "../layout/effects";
import { LABEL } from "../layout/head-grid";
import { headName } from "../layout/heads";
import { figure } from "../layout/numbers";
import type { Head } from "../wire/schema";
import type { Given } from "./given";
import { box, type Drawing, middled, type Paper, px, type Run, SMALL, swatch, write } from "./svg";

const [TOP, LEAST, NUMBERED] = [18, 5, 30]; // px; of a cell at least, and with room for its number
const BESIDE = 150; // px for the sum, where there is room

export function effect({ outline, effects }: Given, { theme, ink, width }: Paper): Drawing {
  if (!effects?.grid || !effects.asked) throw new Error(effects?.message || "the effects are not here");
  const { kind, asked, unit, protocol, sum } = effects;
  const grid = openNumbers(effects.grid);
  const { layers, heads } = grid;
  const stack = sum && width > 2 * BESIDE + LABEL ? stackOf(sum) : null;
  const room = width - LABEL - (stack ? BESIDE + 12 : 0);
  const across = Math.max(LEAST, Math.min(40, room / heads));
  const down = Math.max(LEAST, Math.min(26, across));
  const off = new Set(outline.off.map(headName));
  const style = { size: SMALL, fill: ink.quiet };
  const every = across >= 14 ? 1 : 4;
  let svg = "";
  for (let head = 0; head < heads; head += every)
    svg += write(LABEL + (head + 0.5) * across, TOP - 5, String(head), { ...style, anchor: "middle" });
  for (let layer = 0; layer < layers; layer++) {
    const y = TOP + layer * down;
    if (layer % (down >= 12 ? 1 : 4) === 0)
      svg += write(LABEL - 6, middled(y + down / 2, SMALL), String(layer), { ...style, anchor: "end" });
    for (let head = 0; head < heads; head++) {
      const value = effectOf(grid, [layer, head]);
      const x = LABEL + head * across;
      const [wide, high] = [across - 1.5, down - 1.5];
      const { ground, ink: over } = rampColour(value, grid.limit, theme);
      svg += box(x, y, wide, high, ` rx="2" fill="${Number.isNaN(value) ? "none" : ground}" stroke="${ink.line}"`);
      if (off.has(headName([layer, head])))
        svg += `<path d="M${px(x)} ${px(y)}l${px(wide)} ${px(high)}m0 ${px(-high)}l${px(-wide)} ${px(high)}" stroke="${ink.text}"/>`;
      else if (across >= NUMBERED && !Number.isNaN(value))
        svg += write(x + wide / 2, middled(y + high / 2, 10), inCell(value), {
          size: 10,
          fill: over,
          anchor: "middle",
        });
    }
    for (const [at, step] of (stack?.rows.find((row) => row.layer === layer)?.steps ?? []).entries()) {
      const start = LABEL + heads * across + 12;
      const [from, to] = [Math.min(step.from, step.to), Math.max(step.from, step.to)];
      const colour = step.value < 0 ? SIGNS[theme].negative : SIGNS[theme].positive;
      const bar = Math.max(0.75, (to - from) * BESIDE);
      svg += box(start + from * BESIDE, y + 1 + (at * (down - 3)) / 2, bar, (down - 3) / 2 - 0.5, ` fill="${colour}"`);
    }
  }
  const best = grid.values.reduce(
    (most, value, at) => (Math.abs(value) > Math.abs(grid.values[most] ?? 0) ? at : most),
    0,
  );
  const head: Head = [Math.floor(best / heads), best % heads];
  const meaning = meaningOf(kind, asked);
  const value = grid.values[best] as number;
  const said = (colour: string, says: string): Run[][] => (says ? [[swatch(colour, ink), { text: ` ${says}` }]] : []);
  const beside = (sum?.pieces ?? []).filter(({ layer }) => layer === null);
  return {
    title: [
      [
        { text: `${headName(head)} ` },
        { text: `${signedFigure(value)} ${unit}`, bold: true },
        {
          text: ` ${value < 0 ? meaning.negative : meaning.positive} · the largest of ${layers * heads}`,
          fill: ink.quiet,
        },
      ],
    ],
    svg,
    height: TOP + layers * down + 2,
    legend: [
      [{ text: `asked: ${askedInWords(asked)}, ${asked.label}` }],
      ...said(SIGNS[theme].negative, meaning.negative),
      ...said(SIGNS[theme].positive, meaning.positive),
      [{ text: `full strength: ${figure(grid.limit)} ${unit}` }],
      ...(stack
        ? [[{ text: "bars: what each layer’s attention, then its MLP adds to the running total of the logit" }]]
        : []),
      ...(stack ? beside.map(({ name, value: own }) => [{ text: `${name} ${signedShort(own ?? Number.NaN)}` }]) : []),
      ...(stack && sum ? [[{ text: `together ${figure(sum.total)}` }]] : []),
      ...(protocol ? [[{ text: protocol }]] : []),
      ...(off.size > 0 ? [[{ text: `${offInWords(outline.off)}, but not in these numbers`, bold: true }]] : []),
    ],
  };
}
