// What model this is, quietly: its size, how exact what is shown, what it was trained on.

import type { Panel, PanelProps } from "../../parts/panel";

function ModelLine({ context: { state } }: PanelProps) {
  const outline = state.kernel.outline.value;
  if (!outline) return <p class="model" />;
  const { model, layers, heads, maxError, broken, demo } = outline;
  const tokens = (outline.keys ?? outline.queries).tokens.length;
  const exactness = broken
    ? "the model computed something that is not a number, perhaps by overflow in half precision"
    : maxError === null
      ? "weights as they were given; there is nothing to check them against"
      : `checked against ${model || "the model that was handed over"}: in rows spread over the text, in every head, the ` +
        "weights shown here × the values were compared with the attention outputs that the model itself went on with; " +
        `the largest difference is ${maxError.toExponential(1)}`;
  return (
    <p class="model" title={[exactness, demo?.about].filter(Boolean).join("\n")}>
      {model && (
        <>
          <b>{model}</b> ·{" "}
        </>
      )}
      {layers} layers × {heads} heads · {tokens} {tokens === 1 ? "token" : "tokens"}
      {outline.keys && ` → ${outline.queries.tokens.length}`}
      {broken && " · not a number"}
      {maxError !== null && ` · exact to ${maxError.toExponential(0)}`}
      {demo && ` · ${demo.about}`}
    </p>
  );
}

export const modelLine: Panel = { place: "bottom", Component: ModelLine };
