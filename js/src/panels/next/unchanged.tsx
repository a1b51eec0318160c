// After another text: why the pinned row is as it was, and which row is not.

import { tokensOf } from "../../layout/units";
import { handOver } from "../../parts/keep-focus";
import type { Panel, PanelProps } from "../../parts/panel";

function Unchanged({ context: { state } }: PanelProps) {
  const outline = state.kernel.outline.value;
  const units = state.units.value?.query;
  const from = outline?.changedFrom ?? 0;
  const pinned = state.traits.queries.value;
  if (!outline || !units || pinned.length === 0 || pinned.some((token) => token >= from)) return null;
  const names = (tokens: number[]) =>
    units.of(tokens).map((unit, at) => (
      <>
        {at > 0 && ", "}
        <b>
          <bdi>{units.labels[unit]}</bdi>
        </b>
      </>
    ));
  const several = pinned.length > 1;
  const cut = from >= tokensOf(outline.queries).tokens.length;
  return (
    <section class="unchanged reading-line" aria-label="why nothing changed" aria-live="polite">
      <span>
        The {several ? "rows" : "row"} of {names(pinned)} {several ? "are" : "is"} as before: no token
        {outline.queries.writes && " of the target"} sees what follows it, and{" "}
        {cut ? "only the end was cut off." : <>the change begins at {names([from])}.</>}
      </span>
      {!cut && (
        <button
          type="button"
          class="small-button"
          onClick={(event) => {
            handOver(event.currentTarget);
            state.set({ queries: [from] });
          }}
        >
          pin {names([from])}
        </button>
      )}
    </section>
  );
}

export const unchanged: Panel = { place: "under", Component: Unchanged };
