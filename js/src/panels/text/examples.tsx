// Of a bundled model: the examples to choose from, and what to look for in the one on screen.

import { useSignal } from "@preact/signals";
import type { Panel, PanelProps } from "../../parts/panel";

function Examples({ context: { state, client } }: PanelProps) {
  const wanted = useSignal(""); // until it is on screen, or has failed
  const demo = state.kernel.outline.value?.demo;
  if (!demo) return null;
  const { examples, shown } = demo;
  const waiting = (state.kernel.status.value?.state ?? "loading") === "loading" ? wanted.value : "";
  return (
    <>
      <span class="examples">
        Examples
        <select
          aria-label="Examples"
          value={waiting || (shown?.name ?? "")}
          onChange={({ currentTarget: menu }) => {
            wanted.value = menu.value;
            client.ask("example", { name: menu.value }).catch(() => {}); // the status says that a run failed
          }}
        >
          <option value="" disabled>
            Examples
          </option>
          {[...new Set(examples.map(({ group }) => group))].map((group) => (
            <optgroup key={group} label={group}>
              {examples
                .filter((one) => one.group === group)
                .map(({ name }) => (
                  <option key={name}>{name}</option>
                ))}
            </optgroup>
          ))}
        </select>
      </span>
      <p class="look" aria-live="polite">
        {shown?.look}
      </p>
    </>
  );
}

export const examples: Panel = { place: "top", Component: Examples };
