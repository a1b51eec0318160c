// How far every head's rows are from one head's: Jensen–Shannon divergences; as heads/similar.py.

import { isForbidden } from "../layout/tile";
import type { Answer, Asked } from "./answer";
import type { Alive, Book } from "./book";
import { spread } from "./rows";

const QUERIES = 64; // of a longer text, so many are compared

/** A row of weights with what goes to no key behind them, and how many keys it may attend to. */
interface Row {
  weights: Float64Array;
  sees: number;
}

export async function similar(book: Book, attention: string, ask: Asked<"similar">, alive: Alive): Promise<Answer> {
  const { outline } = book.attention(attention);
  const n = book.sides(attention)[0].tokens.length;
  const queries = spread(n, QUERIES);
  const own = await book.layer(attention, ask.layer);
  const those = queries.map((query) => read(own.row("weights", ask.head, query)));
  const numbers = new Float32Array(outline.layers * outline.heads).fill(Number.NaN);
  for (const number of outline.kept) {
    const layer = await book.layer(attention, number);
    for (const head of layer.about.heads) {
      let [sum, count] = [0, 0];
      for (const [at, query] of queries.entries()) {
        await alive(number * outline.heads + head, numbers.length);
        const [one, other] = [those[at] as Row, read(layer.row("weights", head, query))];
        if (one.sees === 0 || other.sees === 0 || (one.sees === 1 && other.sees === 1)) continue;
        sum += divergence(one.weights, other.weights);
        count += 1;
      }
      numbers[number * outline.heads + head] = sum / count;
    }
  }
  const sampled = queries.length < n ? queries.length : null;
  return { shape: [outline.layers, outline.heads], numbers, more: { sampled } };
}

function read(row: Float32Array): Row {
  const weights = new Float64Array(row.length + 1);
  let [sum, sees] = [0, 0];
  row.forEach((value, key) => {
    if (isForbidden(value)) return;
    weights[key] = value;
    sum += value;
    sees += 1;
  });
  weights[row.length] = Math.max(0, 1 - sum);
  return { weights, sees };
}

/** In bits. */
function divergence(one: Float64Array, other: Float64Array): number {
  let apart = 0;
  for (let at = 0; at < one.length; at++) {
    const [p, q] = [one[at] as number, other[at] as number];
    apart += entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2;
  }
  return Number.isNaN(apart) ? apart : Math.max(0, apart) / Math.LN2;
}

const entropy = (p: number): number => (p === 0 ? 0 : -p * Math.log(p));
