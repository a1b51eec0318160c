// Where the steps stand in the model: from tokens to output, with the residual stream as the line through.

import type { Step } from "../../layout/steps";
import type { Station, Pipeline as Way } from "../../wire/schema";
import type { Level } from "./store";

interface Props {
  way: Way;
  layer: number;
  step: Step;
  level: Level;
}

export function Pipeline({ way, layer, step, level }: Props) {
  const { stops, layers } = way;
  const first = stops.findIndex(({ inLayer }) => inLayer);
  const last = first + stops.filter(({ inLayer }) => inLayer).length;
  const phase = step === 1 ? "takes-in" : step === 7 ? "gives-out" : "";
  const draw = ({ name, adds, beside, before, inside, here }: Station, at: number) => (
    <li
      key={at}
      class={[adds && "adds", beside && "beside", here && `lit ${phase}`].filter(Boolean).join(" ")}
      aria-current={here ? "location" : undefined}
    >
      <span>
        {before && <small>norm ▸ </small>}
        {name}
        {inside && <small> ▸ norm</small>}
      </span>
    </li>
  );
  return (
    <section class="pipeline" aria-label="where this is in the model">
      <ol>
        {stops.slice(0, first).map(draw)}
        <li class="loop">
          <ol>{stops.slice(first, last).map(draw)}</ol>
          <small class="at">
            layer {layer} of 0–{layers - 1}
          </small>
        </li>
        {stops.slice(last).map(draw)}
      </ol>
      <details>
        <summary>where is this?</summary>
        <p>{way[level === "off" ? "sentence" : level]}</p>
      </details>
    </section>
  );
}
