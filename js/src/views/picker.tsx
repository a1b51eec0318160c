// All heads as a grid of small pictures.

import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { accent, pensFor } from "../draw/colours";
import { drawPictures } from "../draw/pictures";
import type { Theme } from "../host";
import type { State } from "../state";
import { decodeArray } from "../wire/decode";
import type { Head, Outline } from "../wire/protocol";
import { headName } from "./words";

interface Props {
  state: State;
  outline: Outline;
  theme: ReadonlySignal<Theme>;
}

const LABEL = 26; // px for the layer's number
const FEW = 8;
const SOME = 16;

/** The grid's cells: as large as the number of heads allows, never too small to hit. */
export function gridOf(heads: number): { cell: number; gap: number; width: number } {
  const [cell, gap] = heads <= FEW ? [22, 2] : heads <= SOME ? [15, 2] : [10, 1];
  return { cell, gap, width: LABEL + heads * (cell + gap) };
}

export function Picker({ state, outline, theme }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { layers, heads } = outline;
  const { cell, gap } = gridOf(heads);
  const selected = useComputed(() => {
    const shown = state.traits.heads.value;
    const pens = pensFor(shown.length, theme.value);
    return new Map(shown.map((head, at) => [headName(head), shown.length > 1 ? pens[at]?.colour : ""]));
  });
  const mounted = useSignal(false);
  mounted.value = true;

  useSignalEffect(() => {
    const pictures = state.told._pictures.value;
    if (!canvas.current || !pictures || !mounted.value) return;
    if (pictures.run !== state.told._outline.value?.run) return; // of the text before
    const decoded = decodeArray({ ...pictures, dtype: "uint8" });
    drawPictures(canvas.current, decoded, { cell, gap }, accent(theme.value));
  });

  const choose = (head: Head, add: boolean) => {
    const before = state.traits.heads.value;
    if (!add) {
      state.set({ heads: [head], layer: head[0] });
      return;
    }
    const rest = before.filter((one) => headName(one) !== headName(head));
    const next = rest.length < before.length ? rest : [...before, head];
    if (next.length > 0) state.set({ heads: next, layer: (next.at(-1) as Head)[0] });
  };

  const onKeyDown = (event: KeyboardEvent, [layer, head]: Head) => {
    const to = {
      ArrowUp: [layer - 1, head],
      ArrowDown: [layer + 1, head],
      ArrowLeft: [layer, head - 1],
      ArrowRight: [layer, head + 1],
    }[event.key] as Head | undefined;
    if (!to) return;
    event.preventDefault();
    if (to[0] < 0 || to[0] >= layers || to[1] < 0 || to[1] >= heads) return;
    choose(to, event.shiftKey);
    const grid = (event.currentTarget as Element).closest(".picker") as Element;
    grid.querySelector<HTMLElement>(`[data-head="${headName(to)}"]`)?.focus();
  };

  const entry = headName(state.traits.heads.value.at(-1) ?? [0, 0]);
  const range = (length: number) => Array.from({ length }, (_, at) => at);
  const every = cell >= 15 ? 1 : 4; // head numbers that fit
  return (
    <div class="picker" style={{ "--cell": `${cell}px`, "--gap": `${gap}px` }}>
      <div class="picker-row head-numbers" aria-hidden="true">
        <span class="layer" />
        {range(heads).map((head) => (
          <span key={head}>{head % every === 0 ? head : ""}</span>
        ))}
      </div>
      <div class="picker-body">
        <canvas ref={canvas} style={{ left: `${LABEL}px` }} />
        {range(layers).map((layer) => (
          // biome-ignore lint/a11y/useSemanticElements: a fieldset is no grid row
          <div class="picker-row" key={layer} role="group" aria-label={`layer ${layer}`}>
            <button
              type="button"
              class="layer"
              tabIndex={layer === state.traits.layer.value ? 0 : -1}
              title={`all heads of layer ${layer}`}
              aria-label={`all heads of layer ${layer}`}
              onClick={() => state.set({ heads: range(heads).map((head): Head => [layer, head]), layer })}
            >
              {layer}
            </button>
            {range(heads).map((head) => {
              const name = headName([layer, head]);
              return (
                <button
                  type="button"
                  key={head}
                  class="cell"
                  data-head={name}
                  aria-pressed={selected.value.has(name)}
                  aria-label={name}
                  title={name}
                  tabIndex={name === entry ? 0 : -1}
                  style={selected.value.get(name) ? { "--pen": selected.value.get(name) } : {}}
                  onClick={(event) => choose([layer, head], event.shiftKey)}
                  onKeyDown={(event) => onKeyDown(event, [layer, head])}
                />
              );
            })}
          </div>
        ))}
      </div>
    </div>
  );
}
