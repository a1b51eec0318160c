// In every view: which other mask is put on, what it does to the loss, and the way back.

import { isPut, reachOf } from "../../layout/masks";
import { figure } from "../../layout/numbers";
import { handOver } from "../../parts/keep-focus";
import type { Panel, PanelProps } from "../../parts/panel";

function OtherMask({ context: { state, masks, client, problem } }: PanelProps) {
  const outline = state.kernel.outline.value;
  const { mask, mask_mode: mode } = state.traits;
  const put = outline?.mask;
  if (!outline || (!put && mask.value == null)) return null;
  const isRunning = !isPut(outline, mask.value, mode.value);
  const outcome = state.kernel.outcome.value;
  const loss = outcome?.run === outline.run && !isRunning && put ? outcome.loss : null;
  return (
    <section class="other-mask reading-line" aria-label="other mask" aria-live="polite">
      <span>
        {put ? (
          <>
            <b>
              other mask{outline.comparison && " in A"}: {put.brief}
            </b>
            , {reachOf(put)}
          </>
        ) : (
          <b>the model’s own mask</b>
        )}
      </span>
      {isRunning && (
        <span class="hint">
          {mask.value === null
            ? "going back to the model’s own …"
            : mode.value === "model"
              ? "running the text with the other mask …"
              : "putting the other mask on …"}
        </span>
      )}
      {loss && loss.before !== null && loss.after !== null && (
        <span>
          loss over the text {figure(loss.before)} → <b>{figure(loss.after)}</b>
        </span>
      )}
      {put && put.blind > 0 && (
        <span class="badge" title={put.sentence}>
          {put.blind} {put.blind === 1 ? "token sees" : "tokens see"} nothing
        </span>
      )}
      {outline.page === null && put && !outline.comparison && (
        <button
          type="button"
          class="small-button"
          title="draw either mask, or the difference"
          onClick={(event) => {
            handOver(event.currentTarget);
            client.ask("compareMasks").catch((error: Error) => {
              problem.value = error.message;
            });
          }}
        >
          Compare with its own
        </button>
      )}
      {outline.page === null && (
        <button
          type="button"
          class="small-button"
          onClick={(event) => {
            handOver(event.currentTarget);
            masks.put(null);
          }}
        >
          The model’s own mask again
        </button>
      )}
    </section>
  );
}

export const otherMask: Panel = { place: "reading", Component: OtherMask };
