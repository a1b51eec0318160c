// Of a bundled model: what it is, the examples to choose from, and what to look for in the one on screen.

import { useSignal } from "@preact/signals";
import type { Client } from "../wire/client";
import type { Status, Demo as Told } from "../wire/protocol";

interface Props {
  demo: Told;
  client: Client;
  status: Status;
}

export function Demo({ demo: { about, examples, shown }, client, status }: Props) {
  const wanted = useSignal(""); // until it is on screen, or has failed
  const waiting = status.state === "loading" ? wanted.value : "";
  return (
    <div class="demo">
      <select
        aria-label="Examples"
        disabled={client.silent.value}
        value={waiting || (shown?.name ?? "")}
        onChange={({ currentTarget: menu }) => {
          wanted.value = menu.value;
          client.ask("example", { name: menu.value }).catch(() => {}); // a failed run is told by the status
        }}
      >
        <option value="" disabled>
          Examples
        </option>
        {[...new Set(examples.map(({ model }) => model))].map((group) => (
          <optgroup key={group} label={group}>
            {examples
              .filter(({ model }) => model === group)
              .map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
          </optgroup>
        ))}
      </select>
      <p class="look" aria-live="polite">
        {shown?.look}
      </p>
      <p class="hint">{about}</p>
    </div>
  );
}
