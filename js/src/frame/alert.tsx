// What went wrong, and a kernel that does not answer.

import { handOver } from "../parts/keep-focus";
import type { Widget } from "./widget";

export function Alert({ widget }: { widget: Widget }) {
  if (!widget.alert.value) return null;
  return (
    <div class="alert" role="alert">
      <span>{widget.alert.value}</span>
      <button
        type="button"
        aria-label="dismiss"
        onClick={(event) => {
          handOver(event.currentTarget);
          widget.escape();
        }}
      >
        ×
      </button>
    </div>
  );
}

export function Silence({ widget: { silent, now, heard, context } }: { widget: Widget }) {
  if (!silent.value) return null;
  const isPage = typeof context.state.kernel.outline.value?.page === "string";
  const [why, more] = isPage
    ? ["This page has no kernel.", "open the notebook in Jupyter and run it"]
    : heard.value
      ? ["No answer from the kernel: it is busy or has stopped.", "wait or run the cell again"]
      : ["No kernel has answered: this is a saved picture, or the kernel is busy.", "run the cell"];
  return (
    <p class={heard.value ? "silent" : "silent unheard"} role="alert">
      {why} {now.value.missing.value} What is on screen can still be explored; for more, {more}.
    </p>
  );
}
