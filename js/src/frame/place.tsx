// The panels of one place, as the registry lists them.

import { useSignal } from "@preact/signals";
import { PANELS } from "../panels/registry";
import type { Context } from "../parts/context";
import type { Place } from "../parts/panel";

const panelsAt = (place: Place) => PANELS.filter((panel) => panel.place === place);

const NAMES = { left: "places and heads", right: "kinds of heads" };

export function Panels({ place, context }: { place: Place; context: Context }) {
  return panelsAt(place).map(({ Component }, at) => <Component key={at} context={context} />);
}

/** Panels beside the picture; where there is little room they fold into a button above it. */
export function Side({ place, context }: { place: "left" | "right"; context: Context }) {
  const open = useSignal(false);
  const Summary = panelsAt(place).find((panel) => panel.Summary)?.Summary;
  return (
    <aside class={open.value ? `side ${place} open` : `side ${place}`} aria-label={NAMES[place]}>
      <button
        type="button"
        class="fold"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        {Summary && <Summary context={context} />}
      </button>
      <div class="panel">
        <Panels place={place} context={context} />
      </div>
    </aside>
  );
}
