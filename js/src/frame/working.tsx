// What the kernel works on for long: how far it is, and a way to stop it.

import type { Context } from "../parts/context";
import { handOver } from "../parts/keep-focus";

export function Working({ context: { client, state } }: { context: Context }) {
  const status = state.kernel.status.value;
  const isRunning = status?.state === "loading" && status.message && state.kernel.outline.value;
  return (
    <>
      {isRunning && <p class="run-message">{status.message}</p>}
      {client.progress.value.map(({ id, label, done, total, stop }) => (
        <p class="working" key={id}>
          <progress value={done} max={total} aria-label={label} />
          <span class="hint">
            {label}: {Math.floor((100 * done) / total)}&nbsp;%
          </span>
          <button
            type="button"
            class="small-button"
            onClick={(event) => {
              handOver(event.currentTarget);
              stop();
            }}
          >
            Stop
          </button>
        </p>
      ))}
    </>
  );
}
