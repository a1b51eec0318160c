// The query's own strip, on top of the keys'.

import { drawStrip } from "../../draw/strips";
import { limitOf } from "../../layout/steps";
import { writtenAfter } from "../../layout/units";
import { Canvas } from "./canvas";
import type { TableContext } from "./context";
import { Legend } from "./legend";

export function QueryRow({ table }: { table: TableContext }) {
  const { shown, steps, columns, width, row, limits, theme } = table;
  const { payload, numbers } = steps;
  const column = columns.find(({ name }) => name === "k");
  const after = columns[columns.findIndex(({ name }) => name === "k") + 1];
  const names = payload.queries.map((at) => shown.queries.tokens[at] ?? "?");
  const writes = payload.queries.map((at) => writtenAfter(shown.queries, at));
  const several = names.length > 1;
  const [key] = columns;
  return (
    // biome-ignore lint/a11y/useSemanticElements: see table.tsx
    // biome-ignore lint/a11y/useFocusableInteractive: only rows of keys take the keyboard
    <div class="krow query-row" role="row" data-row="query">
      <Canvas
        width={width}
        height={row}
        of={[table]}
        paint={(context) => {
          if (!column) return;
          const box = { left: column.left, top: 4, width: column.width, height: row - 8 };
          drawStrip(context, numbers.query, box, limits.q, theme);
        }}
      />
      {/* biome-ignore lint/a11y/useSemanticElements: see table.tsx */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: see table.tsx */}
      <div
        role="rowheader"
        aria-colindex={1}
        class={column ? "datum who" : "datum who wide"}
        style={{ left: `${key?.left}px`, width: `${key?.width}px` }}
        title={names.map((name, at) => (writes[at] ? `${name}, whose row writes ${writes[at]}` : name)).join(", ")}
      >
        {several && column ? (
          `${names.length} queries`
        ) : (
          <>
            <span class="hint">query</span> {several && <span class="hint">{payload.combine} of </span>}
            {names.map((name, at) => (
              <span key={payload.queries[at]} data-side="query" data-index={payload.queries[at]}>
                {at > 0 && ", "}
                <bdi>{name}</bdi>
                {writes[at] && (
                  <span class="row-writes">
                    {" ▸ "}
                    <bdi>{writes[at]}</bdi>
                  </span>
                )}
              </span>
            ))}
          </>
        )}
      </div>
      {column && after && (
        <div class="datum" style={{ left: `${after.left}px`, right: "8px" }}>
          <span class="q-scale">
            {several && (
              <span class="of">
                {payload.combine} of {names.slice(0, 3).join(", ")}
                {names.length > 3 && ` and ${names.length - 3} more`}
              </span>
            )}
            q <Legend limit={limitOf(numbers.query)} theme={theme} />
          </span>
        </div>
      )}
    </div>
  );
}
