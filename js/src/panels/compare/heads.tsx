// Which heads differ most between A and B, as long as nothing is pinned: a pin asks about its own pair.

import { useSignal, useSignalEffect } from "@preact/signals";
import { headName } from "../../layout/heads";
import { type PairNumbers, ranked } from "../../layout/ranking";
import { WEIGHTS } from "../../layout/scale";
import type { Panel, PanelProps } from "../../parts/panel";
import { UNWANTED } from "../../wire/client";
import { decodeArray } from "../../wire/decode";
import type { ApartReply } from "../../wire/schema";
import { RankedList } from "../heads/ranked-list";

const SCALE = { ...WEIGHTS, name: "divergence", label: "divergence", domain: "positive" as const };

type Known = PairNumbers & Pick<ApartReply, "run" | "rows" | "of">;

function HeadsApart({ context }: PanelProps) {
  const { state, client } = context;
  const known = useSignal<Known | null>(null);
  const outline = state.kernel.outline.value;
  const isPinned = state.traits.queries.value.length + state.traits.keys.value.length > 0;
  useSignalEffect(() => {
    const now = state.kernel.outline.value;
    if (!now?.comparison || now.comparison.missing) return;
    const { run, trace, attention } = now;
    const passed = new AbortController();
    const label = "how far heads are apart";
    client.ask("apart", { run, trace, attention }, { abort: passed.signal, quiet: true, label }).then(
      ({ ok, buffers: [data] }) => {
        const { shape, rows, of } = ok as unknown as ApartReply;
        if (!data) return;
        const { values } = decodeArray({ dtype: "float32", shape, data });
        const [layers = 0, heads = 0] = shape;
        known.value = { run, layers, heads, values, strongest: new Float32Array(), why: "", rows, of };
      },
      () => {},
    );
    return () => passed.abort(UNWANTED);
  });
  const now = known.value;
  if (!outline?.comparison || isPinned || now?.run !== outline.run) return null;
  const { head, shown } = outline.comparison;
  const some = now.rows < now.of ? `${now.rows} of ${now.of}` : String(now.of);
  const rows = `${some} aligned ${now.of === 1 ? "row" : "rows"}`;
  return (
    <RankedList context={context} name="heads that differ most" list={ranked(now, SCALE)} scale={SCALE} open={null}>
      <p class="fine">
        {head ? `distance from ${headName(head)} in ${shown === "b" ? "A" : "B"}` : "where A and B differ most"}:
        Jensen–Shannon divergence in nats, {rows}
      </p>
    </RankedList>
  );
}

export const headsApart: Panel = { place: "left", Component: HeadsApart };
