// Puts another mask in the place of the model's own: one that has a name, or one that is painted.

import { useLayoutEffect, useRef } from "preact/hooks";
import { FILL } from "../../draw/mask";
import { kindsIn, MEANING } from "../../layout/masks";
import type { Context } from "../../parts/context";
import type { Panel, PanelProps } from "../../parts/panel";
import { Grid } from "./grid";
import css from "./mask.css";
import { Presets } from "./presets";

function MaskEditor({ context }: PanelProps) {
  return context.masks.open.value && context.state.kernel.outline.value ? <Editor context={context} /> : null;
}

const MODES = {
  head: {
    label: "each head alone",
    says: "Queries and keys stay as the model made them; only the softmax is taken again. No later layer feels it.",
  },
  model: {
    label: "the whole model",
    says: "The text is run again with this mask in every layer: what one layer makes of it, the next one reads.",
  },
} as const;

function Editor({ context }: { context: Context }) {
  const { masks, state } = context;
  const { told, cells, problem, canUndo, canRedo, undo, redo, leave } = masks;
  const box = useRef<HTMLElement>(null);
  const outline = state.kernel.outline.value;
  const put = outline?.mask ?? null;
  const isPage = outline?.page !== null;
  const close = () => {
    box.current?.closest("[data-attnwidget]")?.querySelector<HTMLElement>(".mask-button")?.focus();
    masks.open.value = false;
  };
  useLayoutEffect(() => {
    box.current?.querySelector<HTMLElement>("select, button")?.focus({ preventScroll: true });
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    if (event.key === "Escape") {
      leave();
      if (!masks.open.peek()) close();
    } else if (isUndo) (event.shiftKey ? redo : undo)();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const now = told.value;
  return (
    <section ref={box} class="mask-editor" aria-label="mask" data-waits={masks.waits.value} onKeyDown={onKeyDown}>
      {isPage ? (
        <p class="hint mask-missing">
          {put ? put.sentence : "What is on screen was computed under the model’s own mask."} Another mask takes the
          model’s kernel, and this is a saved page: open the notebook.
        </p>
      ) : problem.value || !now ? (
        <p class="hint mask-missing">
          {problem.value || (context.client.silent.value ? "Another mask takes a kernel." : "reading the mask …")}
        </p>
      ) : (
        <>
          <Grid context={context} />
          <div class="mask-controls">
            <Presets masks={masks} told={now} />
            <p class="mask-says" aria-live="polite">
              {state.traits.mask.value == null ? "The model’s own mask is on." : now.sentence}
            </p>
            <fieldset class="mask-modes">
              <legend>applied to</legend>
              {(["head", "model"] as const).map((mode) => (
                <label key={mode}>
                  <input
                    type="radio"
                    name="mask-mode"
                    checked={state.traits.mask_mode.value === mode}
                    disabled={Boolean(now.missing[mode])}
                    onChange={() => state.set({ mask_mode: mode })}
                  />
                  <span>
                    <b>{MODES[mode].label}</b> <span class="hint">{now.missing[mode] || MODES[mode].says}</span>
                  </span>
                </label>
              ))}
            </fieldset>
            <div class="mask-steps">
              <button type="button" class="small-button" disabled={!canUndo.value} title="Ctrl+Z" onClick={undo}>
                undo
              </button>
              <button type="button" class="small-button" disabled={!canRedo.value} title="Ctrl+Shift+Z" onClick={redo}>
                redo
              </button>
              <button
                type="button"
                class="small-button"
                disabled={masks.chosen.value === null}
                title="Escape"
                onClick={() => masks.put(null)}
              >
                the model’s own mask
              </button>
            </div>
            <p class="fine">
              {now.exact
                ? "Drag in the grid, or use arrows and space: a pair is hidden, or may attend."
                : "There are too many pairs here to be painted: choose a mask that has a name."}
            </p>
            <ul class="mask-legend" aria-label="colours">
              {cells.value &&
                kindsIn(cells.value).map((kind) => (
                  <li key={kind}>
                    <i
                      class={kind === "forbidden" ? "swatch mask-hatch" : "swatch"}
                      style={kind === "forbidden" ? {} : { "--pen": FILL[context.theme.value][kind] }}
                    />
                    {MEANING[kind]}
                  </li>
                ))}
            </ul>
          </div>
        </>
      )}
      <button type="button" class="close-find" aria-label="close the mask editor" title="close" onClick={close}>
        ×
      </button>
    </section>
  );
}

export const maskEditor: Panel = { place: "reading", css, Component: MaskEditor };
