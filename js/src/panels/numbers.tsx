// The exact numbers of what is in focus as a table, for those who do not see the picture.

import { useSignal, useSignalEffect } from "@preact/signals";
import type { NumberTable } from "../layout/number-table";
import type { Panel, PanelProps } from "../parts/panel";

const SHOWN = 200; // rows
const REST = 250; // ms that the focus rests before its table is made

function Numbers({ context: { numbers, focus, drawsTiles, scene } }: PanelProps) {
  const table = useSignal<NumberTable | null>(null);
  useSignalEffect(() => {
    const isAsked = drawsTiles.value && focus.value;
    scene.value;
    const made = isAsked ? () => numbers(SHOWN) : () => null;
    const timer = setTimeout(() => {
      table.value = made();
    }, REST);
    return () => clearTimeout(timer);
  });
  if (!table.value) return null;
  const { columns, rows, count } = table.value;
  return (
    <table class="unseen">
      <caption>
        numbers of what is in focus{count > rows.length && `: ${rows.length} of ${count.toLocaleString("en")}`}
      </caption>
      <thead>
        <tr>
          {columns.map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, at) => (
          <tr key={at}>
            {row.map((cell, nth) => (
              <td key={nth} dir="auto">
                {typeof cell === "number" && !Number.isInteger(cell) ? cell.toPrecision(4) : cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export const numbers: Panel = { place: "under", Component: Numbers };
