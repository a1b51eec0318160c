// What the status line says about the spot that is pointed at. Pure.

import type { Shown, Spot } from "../../breakdown";
import { figure } from "../../layout/figures";
import { isRoot, norm, rowOf, type Steps } from "../../layout/steps";
import type { ColumnName } from "../../layout/table";
import { headName } from "../words";

/** Text in pieces; those that stand for tokens are marked, so that they are set as such. */
export type Piece = string | { token: string };

const times = " × ";

export function saySpot(shown: Shown, steps: Steps, spot: Spot): Piece[] {
  const { numbers, dV, told, changed } = steps;
  const { row, column, dimension } = spot;
  const query: Piece = { token: queryName(shown) };
  const at = (values: Float32Array | undefined, name: string): Piece[] =>
    dimension === null || !values ? [] : [`${name}[${dimension}] = ${figure(values[dimension])}`];

  if (row === "query") {
    return dimension === null
      ? ["query of ", query]
      : [`q[${dimension}] of `, query, ` = ${figure(numbers.query[dimension])}`];
  }
  if (row === "output" || row === "changed") {
    const values = row === "output" ? numbers.headOutput : changed?.headOutput;
    const name = row === "output" ? "head output" : "head output, changed";
    return dimension === null || !values ? [`${name}: norm ${figure(values && norm(values))}`] : at(values, name);
  }
  if (row === "rest") {
    return dimension === null
      ? [`${told.rest.count} more keys, together ${figure(told.rest.weight)}`]
      : [`${told.rest.count} more keys together: `, ...at(numbers.restWeighted, "weight × v")];
  }
  if (row === "heads") {
    const head = Math.floor((dimension ?? 0) / dV);
    const [layer] = told.head;
    return [
      `output[${(dimension ?? 0) % dV}] of ${headName([layer, head])} = ${figure(numbers.headOutputs[dimension ?? 0])}`,
    ];
  }
  if (row === "contribution") return at(numbers.contribution, `what ${headName(told.head)} writes`);
  if (row === "layer") return at(numbers.output, "all heads together");
  if (row === "model") return at(numbers.attentionOutput, "the model's own output");
  return sayKey(shown, steps, row, column, dimension);
}

function sayKey(shown: Shown, steps: Steps, row: number, column: ColumnName, dimension: number | null): Piece[] {
  const { numbers, dK, dV, told, changed } = steps;
  const query: Piece = { token: queryName(shown) };
  const key: Piece = { token: shown.keys.tokens[told.rows[row] as number] ?? "?" };
  const hidden = numbers.allowed[row] === 0;
  const weight = numbers.weights[row];
  const dot = figure(numbers.dots[row]);
  const scaled = figure(numbers.scaled[row]);
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
    const product = figure(rowOf(numbers.weighted, row, dV)[dimension]);
    const how = told.queries.length > 1 ? "" : ` = weight ${figure(weight)}${times}v ${v}`;
    return ["weight × v", `[${dimension}] of `, key, `${how} = ${product}`];
  }
  const rule = isRoot(told.scale, dK) ? `÷ √${dK}` : `× ${figure(told.scale)}`;
  switch (column) {
    case "scaled":
      return ["key ", key, `: ${dot} ${rule} = ${scaled}`];
    case "capped":
      return ["key ", key, `: ${scaled}, soft-capped at ±${figure(told.softcap)}, = ${figure(numbers.capped?.[row])}`];
    case "bias":
      return ["key ", key, `: bias = ${figure(numbers.bias?.[row])}`];
    case "score":
      return hidden
        ? ["key ", key, ": hidden by the mask, score −∞"]
        : ["key ", key, `: score = ${figure(numbers.scores[row])}`, ...was(changed?.scores[row])];
    case "exp":
      return [
        "key ",
        key,
        `: exp(${figure(numbers.scores[row])} − max ${figure(told.maximum)}) = ${figure(numbers.exponentials?.[row])}`,
      ];
    case "weight":
    case "v":
    case "weighted": {
      const made =
        numbers.exponentials && !hidden
          ? `${figure(numbers.exponentials[row])} ÷ ${figure(told.total)} = ${figure(weight)}`
          : figure(weight);
      const length = column === "weight" ? "" : ` · ‖weight × v‖ = ${figure(numbers.norms[row])}`;
      return ["weight of ", key, ` = ${made}${length}`, ...was(changed?.weights[row])];
    }
    case "parts": {
      const each = told.queries.map((query, nth) => {
        const value = numbers.parts?.[nth * told.rows.length + row];
        return `${shown.queries.tokens[query]} ${figure(value)}`;
      });
      return ["weight of ", key, ` by query: ${each.join(" · ")}`];
    }
    case "k":
    case "products":
    case "dot":
      return ["q·k of ", query, " and ", key, ` = ${dot}, the sum of ${dK} products`];
    default:
      return [
        "key ",
        key,
        hidden
          ? ": hidden by the mask"
          : `: q·k ${dot}, score ${figure(numbers.scores[row])}, weight ${figure(weight)}`,
      ];
  }
}

const was = (changed: number | undefined): Piece[] =>
  changed === undefined ? [] : [` · changed to ${figure(changed)}`];

export function queryName({ told, queries }: Shown): string {
  const names = told.queries.map((at) => queries.tokens[at] ?? "?");
  return names.length > 1 ? `${told.combine} of ${names.join(", ")}` : (names[0] ?? "?");
}
