// What the kernel works on for long: how far it is, and a way to stop it.

import { handOver } from "../parts/keep-focus";
import type { Client } from "../wire/client";

export function Working({ client }: { client: Client }) {
  return client.progress.value.map(({ id, label, done, total, stop }) => (
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
  ));
}
