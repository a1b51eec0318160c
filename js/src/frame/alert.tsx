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

export function Silence({ widget: { silent, now, heard } }: { widget: Widget }) {
  if (!silent.value) return null;
  const missing = now.value.missing.value;
  if (!heard.value)
    return (
      <p class="silent unheard" role="alert">
        No kernel has answered: this is a saved picture, or the kernel is busy. {missing} What is here can be explored;
        for more, run its cell.
      </p>
    );
  return (
    <p class="silent" role="alert">
      No answer from the kernel: it is busy or has stopped. {missing} What is on screen can still be explored; for more,
      wait or run the cell again.
    </p>
  );
}
