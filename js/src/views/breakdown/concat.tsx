// All heads' outputs side by side, and what W_O makes of them.

import type { ComponentChildren } from "preact";
import type { Spot } from "../../breakdown";
import { drawStrip } from "../../draw/strips";
import { figure } from "../../layout/figures";
import { limitOf, norm } from "../../layout/steps";
import { headName } from "../words";
import { Art } from "./art";
import { type DetailProps, Pointed } from "./detail";

const LABEL = 176; // px
const HIGH = 18;

export function Concat(props: DetailProps) {
  const { steps, width, theme, pen } = props;
  const { told, numbers, changed, dV } = steps;
  const { contribution, output, attentionOutput, headOutputs } = numbers;
  const brief = width < 560;
  const label = brief ? 92 : LABEL;
  const long = Math.max(80, width - label);
  const [layer, head] = told.head;
  const { projected } = told;
  const writes = limitOf(output, attentionOutput).end;
  const strip = (
    name: ComponentChildren,
    row: Spot["row"],
    values: Float32Array,
    limit: number,
    extra?: (context: CanvasRenderingContext2D) => void,
  ) => (
    <div class="strip-row">
      <span style={{ width: `${label}px` }}>{name}</span>
      <Pointed
        store={props.store}
        spot={{ row, column: "weighted", dimension: null }}
        box={{ left: 0, top: 0, width: long, height: HIGH }}
        count={values.length}
      >
        <Art
          width={long}
          height={HIGH}
          of={[values, theme, pen]}
          paint={(context) => {
            drawStrip(context, values, { left: 0, top: 2, width: long, height: HIGH - 4 }, limit, theme);
            extra?.(context);
          }}
        />
      </Pointed>
    </div>
  );
  const frameHeads = (context: CanvasRenderingContext2D) => {
    const each = (long * dV) / headOutputs.length;
    context.lineWidth = 2;
    context.strokeStyle = pen;
    context.strokeRect(head * each + 0.5, 1, each - 1, HIGH - 2);
    context.fillStyle = theme === "light" ? "#5a6270" : "#a4acb9";
    for (let at = 1; at < headOutputs.length / dV; at++) {
      if (at !== head && at !== head + 1) context.fillRect(at * each - 0.5, 0, 1, HIGH);
    }
  };
  return (
    <figure class="concat">
      {strip(
        `${headOutputs.length / dV} heads${brief ? "" : " side by side"}`,
        "heads",
        headOutputs,
        limitOf(headOutputs).end,
        frameHeads,
      )}
      {projected.state === "running" && (
        <p class="hint">
          asking the model for its own output
          {projected.total > 0 && ` · ${projected.done} of ${projected.total}`}
        </p>
      )}
      {projected.state === "missing" && <p class="hint">{projected.message || "W_O is not known"}</p>}
      {contribution &&
        strip(
          <>
            {headName([layer, head])} × W<sub>O</sub>
          </>,
          "contribution",
          changed?.contribution ?? contribution,
          writes,
        )}
      {output && strip(`all heads${projected.hasBias ? " + bias" : ""}`, "layer", changed?.output ?? output, writes)}
      {attentionOutput && strip(brief ? "the model" : "the model's own output", "model", attentionOutput, writes)}
      {contribution && output && (
        <p class="fine">
          norms: {headName([layer, head])} {figure(norm(contribution))} · all heads {figure(norm(output))}
          {changed && " · the strips of this head and of all heads show what was changed"}
        </p>
      )}
    </figure>
  );
}
