import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { isStrip } from "../../layout/table";
import { sizeOf, type TableContext } from "./context";
import type { Spot } from "./store";

/** A line down the dimension that is pointed at. Only this and the readout follow the pointer. */
export function Cross({ spot, table }: { spot: ReadonlySignal<Spot | null>; table: TableContext }) {
  const shown = useSignal(table);
  shown.value = table;
  const place = useComputed(() => {
    const at = spot.value;
    const { columns, steps } = shown.value;
    const column = columns.find(({ name }) => name === at?.column);
    if (!at || at.dimension === null || !column || !isStrip(column.name)) return { display: "none" };
    const cell = column.width / sizeOf(column.name, steps);
    return { left: `${column.left + at.dimension * cell - 1}px`, width: `${Math.max(3, cell + 1)}px` };
  });
  return <i class="cross" style={place.value} aria-hidden="true" />;
}
