// What model this is, quietly: its size, how exact what is shown, what it was trained on; and what its attention would
// take, were it all written out.

import { costOf, grouped, size } from "../../layout/cost";
import { tokensOf } from "../../layout/units";
import type { Panel, PanelProps } from "../../parts/panel";
import type { Outline } from "../../wire/schema";

function ModelLine({ context: { state } }: PanelProps) {
  const outline = state.kernel.outline.value;
  if (!outline) return <p class="model" />;
  const { model, layers, kept, heads, maxError, broken, demo, page } = outline;
  const tokens = tokensOf(outline.keys ?? outline.queries).tokens.length;
  const exactness = page
    ? page
    : broken
      ? "the model computed something that is not a number, perhaps by overflow in half precision"
      : maxError === null
        ? "weights as they were given; there is nothing to check them against"
        : `checked against ${model || "the model that was handed over"}: in rows spread over the text, in every head, the ` +
          "weights shown here × the values were compared with the attention outputs that the model itself went on with; " +
          `the largest difference is ${maxError.toExponential(1)}`;
  return (
    <p class="model">
      <span title={[exactness, demo?.about].filter(Boolean).join("\n")}>
        {model && (
          <>
            <b>{model}</b> ·{" "}
          </>
        )}
        {kept.length < layers && `${kept.length} of `}
        {layers} layers × {heads} heads · {grouped(tokens)} {tokens === 1 ? "token" : "tokens"}
        {outline.keys && ` → ${grouped(tokensOf(outline.queries).tokens.length)}`}
        {broken && " · not a number"}
        {maxError !== null && ` · exact to ${maxError.toExponential(0)}`}
        {demo && ` · ${demo.about}`}
      </span>
      <Price outline={outline} />
    </p>
  );
}

/** All weights of this text, and what is kept instead: the price grows with the square of the text's length. */
function Price({ outline: { matrices, nbytes } }: { outline: Outline }) {
  const { product, numbers, bytes } = costOf(matrices);
  const each = matrices.length > 1 ? `${matrices.map(({ attention }) => attention).join(", ")}: ` : "";
  return (
    <span
      class="price"
      title="All attention weights of this text at 4 bytes each, those that the mask forbids among them. They are never all made: what is on screen is computed from what is kept."
    >
      {each}
      {product} = {grouped(numbers)} weights, {size(bytes)} · kept: {size(nbytes)}
    </span>
  );
}

export const modelLine: Panel = { place: "bottom", Component: ModelLine };
