// In every view: which heads are off, what that did to the loss, and a way back.

import { offInWords } from "../layout/effects";
import { figure } from "../layout/numbers";
import { handOver } from "../parts/keep-focus";
import type { Panel, PanelProps } from "../parts/panel";
import css from "./off.css";

function HeadsOff({ context: { state } }: PanelProps) {
  const outline = state.kernel.outline.value;
  const wanted = state.traits.off.value ?? [];
  const off = outline?.off ?? [];
  if (!outline || off.length + wanted.length === 0) return null;
  const isRunning = String(off) !== String(wanted);
  const outcome = state.kernel.outcome.value;
  const loss = outcome?.run === outline.run && !isRunning ? outcome.loss : null;
  return (
    <section class="heads-off reading-line" aria-label="heads that are off" aria-live="polite">
      <b>{off.length > 0 ? offInWords(off) : "All heads are on"}</b>
      {isRunning && <span class="hint">running the text {wanted.length > 0 ? "without those chosen" : "again"} …</span>}
      {loss && loss.before !== null && loss.after !== null && (
        <span>
          loss over the text {figure(loss.before)} → <b>{figure(loss.after)}</b>
        </span>
      )}
      {outline.page === null && (
        <button
          type="button"
          class="small-button"
          onClick={(event) => {
            handOver(event.currentTarget);
            state.set({ off: [] });
          }}
        >
          Switch on again
        </button>
      )}
    </section>
  );
}

export const headsOff: Panel = { place: "reading", css, Component: HeadsOff };
