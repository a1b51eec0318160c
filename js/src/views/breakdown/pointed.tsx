// A chart of the detail below the table.

import type { ComponentChildren } from "preact";
import type { Box } from "../../draw/strips";
import { move, type ViewProps } from "./context";
import type { BreakdownStore, Spot } from "./store";

/** What the chart of one key is about. */
export interface PartProps extends ViewProps {
  row: number;
  name: ComponentChildren;
}

interface PointedProps {
  store: BreakdownStore;
  spot: Spot | null;
  box: Box;
  count: number;
  children: ComponentChildren;
}

/** A chart over a vector's numbers: the pointer reads them. */
export function Pointed({ store, spot, box, count, children }: PointedProps) {
  return (
    <div
      class="pointed"
      style={{ height: `${box.top + box.height}px` }}
      onPointerMove={(event) => {
        const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
        const dimension = Math.floor(((x - box.left) / box.width) * count);
        move(store, spot && dimension >= 0 && dimension < count ? { ...spot, dimension } : spot);
      }}
      onPointerLeave={() => move(store, null)}
    >
      {children}
    </div>
  );
}
