// Lines between tokens, as the view draws them.

import { type Pen, pensFor, signOf, signsOf } from "../draw/colours";
import { shadeFor } from "../draw/contrast";
import { curveOf, lineOpacity, lineWidth, marksOf } from "../draw/lines";
import { markPath } from "../draw/marks";
import { coloursOf, nameOf, OTHER } from "../layout/categories";
import { edgesFrom, indexEdges } from "../layout/edge-index";
import { type Edges, focusEdges } from "../layout/edges";
import { type Focus, focusOf, shadedSide, shadesOf } from "../layout/focus";
import { type Fold, foldTo, itemAt, rowOf, unfolded } from "../layout/fold";
import { howMany, whoseName } from "../layout/heads";
import { endsOf, linesOf } from "../layout/in-sight";
import { roughly } from "../layout/numbers";
import { addsUp, briefly, coloursInWords, endsInWords, hiddenIn, type Scale, scaleTo } from "../layout/scale";
import type { Scene } from "../layout/scene";
import { LINES_MAX, LINES_MIN, linesCarried, rowHeight } from "../layout/stage";
import { strandsOf } from "../layout/strands";
import { type Row, strongestOf } from "../layout/strongest";
import { queryLabel, type Side } from "../layout/units";
import type { Given } from "./given";
import {
  box,
  clipped,
  type Drawing,
  isolated,
  LETTER,
  middled,
  type Paper,
  px,
  type Run,
  SMALL,
  widthOf,
  write,
} from "./svg";
import { titleOf } from "./title";

const ROWS = 40; // that a page has room for
const SHOWN = 16; // rows of a longer text that lines are drawn of
const [HEADER, INSET, NUMBER] = [24, 11, 30]; // px: of a label from its lines, of a number
const GAP_LABEL = 100; // px of a column in which "… 1234 tokens …" can be read
const FADED = { false: 0.167, true: 0.08 }; // as in the view, of a short text and of a long one

export function lines(given: Given & { scene: Scene }, paper: Paper): Drawing {
  const { scene, selection, categories } = given;
  const { units, heads, drawn } = scene;
  const { theme, ink } = paper;
  const pinned = { query: units.query.of(selection.queries), key: units.key.of(selection.keys) };
  const focus = focusOf(null, pinned.query, pinned.key);
  const { scale, folds, isLong, ...all } = linesShown(given, pinned);
  const edges = strongest(all.edges, paper.most);
  const rows = Math.max(folds.query.rows, folds.key.rows);
  const row = rowHeight(rows);
  const height = rows * row;
  const side = focus && shadedSide(focus);
  const shown = (one: Side): number[] =>
    folds[one].pieces.flatMap(({ start, stop }) => Array.from({ length: stop - start }, (_, at) => start + at));
  const shades = focus && side && scene.isWhole ? shadesOf(drawn, focus, shown(side), scale, selection.combine) : null;

  const labelOf = (one: Side, unit: number) =>
    one === "query" ? queryLabel(units.query, unit, " ▸ ") : (units.key.labels[unit] ?? "");
  const widest = Math.max(
    isLong ? GAP_LABEL : 0,
    ...(["query", "key"] as const).flatMap((one) => shown(one).map((unit) => widthOf(labelOf(one, unit)))),
  );
  const beside = shades ? NUMBER : 0; // of the side that has numbers
  const label = Math.max(40, Math.min(200, widest, (paper.width - beside - LINES_MIN) / 2 - INSET));
  const room = paper.width - beside - 2 * (label + INSET);
  const left = label + INSET + Math.max(0, room - LINES_MAX) / 2 + (side === "query" ? beside : 0);
  const right = left + Math.min(LINES_MAX, room);
  const middleOf = (one: Side) => (unit: number) => {
    const at = rowOf(folds[one], unit);
    return at < 0 ? Number.NaN : (at + 0.5) * row;
  };
  const pens = pensFor(heads, coloursOf(scale, categories), theme);
  const signs = signsOf(scale, theme);
  const at = {
    ...{ canvasWidth: paper.width, height, left, width: right - left, strands: strandsOf(heads.length, row) },
    ...{ query: middleOf("query"), key: middleOf("key") },
  };
  const inkOf = (head: number, negative: number) =>
    signs ? signs[negative ? "negative" : "positive"] : (pens[head] as Pen).colour;
  const shadeOf = (value: number) => (signs ? signOf(signs, value) : pens.length === 1 ? pens[0]?.colour : null);
  const draw = (some: Edges): string => {
    let svg = "";
    for (let edge = 0; edge < some.count; edge++) {
      const curve = curveOf(some, edge, at);
      if (!curve) continue;
      const [from, to, handle, strength] = [
        px(curve.from),
        px(curve.to),
        px(curve.handle),
        some.strength[edge] as number,
      ];
      const pair = `data-query="${some.query[edge]}" data-key="${some.key[edge]}" data-head="${some.head[edge]}"`;
      svg += `<path d="M${px(left)} ${from}C${handle} ${from} ${handle} ${to} ${px(right)} ${to}" stroke="${inkOf(some.head[edge] as number, some.negative[edge] as number)}" stroke-width="${px(lineWidth(strength, at.strands.widest))}" stroke-opacity="${px(lineOpacity(strength))}" ${pair}/>`;
    }
    svg = `<g fill="none">${svg}</g>`;
    if (at.strands.count < 2) return svg;
    for (const { edge, path } of marksOf(some, at)) {
      if (paper.ground)
        svg += `<path d="${rounded(path)}" fill="${paper.ground}" stroke="${paper.ground}" stroke-width="2"/>`;
      svg += `<path d="${rounded(path)}" fill="${inkOf(some.head[edge] as number, some.negative[edge] as number)}" fill-opacity="${px(lineOpacity(some.strength[edge] as number))}"/>`;
    }
    return svg;
  };

  const column = (one: Side): string => {
    const isQuery = one === "query";
    const [x, anchor, away] = isQuery ? [left - INSET, "end" as const, -1] : [right + INSET, undefined, 1];
    const fold = folds[one];
    const { special, generated } = units[one];
    let svg = "";
    for (let place = 0; place < fold.rows; place++) {
      const item = itemAt(fold, place);
      const y = (place + 0.5) * row;
      if ("gap" in item) {
        const count = item.gap[1] - item.gap[0];
        const said = clipped(`… ${count} ${count === 1 ? "token" : "tokens"} …`, isQuery ? x : paper.width - x, SMALL);
        svg += write(x, middled(y, SMALL), said, { anchor, size: SMALL, fill: ink.faint });
        continue;
      }
      const { unit } = item;
      const size = special[unit] ? 11 : LETTER;
      const isPinned = pinned[one].includes(unit);
      const text = clipped(labelOf(one, unit), label, size, isPinned);
      const wide = widthOf(text, size, isPinned);
      const shade = side === one ? shades?.get(unit) : undefined;
      const frame = (more: string) =>
        box(
          (isQuery ? x - wide : x) - 5,
          y - Math.min(20, row - 4) / 2,
          wide + 10,
          Math.min(20, row - 4),
          ` rx="4"${more}`,
        );
      const fillOf = shade && shade.strength > 0 && shadeOf(shade.value);
      if (fillOf) svg += frame(` fill="${fillOf}" fill-opacity="${px(shade.strength * shadeFor(fillOf, theme))}"`);
      if (isPinned) svg += frame(` fill="none" stroke="${ink.accent}" stroke-width="1.5"`);
      const hidden = shade?.allowed === false;
      const style = { anchor, size, bold: isPinned, italic: generated[unit] === true, strike: hidden };
      const fill = hidden ? ink.faint : special[unit] ? ink.quiet : undefined;
      svg += write(x, middled(y, size), isolated(text), { ...style, fill, more: ` data-${one}="${unit}"` });
      const number = shade?.allowed ? briefly(scale, shade.value, isLong) : "";
      if (number)
        svg += write(x + away * (label + 8), middled(y, SMALL), number, { anchor, size: SMALL, fill: ink.quiet });
    }
    return svg;
  };
  const glossed = Math.min(left, paper.width - right) > 150;
  const reads = units.query.writes.length > 0;
  const header =
    write(left, 14, `query${glossed ? (reads ? ": reads ▸ writes" : ": the token that looks") : ""}`, {
      anchor: "end",
      size: SMALL,
      fill: ink.quiet,
    }) + write(right, 14, `key${glossed ? ": what it looks at" : ""}`, { size: SMALL, fill: ink.quiet });
  const focused = focus && focusEdges(edges, focus.queries, focus.keys);
  const isIn = new Set(focused ? Array.from(focused.query, (query, at) => `${query} ${focused.key[at]}`) : []);
  const others = focused ? without(edges, isIn) : edges;
  const body = focused ? `<g opacity="${FADED[`${isLong}`]}">${draw(others)}</g>${draw(focused)}` : draw(edges);
  return {
    title: titleOf(given, focus, ink.quiet, edges),
    svg: `${header}<g transform="translate(0 ${HEADER})">${body}${column("query")}${column("key")}</g>`,
    height: HEADER + height,
    legend: legendOf(given, paper, {
      pens,
      scale,
      focus,
      edges,
      isLong,
      hides: [...(shades?.values() ?? [])].some(({ allowed }) => !allowed),
    }),
  };
}

const rounded = (path: string): string => path.replace(/-?\d+\.\d{3,}/g, (one) => px(Number(one)));

function strongest(edges: Edges, most: number): Edges {
  const left = Math.max(0, edges.count - most);
  return left > 0 ? { ...kept(edges, (at) => at >= left), dropped: edges.dropped + left } : edges;
}

/** Lines but for those of some pairs. */
const without = (edges: Edges, pairs: ReadonlySet<string>): Edges =>
  kept(edges, (at) => !pairs.has(`${edges.query[at]} ${edges.key[at]}`));

function kept(edges: Edges, isKept: (at: number) => boolean): Edges {
  const { query, key, strength, negative, head } = edges;
  const test = (_: number, at: number) => isKept(at);
  const own = query.filter(test);
  return {
    ...edges,
    ...{ count: own.length, query: own, key: key.filter(test), strength: strength.filter(test) },
    ...{ negative: negative.filter(test), head: head.filter(test) },
  };
}

interface Shown {
  edges: Edges;
  scale: Scale;
  folds: Record<Side, Fold>;
  isLong: boolean;
}

/** All lines above the threshold; of a text that is too long for a page, the strongest of a few rows. */
function linesShown({ scene, selection, found }: Given & { scene: Scene }, pinned: Record<Side, number[]>): Shown {
  const { units, drawn, scale, count } = scene;
  const counts = { query: units.query.labels.length, key: units.key.labels.length };
  if (scene.isWhole && count <= ROWS) {
    const edges = edgesFrom(indexEdges(drawn, scale), selection.threshold);
    return { edges, scale, folds: { query: unfolded(counts.query), key: unfolded(counts.key) }, isLong: false };
  }
  const side: Side = found?.side ?? (pinned.query.length === 0 && pinned.key.length > 0 ? "key" : "query");
  const other = side === "query" ? "key" : "query";
  const wanted = found ? [...found.rows.keys()].slice(0, ROWS) : windowOf(pinned[side], counts[side], side === "key");
  const most = linesCarried(SHOWN, drawn.length);
  const rule = { count: most, least: 0 };
  const all = new Map(
    wanted.map((one) => [one, found?.rows.get(one) ?? strongestOf(drawn, side, one, counts[other], rule, scale)]),
  );
  const own = new Set(pinned[side]);
  const reach = (rows: ReadonlyMap<number, Row>, radius: number) =>
    foldTo([...endsOf(rows, wanted).keys(), ...pinned[other]], counts[other], radius);
  // As many of each row as the page has room for; what is pinned has all of its own.
  let rows = all;
  for (let each = most; each >= 0 && reach(rows, 0).rows > ROWS; each--) {
    rows = new Map([...all].map(([one, row]) => [one, own.has(one) ? row : strongestIn(row, each)]));
  }
  const fold = [2, 1].map((radius) => reach(rows, radius)).find((one) => one.rows <= ROWS) ?? reach(rows, 0);
  const shown = scaleTo(scale, linesOf(rows, side, own.size > 0 ? [...own] : wanted).largest);
  const folds = { [side]: foldTo(wanted, counts[side], 0), [other]: fold } as Record<Side, Fold>;
  return { edges: linesOf(rows, side, wanted).edges(shown), scale: shown, folds, isLong: true };
}

/** The strongest lines of a row, so many of each head. */
function strongestIn(row: Row, each: number): Row {
  const kept = [...row.values.keys()]
    .sort((one, other) => Math.abs(row.values[other] as number) - Math.abs(row.values[one] as number))
    .filter((at, rank, order) => order.slice(0, rank).filter((one) => row.heads[one] === row.heads[at]).length < each);
  const isKept = (_: number, at: number) => kept.includes(at);
  const [units, heads, values] = [row.units.filter(isKept), row.heads.filter(isKept), row.values.filter(isKept)];
  return { ...row, units, heads, values };
}

/** The rows around the first that is pinned, and the other pinned ones; without any, those of the beginning. */
export function windowOf(pinned: readonly number[], count: number, alone: boolean): number[] {
  if (alone) return pinned.slice(0, SHOWN);
  const first = Math.max(0, Math.min(count - SHOWN, (pinned[0] ?? 0) - SHOWN / 2));
  const around = Array.from({ length: Math.min(SHOWN, count) }, (_, at) => first + at);
  return [...new Set([...around, ...pinned.slice(0, SHOWN)])].sort((a, b) => a - b);
}

interface About {
  pens: Pen[];
  scale: Scale;
  focus: Focus | null;
  edges: Edges;
  isLong: boolean;
  hides: boolean;
}

function legendOf({ scene, selection, categories }: Given & { scene: Scene }, paper: Paper, about: About): Run[][] {
  const { heads, together, leftOut, units } = scene;
  const { pens, scale, focus, edges, isLong, hides } = about;
  const { theme, ink } = paper;
  const signs = signsOf(scale, theme);
  const look = theme === "light" ? "thicker, darker" : "thicker, brighter";
  const [low, high] = endsInWords(scale);
  const colour = pens.length === 1 ? (pens[0] as Pen).colour : ink.quiet;
  const items: Run[][] = [
    [{ text: low }, wedge(colour, signs), { text: high }],
    [{ text: signs ? `${look} = farther from 0${coloursInWords(scale)}` : `${look} = larger ${scale.label}` }],
  ];
  if (isLong) items.push([{ text: "of each row the strongest" }]);
  else if (selection.threshold > 0) items.push([{ text: `from ${roughly(selection.threshold * scale.limit)} on` }]);
  if (edges.dropped > 0) items.push([{ text: `strongest lines only, ${edges.dropped} left out` }]);
  if (together) items.push([{ text: `each line: ${together} of ${howMany(scene.scale, heads.length)}` }]);
  else if (heads.length > 1) {
    heads.forEach((head, at) => {
      const { colour: own, mark } = pens[at] as Pen;
      const main = categories?.fresh ? categories.main(head) : OTHER - 1;
      const kind = categories && main >= OTHER ? ` ${nameOf(categories, main)}` : "";
      items.push([
        { width: 26, draw: (x, y) => sample(x, y - 4, signs ? ink.quiet : own, mark) },
        { text: `${whoseName(scene.scale, head)}${kind}` },
      ]);
    });
    if (focus) items.push([{ text: `numbers: mean of ${howMany(scene.scale, heads.length)}` }]);
  }
  const several = units.query.of(selection.queries).length;
  if (several > 1 && addsUp(scale)) items.push([{ text: `numbers: ${selection.combine} of ${several} queries` }]);
  if (hides)
    items.push([
      { text: "token", strike: true, fill: ink.faint },
      { text: ` ${hiddenIn(scale, focus?.queries ? "key" : "query")}` },
    ]);
  if (leftOut) {
    const names = [leftOut.self && "each token’s own weight", leftOut.first && `the weight on ${units.key.labels[0]}`];
    items.push([{ text: `left out: ${names.filter(Boolean).join(" and ")}; the rest of each row scaled up` }]);
  }
  const any = (flags: "generated" | "special") => units.query[flags].includes(true) || units.key[flags].includes(true);
  if (any("generated")) items.push([{ text: "italic", italic: true }, { text: ": written by the model" }]);
  return items;
}

const LONG = 84; // px

function wedge(colour: string, signs: { negative: string; positive: string } | null): Run {
  const draw = (x: number, y: number) =>
    Array.from({ length: 16 }, (_, at) => {
      const place = (at + 0.5) / 16;
      const value = signs ? 2 * place - 1 : place;
      const strength = Math.abs(value);
      const fill = signs ? signOf(signs, value) : colour;
      return box(
        x + 4 + (at / 16) * LONG,
        y - 4 - lineWidth(strength) / 2,
        LONG / 16 + 0.05,
        lineWidth(strength),
        ` fill="${fill}" opacity="${px(lineOpacity(strength))}"`,
      );
    }).join("");
  return { width: LONG + 6, draw };
}

const sample = (x: number, y: number, colour: string, mark: number): string =>
  `<path d="M${px(x + 8)} ${px(y)}h18" stroke="${colour}" stroke-width="2.5"/><path d="${rounded(markPath(mark, x + 5, y, 3.6))}" fill="${colour}"/>`;
