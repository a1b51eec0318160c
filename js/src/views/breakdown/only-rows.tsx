// The keys that only B has, behind A's.

import { onlyAt } from "../../layout/steps-beside";
import { COMPARED, TRIOS } from "../../layout/table";
import { cellText, OnlyName } from "./beside";
import type { TableContext } from "./context";
import { Cell } from "./key-row";

export function OnlyRows({ table: { shown, steps, columns } }: { table: TableContext }) {
  const { beside } = steps;
  if (!beside) return null;
  const own = beside.names.map((name) => TRIOS[name][0]);
  const last = [...columns].reverse().find(({ name }) => own.includes(name)); // once in a row is enough
  return (
    <>
      {beside.payload.only.map((position, at) => (
        // biome-ignore lint/a11y/useSemanticElements: see table.tsx
        // biome-ignore lint/a11y/useFocusableInteractive: what is pinned is a key of A
        <div key={position} class={beside.arrays.onlyAllowed?.[at] ? "krow only" : "krow only hidden"} role="row">
          {columns.map((column, nth) => {
            const { name } = column;
            const compared = COMPARED[name];
            const value = compared && !compared.isApart ? onlyAt(beside, compared.name, at) : undefined;
            const inside =
              name === "key" ? (
                <OnlyName shown={shown} position={position} />
              ) : compared && value !== undefined ? (
                cellText(compared.name)(value)
              ) : (
                column === last && <span class="no-pair">no partner</span>
              );
            return (
              inside && (
                <Cell
                  key={name}
                  column={column}
                  index={nth + 1}
                  role={name === "key" ? "rowheader" : "gridcell"}
                  value={value}
                >
                  {inside}
                </Cell>
              )
            );
          })}
        </div>
      ))}
    </>
  );
}
