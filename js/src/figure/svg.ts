// SVG as text, and how wide text is in it. Pure: there is no page to measure on.

import { HATCH, HATCHES } from "../draw/heat";
import type { Theme } from "../host";

export const LETTER = 13; // px, as in the widget
export const SMALL = 11.5;

/** Two decimals are finer than any display. */
export const px = (value: number): string => String(Math.round(value * 100) / 100 || 0);

const NOT_IN_XML = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** Anybody's text as text: no markup, and none of the characters that XML has no place for. */
export const xml = (text: string): string =>
  text.replace(NOT_IN_XML, "\ufffd").replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);

/** Of Arial, and of the fonts that are as wide: Helvetica, Liberation Sans, Nimbus Sans. In parts of the letters' size. */
const WIDTHS = new Map(
  [
    "22ijl'",
    "28 !,./:;I[]\\ft|·\u00a0",
    "34()-`r{}“”",
    '39*"',
    "50ckvxyzsJ^",
    "61FTZ",
    "67ABEKPSVXY&",
    "72CDHNRUw",
    "78GOQ",
    "83Mm%",
    "94W",
    "99—…→@",
  ].flatMap((one) => [...one.slice(2)].map((letter) => [letter, Number(one.slice(0, 2)) / 100] as const)),
);
const NO_WIDTH = /^[\p{M}\p{Cf}]$/u;
const BOLD = 1.07;

/** px, as nearly as a guess comes. */
export function widthOf(text: string, size = LETTER, bold = false): number {
  let width = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0) as number;
    width += WIDTHS.get(letter) ?? (code < 0x250 ? 0.56 : NO_WIDTH.test(letter) ? 0 : code < 0x2e80 ? 0.65 : 1.05);
  }
  return width * size * (bold ? BOLD : 1);
}

/** As much of a text as there is room for. */
export function clipped(text: string, room: number, size = LETTER, bold = false): string {
  if (widthOf(text, size, bold) <= room) return text;
  const letters = [...text];
  while (letters.length > 1 && widthOf(`${letters.join("")}…`, size, bold) > room) letters.pop();
  return `${letters.join("").replace(/\p{Cf}+$/u, "")}…`;
}

export interface Style {
  size?: number;
  bold?: boolean;
  italic?: boolean;
  strike?: boolean;
  fill?: string;
  anchor?: "middle" | "end";
  /** More attributes, as they are written. */
  more?: string;
}

const attributes = ({ size, bold, italic, strike, fill, anchor, more }: Style): string =>
  [
    size && size !== LETTER && ` font-size="${px(size)}"`,
    bold && ' font-weight="bold"',
    italic && ' font-style="italic"',
    strike && ' text-decoration="line-through"',
    fill && ` fill="${fill}"`,
    anchor && ` text-anchor="${anchor}"`,
    more,
  ]
    .filter(Boolean)
    .join("");

/** @param y of the line that letters stand on */
export const write = (x: number, y: number, text: string, style: Style = {}): string =>
  `<text x="${px(x)}" y="${px(y)}"${attributes(style)}>${xml(text)}</text>`;

/** Where letters stand that are in the middle of a row. */
export const middled = (y: number, size = LETTER): number => y + 0.35 * size;

export const box = (x: number, y: number, width: number, height: number, more: string): string =>
  `<rect x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}"${more}/>`;

/** What lies below pairs that the mask forbids; once a figure. */
export const hatching = (theme: Theme): string =>
  `<defs><pattern id="hatch" width="${HATCH}" height="${HATCH}" patternUnits="userSpaceOnUse"><rect width="${HATCH}" height="${HATCH}" fill="${HATCHES[theme][0]}"/><path d="M-1 7L7 -1M-1 1L1 -1M5 7L7 5" stroke="${HATCHES[theme][1]}"/></pattern></defs>`;

/** Of a picture whose pixels are numbers: the first is what the kernel's library knows, the second what browsers do. */
export const SHARP = 'image-rendering="optimizeSpeed" style="image-rendering:pixelated"';

/** A piece of a line: text, or a small drawing on it. */
export type Run = ({ text: string } & Style) | { width: number; draw(x: number, y: number): string };

/** What a colour or a pattern is, in a legend. */
export const swatch = (fill: string, { line }: { line: string }): Run => ({
  width: 14,
  draw: (x, y) => box(x, y - 9, 14, 10, ` fill="${fill}" stroke="${line}"`),
});

const BETWEEN = 14; // px from one item to the next
const LINE = 1.45; // of the letters' size
/** What fonts of the West have: of other letters each word is set by itself, in whatever font there is for it. */
const USUAL = /^[\0-\u024f\u0370-\u052f\u05d0-\u05ea\u2010-\u2027→▸−×÷√∞≤≥‖␣\u2068\u2069]*$/;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
const MAY_BREAK = /(?<= )|(?<=[\u2e80-\u9fff\uac00-\ud7af])/;

/** Set items side by side and in lines; one that fits a line is not broken. */
export function flow(
  items: readonly Run[][],
  [left, top, room]: readonly [number, number, number],
  style: { size: number; fill: string },
): { svg: string; height: number } {
  const { size } = style;
  let [svg, spans, start, used] = ["", "", 0, 0];
  let script = ""; // of what is being set; empty for the usual
  let y = top + size;
  const end = () => {
    // As wide as it was taken for, in whatever font there is; a space at its end is not drawn.
    const wide = used - start - (spans.endsWith(" </tspan>") ? widthOf(" ", size) : 0);
    const length = script === "" ? ` textLength="${px(wide)}" lengthAdjust="spacingAndGlyphs"` : "";
    if (spans) svg += `<text x="${px(left + start)}" y="${px(y)}"${attributes(style)}${length}>${spans}</text>`;
    spans = "";
    start = used;
  };
  const next = () => {
    end();
    y += LINE * size;
    used = start = 0;
  };
  const sizeOf = (run: Run) => ("draw" in run ? run.width + 4 : widthOf(run.text, size, run.bold));
  for (const item of items) {
    const width = item.reduce((sum, run) => sum + sizeOf(run), 0);
    if (used > 0) {
      end();
      if (used + BETWEEN + width > room) next();
      else start = used += BETWEEN;
    }
    for (const run of item) {
      if ("draw" in run) {
        if (used > 0 && used + run.width > room) next();
        end();
        svg += run.draw(left + used, y);
        start = used += run.width + 4;
        continue;
      }
      let text = "";
      const put = () => {
        const { text: _, ...own } = run;
        if (text) spans += `<tspan${attributes(own)}>${xml(text)}</tspan>`;
        text = "";
      };
      for (const word of run.text.split(MAY_BREAK)) {
        const wide = widthOf(word.trimEnd(), size, run.bold);
        if (used > 0 && used + wide > room) {
          put();
          next();
        }
        // Words from right to left stay together: their order is theirs.
        const other = USUAL.test(word) ? "" : RIGHT_TO_LEFT.test(word) ? "right to left" : word;
        if (other !== script) {
          put();
          end();
          script = other;
        }
        if (used > 0 && !spans && !text && !word.trim()) {
          start = used += widthOf(word, size, run.bold); // a space that begins a text is not drawn
          continue;
        }
        text += wide > room ? clipped(word, room, size, run.bold) : word;
        used += Math.min(room, widthOf(word, size, run.bold));
      }
      put();
    }
  }
  end();
  return { svg, height: used > 0 ? y - top + 0.45 * size : 0 };
}

/** A token of any script, whose direction does not turn what stands around it. */
export const isolated = (label: string): string => (RIGHT_TO_LEFT.test(label) ? `\u2068${label}\u2069` : label);

export interface Paper {
  theme: Theme;
  /** px, without the margins. */
  width: number;
  /** What is below; empty where the figure is transparent. */
  ground: string;
  /** So many lines at most. */
  most: number;
  ink: { text: string; quiet: string; faint: string; line: string; accent: string };
  /** Make a picture file of pixels, red, green, blue and opacity of each: as a data URI. */
  png(pixels: Uint8ClampedArray, width: number, height: number): string;
}

/** What a view's figure consists of, from (0, 0). */
export interface Drawing {
  /** Above it: what is to be read. */
  title: Run[][];
  svg: string;
  height: number;
  legend: Run[][];
}
