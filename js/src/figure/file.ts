// A figure as an SVG file: a view's drawing, what is to be read above it, and below it what it means and where it is from.

import { accent, MARKS } from "../draw/colours";
import { GROUND } from "../draw/heat";
import { apart, headName, howMany, whoseName } from "../layout/heads";
import { reachOf } from "../layout/masks";
import { DIFFERENCE, WEIGHTS } from "../layout/scale";
import type { Scene } from "../layout/scene";
import { tokensOf } from "../layout/units";
import type { Head, Outline } from "../wire/schema";
import type { Given, Options } from "./given";
import { type Drawing, flow, isolated, LETTER, type Paper, px, type Run, SMALL, xml } from "./svg";

/** Draws what a view shows. */
export type Draw = (given: Given & { scene: Scene }, paper: Paper) => Drawing;

const INK = {
  light: { quiet: "#5a6270", faint: "#6b7382", line: "#e1e4ea" },
  dark: { quiet: "#a4acb9", faint: "#949cab", line: "#30363f" },
};
const MARGIN = 10;
const NATURAL = 560; // px
const FONT = "Helvetica,Arial,'Liberation Sans',sans-serif";
/** Letters of 8 points in a paper's column, of 12 on a slide: the rest follows. */
const letterOf = (inches: number): number => Math.max(32 / 3, Math.min(16, (32 / 3) * (1 + (inches - 6) / 8)));

/** @returns a whole SVG file */
export function fileOf(draw: Draw, given: Given, options: Options, png: Paper["png"]): string {
  const { theme, background, width } = options;
  const scale = width ? letterOf(width) / LETTER : 1;
  const wide = width ? (96 * width) / scale : NATURAL;
  const ink = { text: MARKS[theme].key, accent: accent(theme), ...INK[theme] };
  const ground = background ? GROUND[theme] : "";
  const room = wide - 2 * MARGIN;
  const drawing = draw(given as Given & { scene: Scene }, {
    theme,
    width: room,
    ground,
    ink,
    png,
    most: options.most ?? Number.POSITIVE_INFINITY,
  });
  const said = provenanceOf(given);
  let y = MARGIN;
  const stack = (svg: string, height: number, gap: number) => {
    if (height === 0) return "";
    const placed = `<g transform="translate(${MARGIN} ${px(y)})">${svg}</g>`;
    y += height + gap;
    return placed;
  };
  const set = (items: Run[][], size: number, fill: string, gap: number) => {
    const { svg, height } = flow(items, [0, 0, room], { size, fill });
    return stack(svg, height, gap);
  };
  const body =
    set(drawing.title, LETTER, ink.text, 8) +
    stack(drawing.svg, drawing.height, 8) +
    set(drawing.legend, SMALL, ink.quiet, 4) +
    (options.caption === false
      ? ""
      : set([said.map((text, at) => ({ text: at > 0 ? ` · ${text}` : text }))], SMALL - 1, ink.faint, 0)) +
    (options.note ? set([[{ text: options.note }]], SMALL, ink.text, 0) : "");
  const high = y + MARGIN - 2;
  const size = width
    ? `width="${px(width)}in" height="${px((width * high) / wide)}in"`
    : `width="${px(wide)}" height="${px(high)}"`;
  const title = drawing.title.map((item) => item.map((run) => ("draw" in run ? "" : run.text)).join("")).join(" · ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${px(wide)} ${px(high)}" role="img" font-family="${FONT}" font-size="${LETTER}" fill="${ink.text}">`,
    `<title>${xml(title)}</title><desc>${xml(said.join(" · "))}</desc>`,
    // Beyond the edges: of a pixel there no part is left clear.
    ground && `<rect x="-2" y="-2" width="${px(wide + 4)}" height="${px(high + 4)}" fill="${ground}"/>`,
    `${body}</svg>\n`,
  ].join("");
}

const NAMED = 6; // heads one by one

/** Where what is shown comes from: all that somebody needs to make it again. */
function provenanceOf({ outline, selection, pictures }: Given): string[] {
  const { measures, model, revision, formula, version, attention } = outline;
  const measure = measures.find(({ name }) => name === selection.measure) ?? null;
  const heads = apart(measure ?? WEIGHTS, selection.heads).map((at) => selection.heads[at] as Head);
  const those =
    heads.length > NAMED
      ? [howMany(measure ?? WEIGHTS, heads.length)]
      : heads.map((head) =>
          measure && measure.of !== "head" ? whoseName(measure, head) : `layer ${head[0]}, head ${head[1]}`,
        );
  const meaning = measure && measure.name !== WEIGHTS.name ? `${measure.label}: ${measure.sentence}` : formula;
  return [
    `${model}${revision ? ` @ ${revision.slice(0, 7)}` : ""}`,
    textsOf(outline),
    attention === "self" ? "" : `${attention}${attention === "cross" ? "-attention" : "’s attention"}`,
    pictures ? "" : those.join("; "),
    outline.off.length > 0 ? `without ${outline.off.map(headName).join(", ")}` : "",
    outline.mask && outline.comparison?.shown !== "b"
      ? `other mask: ${outline.mask.brief}, ${reachOf(outline.mask)}`
      : "",
    outline.comparison && selection.measure === DIFFERENCE ? `A ${outline.comparison.names.join(" − B ")}` : "",
    selection.words ? "sub-words merged: sum over keys, mean over queries" : "",
    meaning,
    `attnwidget ${version}`,
  ].filter(Boolean);
}

const LETTERS = 72;

function textsOf({ queries, keys }: Outline): string {
  const [own, other] = [queries, keys].map((list) => {
    if (!list) return "";
    const { parts, tokens } = tokensOf(list);
    const text = parts.join("").replace(/\s+/g, " ").trim();
    const letters = [...text];
    const shown = letters.length > LETTERS ? `${letters.slice(0, LETTERS).join("")}…` : text;
    return `“${isolated(shown)}” (${tokens.length} tokens)`;
  });
  return other ? `${other} → ${own}` : (own ?? "");
}
