// What the status line says about the spot that is pointed at. Pure.

import type { Shown, Spot } from "../../breakdown";
import { becomes, figure } from "../../layout/figures";
import { changeAt, isRoot, norm, rowOf, type Seen, type SeenName, type Steps, seen } from "../../layout/steps";
import type { ColumnName } from "../../layout/table";
import type { SoftmaxParts } from "../../wire/protocol";
import { headName } from "../words";

/** Text in pieces; those that stand for tokens are marked, so that they are set as such. */
export type Piece = string | { token: string };

const times = " × ";

export function saySpot(shown: Shown, steps: Steps, spot: Spot): Piece[] {
  const { numbers, dV, told, changed } = steps;
  const { row, column, dimension } = spot;
  const query: Piece = { token: queryName(shown) };
  const at = (array: SeenName, name: string): Piece[] =>
    dimension === null || !numbers[array] ? [] : [`${name}[${dimension}] = ${becomes(seen(steps, array, dimension))}`];

  if (row === "query") {
    return dimension === null
      ? ["query of ", query]
      : [`q[${dimension}] of `, query, ` = ${figure(numbers.query[dimension])}`];
  }
  if (row === "output" || row === "changed") {
    const values = row === "output" ? numbers.headOutput : changed?.headOutput;
    const name = row === "output" ? "head output" : "head output, changed";
    return dimension === null || !values
      ? [`${name}: norm ${figure(values && norm(values))}`]
      : [`${name}[${dimension}] = ${figure(values[dimension])}`];
  }
  if (row === "rest") {
    const { weight: model } = told.rest;
    const { weight: now } = told.changed?.rest ?? told.rest;
    return dimension === null
      ? [`${told.rest.count} more keys, together ${figure(model)}${now === model ? "" : ` → ${figure(now)}`}`]
      : [`${told.rest.count} more keys together: `, ...at("restWeighted", "weight × v")];
  }
  if (row === "heads") {
    const head = Math.floor((dimension ?? 0) / dV);
    const [layer] = told.head;
    const value = becomes(seen(steps, "headOutputs", dimension ?? 0));
    return [`output[${(dimension ?? 0) % dV}] of ${headName([layer, head])} = ${value}`];
  }
  if (row === "contribution") return at("contribution", `what ${headName(told.head)} writes`);
  if (row === "layer") return at("output", "all heads together");
  if (row === "model") return at("attentionOutput", "the model's own output");
  return sayKey(shown, steps, row, column, dimension);
}

function sayKey(shown: Shown, steps: Steps, row: number, column: ColumnName, dimension: number | null): Piece[] {
  const { numbers, dK, dV, told } = steps;
  const { scaled: kept, temperature } = told.whatIf;
  const query: Piece = { token: queryName(shown) };
  const key: Piece = { token: shown.keys.tokens[told.rows[row] as number] ?? "?" };
  const hidden = numbers.allowed[row] === 0;
  const change = changeAt(steps, row);
  const dot = figure(numbers.dots[row]);
  const [scaled, score, exp, weight] = (["scaled", "scores", "exponentials", "weights"] as const).map((name) =>
    seen(steps, name, row),
  ) as [Seen, Seen, Seen, Seen];
  if (column === "k" && dimension !== null) {
    return [`k[${dimension}] of `, key, ` = ${figure(rowOf(numbers.keys, row, dK)[dimension])}`];
  }
  if (column === "products" && dimension !== null) {
    const product = figure(rowOf(numbers.products, row, dK)[dimension]);
    const k = figure(rowOf(numbers.keys, row, dK)[dimension]);
    const several = told.queries.length > 1;
    const how = several ? "q × k" : `q ${figure(numbers.query[dimension])}${times}k ${k}`;
    return ["key ", key, ` · dimension ${dimension}: ${how} = ${product}`];
  }
  if (column === "v" && dimension !== null) {
    return [`v[${dimension}] of `, key, ` = ${figure(rowOf(numbers.values, row, dV)[dimension])}`];
  }
  if (column === "weighted" && dimension !== null) {
    const v = figure(rowOf(numbers.values, row, dV)[dimension]);
    const product = becomes(seen(steps, "weighted", row * dV + dimension));
    const how = told.queries.length > 1 ? "" : ` = weight ${becomes(weight)}${times}v ${v}`;
    return ["weight × v", `[${dimension}] of `, key, `${how} = ${product}`];
  }
  const rule = isRoot(told.scale, dK) ? `÷ √${dK}` : `× ${figure(told.scale)}`;
  switch (column) {
    case "scaled":
      return ["key ", key, `: ${dot} ${rule} = ${becomes(scaled)}`, kept === false ? ", no longer scaled" : ""];
    case "capped":
      return [
        "key ",
        key,
        `: ${becomes(scaled)}, soft-capped at ±${figure(told.softcap)}, = ${becomes(seen(steps, "capped", row))}`,
      ];
    case "bias":
      return ["key ", key, `: bias = ${figure(numbers.bias?.[row])}`];
    case "score":
      return hidden
        ? ["key ", key, ": hidden by the mask, score −∞"]
        : ["key ", key, `: score = ${becomes(score)}`, scoreChange(change, temperature)];
    case "exp": {
      const power = (part: "model" | "now", { maximum }: SoftmaxParts) =>
        `exp(${figure(score[part])} − max ${figure(maximum)}) = ${figure(exp[part])}`;
      const same = !score.moved && !exp.moved;
      const now = told.changed && !same ? ` → ${power("now", told.changed)}` : "";
      return ["key ", key, `: ${power("model", told)}${now}`];
    }
    case "weight":
    case "v":
    case "weighted": {
      const made = (part: "model" | "now", { total }: SoftmaxParts, more = "") =>
        numbers.exponentials && !hidden
          ? `${figure(exp[part])} ÷ ${figure(total)}${more} = ${figure(weight[part])}`
          : figure(weight[part]);
      const { changed } = told;
      const grown = changed?.grown != null && changed.grown !== 1 ? `${times}${figure(changed.grown)}` : "";
      const more = change.removed ? ", then removed" : grown;
      const now = changed && weight.moved ? ` → ${made("now", changed, more)}` : "";
      const length = column === "weight" ? "" : ` · ‖weight × v‖ = ${becomes(seen(steps, "norms", row))}`;
      return ["weight of ", key, ` = ${made("model", told)}${now}${length}`];
    }
    case "parts": {
      const each = told.queries.map((query, nth) => {
        const value = numbers.parts?.[nth * told.rows.length + row];
        return `${shown.queries.tokens[query]} ${figure(value)}`;
      });
      const before = told.changed ? " before the change" : "";
      return ["weight of ", key, ` by query${before}: ${each.join(" · ")}`];
    }
    case "k":
    case "products":
    case "dot":
      return ["q·k of ", query, " and ", key, ` = ${dot}, the sum of ${dK} products`];
    default:
      return [
        "key ",
        key,
        hidden ? ": hidden by the mask" : `: q·k ${dot}, score ${becomes(score)}, weight ${becomes(weight)}`,
      ];
  }
}

/** What changes a score; with a temperature, all that no one set by hand. */
function scoreChange({ masked, set }: { masked: boolean; set: boolean }, temperature: number | undefined): string {
  if (masked) return ", hidden by What if";
  if (set) return ", set by hand";
  return temperature === undefined ? "" : `, divided by the temperature ${temperature}`;
}

export function queryName({ told, queries }: Shown): string {
  const names = told.queries.map((at) => queries.tokens[at] ?? "?");
  return names.length > 1 ? `${told.combine} of ${names.join(", ")}` : (names[0] ?? "?");
}
