// What the readout says about the spot that is pointed at. Pure.

import { headName } from "../../layout/heads";
import { figure, plus } from "../../layout/numbers";
import {
  becomes,
  changeAt,
  isRoot,
  type NumberName,
  norm,
  numberAt,
  rowOf,
  type StepNumber,
  type Steps,
} from "../../layout/steps";
import { LABELS, pairAt } from "../../layout/steps-beside";
import { COMPARED, type ColumnName } from "../../layout/table";
import { writtenAfter } from "../../layout/units";
import type { SoftmaxParts } from "../../wire/schema";
import type { Shown, Spot } from "./store";

/** Text in pieces; those that stand for tokens are marked, so that they are set as such. */
export type Piece = string | { token: string };

const times = " × ";

export function readingOf(shown: Shown, steps: Steps, spot: Spot): Piece[] {
  const { numbers, dV, payload, changed } = steps;
  const { row, column, dimension } = spot;
  const query: Piece = { token: queryName(shown) };
  const at = (array: NumberName, name: string): Piece[] =>
    dimension === null || !numbers[array]
      ? []
      : [`${name}[${dimension}] = ${becomes(numberAt(steps, array, dimension))}`];

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
    const { weight: model } = payload.rest;
    const { weight: now } = payload.changed?.rest ?? payload.rest;
    return dimension === null
      ? [`${payload.rest.count} more keys, together ${figure(model)}${now === model ? "" : ` → ${figure(now)}`}`]
      : [`${payload.rest.count} more keys together: `, ...at("restWeighted", "weight × v")];
  }
  if (row === "everyHead") {
    const head = Math.floor((dimension ?? 0) / dV);
    const [layer] = payload.head;
    const value = becomes(numberAt(steps, "headOutputs", dimension ?? 0));
    return [`output[${(dimension ?? 0) % dV}] of ${headName([layer, head])} = ${value}`];
  }
  if (row === "contribution") return at("contribution", `what ${headName(payload.head)} writes`);
  if (row === "layer") return at("output", "all heads together");
  if (row === "model") return at("attentionOutput", "the model's own output");
  return readKey(shown, steps, row, column, dimension);
}

function readKey(shown: Shown, steps: Steps, row: number, column: ColumnName, dimension: number | null): Piece[] {
  const { numbers, dK, dV, payload } = steps;
  const { scaled: kept, temperature } = payload.whatIf;
  const query: Piece = { token: queryName(shown) };
  const key: Piece = { token: shown.keys.tokens[payload.rows[row] as number] ?? "?" };
  const hidden = numbers.allowed[row] === 0;
  const change = changeAt(steps, row);
  const dot = figure(numbers.dots[row]);
  const [scaled, score, exp, weight] = (["scaled", "scores", "exponentials", "weights"] as const).map((name) =>
    numberAt(steps, name, row),
  ) as [StepNumber, StepNumber, StepNumber, StepNumber];
  const compared = COMPARED[column];
  if (compared && steps.beside) {
    const { there, apart, reason } = pairAt(steps.beside, numbers.allowed, compared.name, row);
    const both = there === null ? "" : `, in B ${figure(there)}`;
    const more = apart === null ? ` · ${reason}` : `, A − B = ${plus(apart, figure(apart))}`;
    return ["key ", key, `: ${LABELS[compared.name]} in A ${figure(numbers[compared.name][row])}${both}${more}`];
  }
  if (column === "k" && dimension !== null) {
    return [`k[${dimension}] of `, key, ` = ${figure(rowOf(numbers.keys, row, dK)[dimension])}`];
  }
  if (column === "products" && dimension !== null) {
    const product = figure(rowOf(numbers.products, row, dK)[dimension]);
    const k = figure(rowOf(numbers.keys, row, dK)[dimension]);
    const several = payload.queries.length > 1;
    const how = several ? "q × k" : `q ${figure(numbers.query[dimension])}${times}k ${k}`;
    return ["key ", key, ` · dimension ${dimension}: ${how} = ${product}`];
  }
  if (column === "v" && dimension !== null) {
    return [`v[${dimension}] of `, key, ` = ${figure(rowOf(numbers.values, row, dV)[dimension])}`];
  }
  if (column === "weighted" && dimension !== null) {
    const v = figure(rowOf(numbers.values, row, dV)[dimension]);
    const product = becomes(numberAt(steps, "weighted", row * dV + dimension));
    const how = payload.queries.length > 1 ? "" : ` = weight ${becomes(weight)}${times}v ${v}`;
    return ["weight × v", `[${dimension}] of `, key, `${how} = ${product}`];
  }
  const rule = isRoot(payload.scale, dK) ? `÷ √${dK}` : `× ${figure(payload.scale)}`;
  switch (column) {
    case "scaled":
      return ["key ", key, `: ${dot} ${rule} = ${becomes(scaled)}`, kept === false ? ", no longer scaled" : ""];
    case "capped":
      return [
        "key ",
        key,
        `: ${becomes(scaled)}, soft-capped at ±${figure(payload.softcap)}, = ${becomes(numberAt(steps, "capped", row))}`,
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
      const now = payload.changed && !same ? ` → ${power("now", payload.changed)}` : "";
      return ["key ", key, `: ${power("model", payload)}${now}`];
    }
    case "weight":
    case "v":
    case "weighted": {
      const made = (part: "model" | "now", { total }: SoftmaxParts, more = "") =>
        numbers.exponentials && !hidden
          ? `${figure(exp[part])} ÷ ${figure(total)}${more} = ${figure(weight[part])}`
          : figure(weight[part]);
      const { changed } = payload;
      const grown = changed?.grown != null && changed.grown !== 1 ? `${times}${figure(changed.grown)}` : "";
      const more = change.removed ? ", then removed" : grown;
      const now = changed && weight.moved ? ` → ${made("now", changed, more)}` : "";
      const length = column === "weight" ? "" : ` · ‖weight × v‖ = ${becomes(numberAt(steps, "weightedNorms", row))}`;
      return ["weight of ", key, ` = ${made("model", payload)}${now}${length}`];
    }
    case "parts": {
      const each = payload.queries.map((query, nth) => {
        const value = numbers.parts?.[nth * payload.rows.length + row];
        return `${shown.queries.tokens[query]} ${figure(value)}`;
      });
      const before = payload.changed ? " before the change" : "";
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

export function queryName({ payload, queries }: Shown): string {
  const names = payload.queries.map((at) => queries.tokens[at] ?? "?");
  const [written] = payload.queries.map((at) => writtenAfter(queries, at));
  return names.length > 1
    ? `${payload.combine} of ${names.join(", ")}`
    : `${names[0] ?? "?"}${written ? ` ▸ writes ${written}` : ""}`;
}
