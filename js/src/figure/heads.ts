// All heads' small pictures, layers down and heads across, as the view's map.

import { accent, categoryColour, headColour, signsOf } from "../draw/colours";
import { channels, inkOn } from "../draw/contrast";
import { GROUND } from "../draw/heat";
import { inking, shadesOf } from "../draw/pictures";
import type { Theme } from "../host";
import { codeOf, type HeadCategories, nameOf, OTHER } from "../layout/categories";
import { LABEL } from "../layout/head-grid";
import { headName } from "../layout/heads";
import { mapOf } from "../layout/heads-wall";
import { figure } from "../layout/numbers";
import { coloursInWords, endsInWords, hiddenIn, scaleNamed } from "../layout/scale";
import { decodeArray } from "../wire/decode";
import type { Head } from "../wire/schema";
import type { Given } from "./given";
import { box, type Drawing, hatching, middled, type Paper, px, type Run, SHARP, SMALL, swatch, write } from "./svg";

const TALLEST = 720; // px
const [CODE, CODED] = [14, 30]; // px of a category's letters, and of a picture that has room for them

export function heads({ outline, selection, pictures, categories }: Given, paper: Paper): Drawing {
  if (!pictures || pictures.problem) throw new Error(pictures?.problem || "the heads' pictures are not here");
  const { theme, ink } = paper;
  const decoded = decodeArray({ ...pictures, dtype: "uint8" });
  const [layers = 0, count = 0, rows = 0, columns = 0] = decoded.shape;
  // Between two pictures a row or column of pixels, which stays clear; with those it is to be as wide as there is room.
  const [high, wide] = [layers * (rows + 1) - 1, count * (columns + 1) - 1];
  const cell = Math.min(mapOf(layers, count, paper.width, TALLEST).cell, ((paper.width - LABEL - 1) * columns) / wide);
  const pixels = new Uint8ClampedArray(4 * high * wide);
  const over = channels(GROUND[theme]);
  let hidden = false;
  const signs = signsOf(pictures, theme);
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < count; head++) {
      const colour = headColour(categories, [layer, head], theme) ?? accent(theme);
      const { values } = shadesOf(decoded, layer, head);
      const inked = inking(colour, signs);
      values.forEach((shade, at) => {
        const row = layer * (rows + 1) + Math.floor(at / columns);
        const [red = 0, green = 0, blue = 0, opacity = 0] = inked(shade);
        if (opacity === 0) {
          hidden = true;
          return;
        }
        const pixel = over.map((under, at) => under + ((([red, green, blue][at] as number) - under) * opacity) / 255);
        pixels.set([...pixel, 255], 4 * (row * wide + head * (columns + 1) + (at % columns)));
      });
    }
  }
  const [across, down] = [(cell * (columns + 1)) / columns, (cell * (rows + 1)) / rows];
  const [width, height] = [(cell * wide) / columns, (cell * high) / rows];
  const left = LABEL + Math.max(0, paper.width - LABEL - width) / 2;
  const top = 18;
  const image = paper.png(pixels, wide, high);
  const side = px(cell);
  let grounds = "";
  for (let at = 0; at < layers * count; at++) {
    grounds += `M${px(left + (at % count) * across)} ${px(top + Math.floor(at / count) * down)}h${side}v${side}h-${side}z`;
  }
  let svg = hidden ? `${hatching(theme)}<path d="${grounds}" fill="url(#hatch)"/>` : "";
  svg += `<image x="${px(left)}" y="${px(top)}" width="${px(width)}" height="${px(height)}" preserveAspectRatio="none" ${cell < columns ? "" : SHARP} href="${image}"/>`;
  const style = { size: SMALL, fill: ink.quiet };
  const every = cell >= 14 ? 1 : 4; // numbers that fit
  for (let head = 0; head < count; head += every) {
    svg += write(left + head * across + cell / 2, top - 5, String(head), { ...style, anchor: "middle" });
  }
  for (let layer = 0; layer < layers; layer += every) {
    svg += write(left - 6, middled(top + layer * down + cell / 2, SMALL), String(layer), { ...style, anchor: "end" });
  }
  if (cell >= CODED && categories?.fresh) {
    for (let at = 0; at < layers * count; at++) {
      const [layer, head] = [Math.floor(at / count), at % count];
      const main = categories.main([layer, head]);
      if (main > OTHER)
        svg += code(categories, main, theme)(left + head * across + cell - CODE, top + layer * down + 8);
    }
  }
  for (const [layer, head] of selection.heads) {
    const more = ` rx="2" fill="none" stroke="${ink.text}" stroke-width="1.5"`;
    svg += box(left + head * across - 1, top + layer * down - 1, cell + 2, cell + 2, more);
  }
  const measure = scaleNamed(outline, selection.measure);
  const shown = selection.heads.map(headName).slice(0, 6).join(", ");
  const [least, most] = endsInWords(measure, figure(pictures.limit, 3));
  const legend: Run[][] = [
    [{ text: "layers down, heads across; in each picture queries down, keys across" }],
    [
      {
        text: signs
          ? `stronger = farther from 0: ${least} to ${most}${coloursInWords(measure)}`
          : `stronger = larger ${measure.label}, to ${figure(pictures.limit, 2)}`,
      },
    ],
    ...(hidden ? [[swatch("url(#hatch)", ink), { text: hiddenIn(measure) }]] : []),
    ...kindsOf(categories, outline.layers, outline.heads, paper),
  ];
  if (pictures.sampled != null) legend.push([{ text: `sampled: ${pictures.sampled} queries` }]);
  const all = outline.kept.length * count;
  return {
    title: [
      [
        { text: `all ${all} heads`, bold: true },
        { text: ` · ${shown} framed`, fill: ink.quiet },
      ],
    ],
    svg,
    height: top + height,
    legend,
  };
}

/** A category's letters on its colour, as on screen. */
const code = (categories: HeadCategories, category: number, theme: Theme) => (x: number, y: number) => {
  const colour = categoryColour(categories, category, theme) ?? accent(theme);
  const letters = { size: 7.5, bold: true, fill: inkOn(colour), anchor: "middle" } as const;
  return (
    box(x, y - 8, CODE, 10, ` rx="2" fill="${colour}"`) +
    write(x + CODE / 2, y - 0.3, codeOf(nameOf(categories, category)), letters)
  );
};

/** What the colours are: the kinds that there are, and how many heads of each. */
function kindsOf(categories: HeadCategories | null, layers: number, count: number, { theme }: Paper): Run[][] {
  if (!categories?.fresh) return [];
  const counts = new Map<number, number>();
  for (let at = 0; at < layers * count; at++) {
    const main = categories.main([Math.floor(at / count), at % count] as Head);
    if (main >= OTHER) counts.set(main, (counts.get(main) ?? 0) + 1);
  }
  return [...counts]
    .sort((one, other) => other[1] - one[1])
    .map(([category, number]) => [
      { width: CODE, draw: code(categories, category, theme) },
      { text: `${nameOf(categories, category)} ${number}` },
    ]);
}
