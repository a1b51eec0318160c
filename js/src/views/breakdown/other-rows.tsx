// Below the keys: those that have no row, what goes to no token, the sums.

import type { ComponentChildren } from "preact";
import { drawStrip } from "../../draw/strips";
import { figure, raw, shortWeight } from "../../layout/numbers";
import type { ColumnName } from "../../layout/table";
import { BesideSums } from "./beside";
import { Canvas } from "./canvas";
import { columnIndex, type TableContext } from "./context";

export function OtherRows({ table }: { table: TableContext }) {
  const { payload, numbers, changed } = table.steps;
  const { rest, sink, masked } = payload;
  const weighted = table.columns.find(({ name }) => name === "weighted");
  const output = (weighted?.left ?? 0) < ROOMY ? "Σ" : "head output";
  const together = move(rest.weight, payload.changed?.rest.weight);
  const hidden = masked - numbers.allowed.reduce((count, one) => count + (one === 0 ? 1 : 0), 0);
  const sum = numbers.weights.reduce((total, weight) => total + weight, 0) + (rest.weight ?? 0);
  const now =
    changed && changed.weights.reduce((total, weight) => total + weight, 0) + (payload.changed?.rest.weight ?? 0);
  return (
    <div class="bottom">
      {rest.count > 0 && (
        <Other
          table={table}
          name="rest"
          label={`and ${rest.count} more keys, together ${together}`}
          weight={together}
          strip={(changed ?? numbers).restWeighted}
        />
      )}
      {hidden > 0 && (
        <Other
          table={table}
          name="masked"
          label={`${hidden} ${rest.count > 0 || payload.rows.length > 0 ? "more " : ""}keys hidden by the mask`}
          weight="0"
        />
      )}
      {sink !== null && (
        <Other
          table={table}
          name="sink"
          label="attention sink: goes to no token"
          weight={move(sink, payload.changed?.sink)}
        />
      )}
      <Other
        table={table}
        name="output"
        label=""
        weight={
          <span data-value="sum" data-exact={raw(sum)}>
            Σ = {plain(sum)}
            {now !== null && round(now) !== round(sum) && ` → ${plain(now)}`}
            {sink !== null && <span class="hint"> + sink</span>}
          </span>
        }
        note={changed ? `${output}, as it is` : output}
        strip={numbers.headOutput}
      />
      {changed && (
        <Other table={table} name="changed" label="" note={`${output}, changed`} strip={changed.headOutput} />
      )}
      <BesideSums steps={table.steps} />
    </div>
  );
}

const ROOMY = 160; // px before a strip in which its name fits

/** A share, and what becomes of it. */
const move = (model: number | null, now: number | null | undefined): string =>
  now == null || now === model ? shortWeight(model) : `${shortWeight(model)} → ${shortWeight(now)}`;

/** Sums in single precision are 1 up to the seventh digit. */
const round = (value: number): number => Number(value.toFixed(4));
const plain = (value: number): string => (Number.isNaN(value) ? figure(value) : String(round(value)));

interface Props {
  table: TableContext;
  name: string;
  label: string;
  weight?: ComponentChildren;
  note?: string;
  strip?: Float32Array;
}

function Other({ table, name, label, weight, note, strip }: Props) {
  const { columns, width, row, limits, theme } = table;
  const find = (wanted: ColumnName) => columns.find(({ name }) => name === wanted);
  const [at, weighted] = [find("weight"), find("weighted")];
  const before = columns[columns.findIndex(({ name }) => name === "weighted") - 1];
  const first = columns[0];
  if (!label && !(at && weight !== undefined) && !weighted) return null; // a narrow table without what it would say
  return (
    // biome-ignore lint/a11y/useSemanticElements: see table.tsx
    // biome-ignore lint/a11y/useFocusableInteractive: only rows of keys take the keyboard
    <div class={`krow other ${name}-row`} role="row" data-row={name}>
      <Canvas
        width={width}
        height={row}
        of={[table, strip]}
        paint={(context) => {
          if (!weighted || !strip) return;
          const box = { left: weighted.left, top: 4, width: weighted.width, height: row - 8 };
          drawStrip(context, strip, box, limits.weighted, theme);
        }}
      />
      {label && (
        // biome-ignore lint/a11y/useSemanticElements: see table.tsx
        // biome-ignore lint/a11y/useFocusableInteractive: see table.tsx
        <div
          class="datum over-all hint"
          role="rowheader"
          aria-colindex={1}
          style={{ left: `${first?.left}px`, right: `${at ? width - at.left + 8 : 8}px` }}
        >
          {label}
        </div>
      )}
      {at && weight !== undefined && (
        // biome-ignore lint/a11y/useSemanticElements: see table.tsx
        // biome-ignore lint/a11y/useFocusableInteractive: see table.tsx
        <div
          class="datum in-sum"
          role="gridcell"
          aria-colindex={columnIndex(columns, "weight")}
          style={{ left: `${at.left}px`, minWidth: `${at.width}px` }}
        >
          {weight}
        </div>
      )}
      {note && weighted && before && (
        // biome-ignore lint/a11y/useAriaPropsSupportedByRole: both roles are cells'
        <div
          class="datum note-before hint"
          role={label ? "gridcell" : "rowheader"}
          aria-colindex={columnIndex(columns, "weighted")}
          style={{ right: `${width - weighted.left + 10}px` }}
        >
          {note}
        </div>
      )}
    </div>
  );
}
