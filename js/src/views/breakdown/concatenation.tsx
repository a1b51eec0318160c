// All heads' outputs side by side, and what W_O makes of them.

import type { ComponentChildren } from "preact";
import { drawStrip } from "../../draw/strips";
import { headName } from "../../layout/heads";
import { becomes, type Limit, limitOf, norm } from "../../layout/steps";
import { Canvas } from "./canvas";
import type { ViewProps } from "./context";
import { Legend } from "./legend";
import { Pointed } from "./pointed";
import type { Spot } from "./store";

const LABEL = 176; // px
const SCALE = 132; // px for a scale on the right
const SCALE_BRIEF = 52;
const HIGH = 18;

export function Concatenation(props: ViewProps) {
  const { steps, width, theme, pen } = props;
  const { payload, numbers, changed, dV } = steps;
  const { contribution, output, attentionOutput, headOutputs } = numbers;
  const now = { ...numbers, ...changed };
  const brief = width < 560;
  const label = brief ? 92 : LABEL;
  const long = Math.max(80, width - label - (brief ? SCALE_BRIEF : SCALE));
  const [layer, head] = payload.head;
  const { projected } = payload;
  const all = limitOf(headOutputs, changed?.headOutputs);
  const writes = limitOf(output, attentionOutput);
  const strip = (
    name: ComponentChildren,
    row: Spot["row"],
    values: Float32Array,
    limit: Limit,
    scale: boolean,
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
        <Canvas
          width={long}
          height={HIGH}
          of={[values, theme, pen]}
          paint={(context) => {
            drawStrip(context, values, { left: 0, top: 2, width: long, height: HIGH - 4 }, limit.end, theme);
            extra?.(context);
          }}
        />
      </Pointed>
      <span class="strip-scale" style={{ width: `${brief ? SCALE_BRIEF : SCALE}px` }}>
        {scale && <Legend limit={limit} theme={theme} brief={brief} />}
      </span>
    </div>
  );
  const length = (name: "contribution" | "output") => {
    const [model, after] = [numbers[name], now[name]].map((values) => values && norm(values));
    return becomes({ model, now: after, moved: model !== after });
  };
  const mark = changed ? "blue" : "";
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
        <span class={mark}>
          {headOutputs.length / dV} heads{brief ? "" : " side by side"}
        </span>,
        "everyHead",
        now.headOutputs,
        all,
        true,
        frameHeads,
      )}
      {now.contribution &&
        strip(
          <span class={mark}>
            {headName([layer, head])} × W<sub>O</sub>
          </span>,
          "contribution",
          now.contribution,
          writes,
          true,
        )}
      {now.output &&
        strip(
          <span class={mark}>all heads{projected.hasBias && !brief && " + bias"}</span>,
          "layer",
          now.output,
          writes,
          false,
        )}
      {attentionOutput &&
        strip(brief ? "the model" : "the model's own output", "model", attentionOutput, writes, false)}
      {contribution && output && (
        <p class="fine">
          norms: {headName([layer, head])} {length("contribution")} · all heads {length("output")}
        </p>
      )}
    </figure>
  );
}
