// The text as a paragraph, shaded by what one token looks at, or by what looks at it.

import { accent, MARKS, pensFor, signOf, signsOf } from "../draw/colours";
import { shadeFor } from "../draw/contrast";
import { coloursOf, OTHER } from "../layout/categories";
import { focusOf, shadedSide } from "../layout/focus";
import { howMany } from "../layout/heads";
import { figure } from "../layout/numbers";
import { splitPart } from "../layout/parts";
import { breakLines, heightsOf, lineOf, maximaOf, type Passage } from "../layout/passage";
import { profileOf, rowsOf } from "../layout/profile";
import { addsUp, endsInWords, exactly, hiddenIn } from "../layout/scale";
import type { Scene } from "../layout/scene";
import { largestOf, SHADING_IN_WORDS, shadeOf } from "../layout/shading";
import { isForbidden } from "../layout/tile";
import { markOf, type Side, type Units } from "../layout/units";
import type { Given } from "./given";
import { box, type Drawing, LETTER, type Paper, px, type Run, SMALL, widthOf, write } from "./svg";
import { titleOf } from "./title";

const LINES = 22; // of a text that a page has room for
const ROW = 22; // px
const STRIP = 46; // px, of the whole text beside a part of it

export function text(given: Given & { scene: Scene }, paper: Paper): Drawing {
  const { scene, selection, categories, shading = "root" } = given;
  const { units, heads, scale } = scene;
  const { theme, ink } = paper;
  const pins = { query: units.query.of(selection.queries), key: units.key.of(selection.keys) };
  const opening = units.query.special.lastIndexOf(false);
  const pinned = focusOf(null, pins.query, pins.key);
  const focus = pinned ?? { queries: [Math.max(0, opening)], keys: null };
  const side = shadedSide(focus);
  const of = (side === "key" ? focus.queries : focus.keys) ?? [];
  const profile =
    given.profile ??
    (scene.isWhole ? profileOf(scene, "", side, of, rowsOf(scene, side, of, selection.combine)) : null);
  if (!profile) throw new Error("the numbers of this text are not here");
  const { values } = profile;
  const largest = largestOf(values);
  const [head, ...others] = heads;
  // The grey of heads of no kind would read as "hidden".
  const hasKind =
    head && others.length === 0 && categories && coloursOf(scale, categories) && categories.main(head) > OTHER;
  const colour = (hasKind ? pensFor([head], categories, theme)[0]?.colour : null) ?? accent(theme);
  const signs = signsOf(scale, theme);
  const strengthOf = (value: number) => shadeOf(shading, value, largest);
  const fillOf = (value: number) => (signs ? signOf(signs, value) : colour);

  let [svg, y] = ["", 0];
  const paragraph = (own: Side, sides: readonly Side[], room: number): void => {
    const shaded = sides.includes(side);
    const its = units[own];
    const widths = its.parts.map((part, unit) => widthOfUnit(its, unit, part));
    const gaps = its.parts.map((part) => widthOf(splitPart(part)[0].replace(/[\n\r]/g, "")));
    const strip = (passage: Passage) => passage.starts.length - 1 > room;
    let passage = breakLines(its.parts, widths, gaps, paper.width);
    if (strip(passage)) passage = breakLines(its.parts, widths, gaps, paper.width - STRIP - 16);
    const count = passage.starts.length - 1;
    const marked = sides.flatMap((one) => pins[one]);
    const strongest = shaded
      ? values.reduce(
          (best, value, at) =>
            Math.abs(value) > Math.abs(values[best] as number) && Number.isFinite(value) ? at : best,
          0,
        )
      : 0;
    const around = lineOf(passage, side === own || sides.length > 1 ? (pins[side][0] ?? strongest) : (marked[0] ?? 0));
    const first = Math.max(0, Math.min(count - room, around - Math.floor(room / 2)));
    const stop = Math.min(count, first + room);
    const beyond = (units: number, where: string) => {
      svg += write(
        (paper.width - (strip(passage) ? STRIP + 16 : 0)) / 2,
        y + 13,
        `… ${units} ${units === 1 ? "token" : "tokens"} ${where} …`,
        { size: SMALL, fill: ink.faint, anchor: "middle" },
      );
      y += ROW;
    };
    const startOf = (line: number) => passage.starts[line] as number;
    if (first > 0) beyond(startOf(first), "before");
    const from = y;
    for (let line = first; line < stop; line++) {
      let x = 0;
      const isTurned = passage.rightToLeft[line] === 1;
      const wide = strip(passage) ? paper.width - STRIP - 16 : paper.width;
      for (let unit = startOf(line); unit < startOf(line + 1); unit++) {
        const [, rest] = splitPart(its.parts[unit] as string);
        const mark = markOf(its, unit);
        const isFirst = unit === startOf(line);
        const space = isFirst ? 0 : (gaps[unit] as number);
        const size = mark || its.special[unit] ? SMALL - 1 : LETTER;
        const shown = mark || rest.trim();
        const width = (widths[unit] as number) - (gaps[unit] as number);
        const at = isTurned ? wide - x - space - width : x + space;
        const value = shaded ? (values[unit] as number) : Number.NaN;
        const strength = strengthOf(value);
        if (strength > 0.02) {
          svg += box(
            at - 1,
            y + 2,
            width + 2,
            ROW - 4,
            ` rx="3" fill="${fillOf(value)}" fill-opacity="${px(strength * shadeFor(fillOf(value), theme))}"`,
          );
        }
        for (const one of sides) {
          if (pins[one].includes(unit))
            svg += box(
              at - 2,
              y + 1.5,
              width + 4,
              ROW - 3,
              ` rx="4" fill="none" stroke="${MARKS[theme][one as "query" | "key"]}" stroke-width="1.5"`,
            );
        }
        const fill = isForbidden(value) ? ink.faint : mark || its.special[unit] ? ink.quiet : undefined;
        // As wide as its box, whatever font it is set in.
        const fitted =
          shown.length > 1 ? ` textLength="${px(width - (mark ? AIR : 0))}" lengthAdjust="spacingAndGlyphs"` : "";
        if (shown)
          svg += write(at + (mark ? AIR / 2 : 0), y + 15.5, shown, {
            size,
            fill,
            italic: its.generated[unit] === true,
            more: `${fitted} data-unit="${unit}"`,
          });
        x += space + width;
      }
      const rows = (passage.rows[line + 1] as number) - (passage.rows[line] as number);
      y += ROW * (line + 1 < stop ? rows : 1);
    }
    if (strip(passage)) overview(passage, its, from, y - from, first / count, stop / count, shaded, marked);
    if (stop < count) beyond(its.parts.length - startOf(stop), "after");
  };

  /** The whole text from top to bottom, with what is shown of it as a frame. */
  function overview(
    passage: Passage,
    its: Units,
    top: number,
    high: number,
    first: number,
    stop: number,
    shaded: boolean,
    marked: number[],
  ): void {
    const heights = heightsOf(passage, its.parts.length);
    const x = paper.width - STRIP;
    if (shaded) {
      maximaOf(values, heights, Math.floor(high)).forEach((value, at) => {
        const strength = strengthOf(value);
        if (strength >= 0.02)
          svg += box(
            x,
            top + at,
            Math.max(1, strength * (STRIP - 8)),
            strength > 0.3 ? 2 : 1,
            ` fill="${fillOf(value)}" fill-opacity="${px(0.35 + 0.65 * strength)}"`,
          );
      });
    }
    for (const unit of marked)
      svg += box(x, top + (heights[unit] as number) * high - 1, STRIP, 1.5, ` fill="${ink.accent}"`);
    svg += box(
      x - 3,
      top + first * high,
      STRIP + 3,
      Math.max(6, (stop - first) * high),
      ` rx="3" fill="none" stroke="${ink.text}" stroke-opacity=".7"`,
    );
  }

  if (units.query === units.key) paragraph("query", ["query", "key"], LINES);
  else {
    for (const one of ["query", "key"] as const) {
      svg += write(0, y + 12, one === "query" ? "query: the token that looks" : "key: what it looks at", {
        size: SMALL,
        fill: ink.quiet,
      });
      y += ROW;
      paragraph(one, [one], LINES / 2);
      y += 6;
    }
  }
  const most = theme === "light" ? "darkest" : "brightest";
  const [low, high] = endsInWords(scale, figure(largest, 3));
  const legend: Run[][] = [
    [
      { text: signs ? low : "" },
      { width: 60, draw: (x, base) => ramp(x, base, fillOf, signs !== null, theme) },
      { text: signs ? high : `${most} = ${exactly(scale, largest)}` },
    ],
    [{ text: `shade: ${SHADING_IN_WORDS[shading]} of the ${scale.label}` }],
    [{ text: side === "key" ? "where the query looks" : "what looks at the key" }],
  ];
  if (!pinned)
    legend.push([{ text: `nothing pinned: where the last token, ${units.query.labels[opening] ?? ""}, looks` }]);
  if (heads.length > 1) legend.push([{ text: `${scene.together ?? "mean"} of ${howMany(scene.scale, heads.length)}` }]);
  if (of.length > 1 && side === "key" && addsUp(scale))
    legend.push([{ text: `${selection.combine} of ${of.length} queries` }]);
  if (values.some(isForbidden))
    legend.push([{ text: "grey", fill: ink.faint }, { text: `: ${hiddenIn(scale, side)}` }]);
  if (pins.key.length > 0 && units.query === units.key)
    legend.push([{ text: "frames: query", fill: MARKS[theme].query }, { text: ", key" }]);
  return { title: titleOf(given, focus, ink.quiet), svg, height: y, legend };
}

const AIR = 8; // px of a mark, on both sides together

/** With the space before it. */
function widthOfUnit(units: Units, unit: number, part: string): number {
  const [gap, rest] = splitPart(part);
  const mark = markOf(units, unit);
  const own = mark ? widthOf(mark, SMALL - 1) + AIR : widthOf(rest.trim(), units.special[unit] ? SMALL - 1 : LETTER);
  return widthOf(gap.replace(/[\n\r]/g, "")) + own;
}

const RAMP = 20; // steps

function ramp(x: number, y: number, fillOf: (part: number) => string, signed: boolean, theme: Paper["theme"]): string {
  return Array.from({ length: RAMP }, (_, at) => {
    const part = signed ? (2 * at) / (RAMP - 1) - 1 : at / (RAMP - 1);
    const fill = fillOf(part);
    return box(
      x + 3 * at,
      y - 9,
      3.1,
      11,
      ` fill="${fill}" fill-opacity="${px(Math.abs(part) * shadeFor(fill, theme))}"`,
    );
  }).join("");
}
