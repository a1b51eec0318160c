// What model this is, and how exact what it shows.

import type { Outline } from "../../wire/schema";

export function ModelLine({ outline }: { outline: Outline }) {
  const { model, layers, heads, maxError, broken } = outline;
  const tokens = (outline.keys ?? outline.queries).tokens.length;
  const exactness = broken
    ? "the model computed something that is not a number, perhaps by overflow in half precision"
    : maxError === null
      ? "weights as they were given; there is nothing to check them against"
      : `checked: weights × values differ from the model's own attention by at most ${maxError.toExponential(1)}`;
  return (
    <p class="model" title={exactness}>
      {model && (
        <>
          <b>{model}</b> ·{" "}
        </>
      )}
      {layers} layers × {heads} heads · {tokens} {tokens === 1 ? "token" : "tokens"}
      {outline.keys && ` → ${outline.queries.tokens.length}`}
      {broken && " · not a number"}
      {maxError !== null && <span class="check"> · exact to {maxError.toExponential(0)}</span>}
    </p>
  );
}
