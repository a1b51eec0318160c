// One row of attention as a table: for each key its numbers from q·k to the weight.

import { accent, headColour } from "../draw/colours";
import { headName } from "../layout/heads";
import { exactWeight, figure, percent } from "../layout/numbers";
import { becomes, changeAt, numberAt, openSteps, scaleName } from "../layout/steps";
import { tokensOf, writtenAfter } from "../layout/units";
import type { Given } from "./given";
import { box, clipped, type Drawing, isolated, middled, type Paper, type Run, SMALL, widthOf, write } from "./svg";

const ROW = 19; // px
const NUMBER = 50; // px that a column has at least
const BAR_MIN = 40;

/** Its name, and its text in a row. */
type Column = [string, (row: number) => string];

export function breakdown({ outline, breakdown: payload, categories }: Given, paper: Paper): Drawing {
  if (!payload || payload.missing) throw new Error(payload?.missing || "the steps are not here");
  const { theme, ink, width } = paper;
  const steps = openSteps(payload);
  const { numbers, dK } = steps;
  const queries = tokensOf(outline.queries);
  const keys = outline.keys ? tokensOf(outline.keys) : queries;
  const several = payload.queries.length > 1;
  const scaled = scaleName(payload.scale, dK);
  const moved = payload.changed !== null;
  const text = (name: Parameters<typeof numberAt>[1]) => (row: number) =>
    becomes(numberAt(steps, name, row), moved ? 3 : 4);
  const hidden = (row: number) => numbers.allowed[row] === 0;
  const score = (row: number) => (hidden(row) ? "−∞" : text("scores")(row));
  const columns: Column[] = [
    ["q·k", text("dots")],
    ...(scaled === "not scaled" ? [] : [[scaled, text("scaled")] as Column]),
    ...(numbers.capped ? [["capped", text("capped")] as Column] : []),
    ...(numbers.bias ? [["bias", text("bias")] as Column] : []),
    ["score", score],
    ["weight", (row) => (moved ? text("weights")(row) : exactWeight(numbers.weights[row] as number))],
  ];
  const last: Column = ["‖weight × v‖", text("weightedNorms")];
  const wideOf = ([name, of]: Column): number =>
    Math.max(
      NUMBER,
      ...[name, ...payload.rows.map((_, row) => of(row))].map((one) => 16 + widthOf(one, SMALL, name === "weight")),
    );
  const tail = wideOf(last);
  const nameOf = (row: number): string => {
    const { masked, set, removed } = changeAt(steps, row);
    const change = [masked && "hidden", set && "set", removed && "removed"].filter(Boolean).join(", ");
    const key = payload.rows[row] as number;
    return `${keys.tokens[key] ?? "?"}${payload.ranked ? ` · ${key}` : ""}${change ? ` (${change})` : ""}`;
  };
  const widest = Math.min(150, Math.max(...payload.rows.map((_, row) => widthOf(nameOf(row)))) + 8);
  // Where there is no room for all columns, those go that can be told from the others.
  const sum = (some: readonly Column[]) => some.reduce((total, one) => total + wideOf(one), 0);
  const left = (some: readonly Column[]) => width - sum(some) - tail - BAR_MIN;
  const shown = left(columns) >= widest ? columns : columns.filter(([name]) => name !== "q·k" && name !== "score");
  const label = Math.max(40, Math.min(widest, left(shown)));
  const bar = Math.max(BAR_MIN, Math.min(300, width - label - sum(shown) - tail));
  const rights = shown.map((_, at) => label + sum(shown.slice(0, at + 1)));
  const start = label + sum(shown) + 8;
  const [layer, head] = payload.head;
  const colour = headColour(categories, [layer, head], theme) ?? accent(theme);
  const most = numbers.weights.reduce((largest, weight) => Math.max(largest, weight || 0), 0) || 1;

  const style = { size: SMALL, fill: ink.quiet };
  const end = Math.min(width, start + bar - 8 + tail);
  let svg = write(0, 14, "key", style);
  shown.forEach(([name], at) => {
    const whole = name === scaled && shown.length < columns.length ? `q·k ${name}` : name;
    svg += write(rights[at] as number, 14, whole, { ...style, anchor: "end" });
  });
  svg += write(end, 14, last[0], { ...style, anchor: "end" }) + box(0, 20, end, 1, ` fill="${ink.line}"`);
  let y = 24;
  payload.rows.forEach((key, row) => {
    const middle = y + ROW / 2;
    const fill = hidden(row) ? ink.faint : undefined;
    svg += write(0, middled(middle), isolated(clipped(nameOf(row), label - 6)), {
      fill,
      strike: hidden(row),
      more: ` data-key="${key}"`,
    });
    shown.forEach(([column, of], at) => {
      const isWeight = column === "weight";
      svg += write(rights[at] as number, middled(middle, SMALL), of(row), {
        size: SMALL,
        bold: isWeight && !hidden(row),
        fill: fill ?? (isWeight ? undefined : ink.quiet),
        anchor: "end",
      });
    });
    const weight = numberAt(steps, "weights", row).now ?? 0;
    if (weight > 0)
      svg += box(start, middle - 4, Math.max(0.5, ((bar - 12) * weight) / most), 8, ` rx="1.5" fill="${colour}"`);
    svg += write(end, middled(middle, SMALL), hidden(row) ? "" : last[1](row), { ...style, anchor: "end" });
    y += ROW;
  });
  const { rest } = payload;
  if (rest.count > 0) {
    svg += write(
      0,
      middled(y + ROW / 2, SMALL),
      `${rest.count} more keys together: ${rest.weight === null ? "not a number" : percent(rest.weight, 1)}`,
      style,
    );
    y += ROW;
  }
  svg += box(0, y + 2, end, 1, ` fill="${ink.line}"`);
  y += 6;
  const names = payload.queries.map((at) => isolated(queries.tokens[at] ?? "?"));
  const written = several ? "" : writtenAfter(queries, payload.queries[0] ?? 0);
  const query = several
    ? `${payload.combine} of ${names.join(", ")}`
    : `${names[0]}${written ? ` ▸ writes ${written}` : ""}`;
  const legend: Run[][] = [
    [
      { text: "score", bold: true },
      { text: ` = ${formula(scaled, payload.softcap, numbers.bias !== undefined, outline.formula.includes("mask"))}` },
    ],
    [
      { text: "weight", bold: true },
      { text: ` = exp(score) ÷ sum of exp(score) over the keys${payload.sink ? " and the sink" : ""}` },
    ],
    [{ text: `head output = sum of weight × v over ${payload.visible} keys` }],
  ];
  if (payload.masked > 0)
    legend.push([{ text: "token", strike: true, fill: ink.faint }, { text: " hidden by the mask: score −∞" }]);
  if (several) legend.push([{ text: `numbers: ${payload.combine} of ${payload.queries.length} queries` }]);
  if (payload.ranked) legend.push([{ text: "keys of largest weight first, with their positions" }]);
  if (moved) legend.push([{ text: "→ what if: the model’s number → the changed one", bold: true }]);
  const best = numbers.weights.indexOf(Math.max(...Array.from(numbers.weights, (weight) => weight || 0)));
  const to = keys.tokens[payload.rows[best] ?? 0] ?? "?";
  return {
    title: [
      [
        { text: `${headName(payload.head)} ` },
        { text: `${query} → ${isolated(to)} ${exactWeight(numbers.weights[best] ?? Number.NaN)}`, bold: true },
        { text: ` the largest weight of ${payload.visible}`, fill: ink.quiet },
      ],
    ],
    svg,
    height: y,
    legend,
  };
}

function formula(scaled: string, softcap: number | null, biased: boolean, masked: boolean): string {
  const product = scaled === "not scaled" ? "q·k" : `q·k ${scaled}`;
  const capped = softcap === null ? product : `${figure(softcap)} tanh((${product}) ÷ ${figure(softcap)})`;
  return `${capped}${biased ? " + bias" : ""}${masked ? " + mask" : ""}`;
}
