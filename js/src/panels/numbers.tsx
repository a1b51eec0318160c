// The exact numbers of what is in focus as a table, for those who do not see the picture.

import { useSignal, useSignalEffect } from "@preact/signals";
import type { NumberTable } from "../layout/number-table";
import { NumberRows } from "../parts/number-rows";
import type { Panel, PanelProps } from "../parts/panel";

const SHOWN = 200; // rows
const REST = 250; // ms that the focus rests before its table is made

function Numbers({ context: { numbers, focus, drawsTiles, scene } }: PanelProps) {
  const table = useSignal<NumberTable | null>(null);
  const rests = useSignal(false);
  useSignalEffect(() => {
    drawsTiles.value;
    focus.value;
    scene.value;
    rests.value = false;
    const timer = setTimeout(() => {
      rests.value = true;
    }, REST);
    return () => clearTimeout(timer);
  });
  useSignalEffect(() => {
    if (rests.value) table.value = drawsTiles.value && focus.value ? numbers(SHOWN) : null; // again when more is known
  });
  if (!table.value) return null;
  const { rows, count } = table.value;
  const part = count > rows.length ? `: ${rows.length} of ${count.toLocaleString("en")}` : "";
  return (
    <div class="unseen">
      <NumberRows table={table.value} caption={`numbers of what is in focus${part}`} />
    </div>
  );
}

export const numbers: Panel = { place: "under", Component: Numbers };
