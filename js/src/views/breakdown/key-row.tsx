// One key: its numbers in every column.

import type { ComponentChildren } from "preact";
import { drawBars, drawStrip } from "../../draw/strips";
import { figure, raw, short, shortWeight } from "../../layout/numbers";
import { becomes, changeOf, type NumberName, numberAt, rowOf, type Steps, toggled } from "../../layout/steps";
import { pairAt, type StepsBeside } from "../../layout/steps-beside";
import { COMPARED, type ColumnName, isStrip, type TableColumn } from "../../layout/table";
import type { State } from "../../state/state";
import { Beside } from "./beside";
import { Canvas } from "./canvas";
import { EachWeight, Moved, Score, Weight } from "./cells";
import type { TableContext } from "./context";

interface Props {
  table: TableContext;
  state: State;
  /** Number of the row. */
  at: number;
  pinned: boolean;
  /** Where the tab key arrives. */
  entry: boolean;
  /** Whether its position stands beside the token. */
  numbered: boolean;
  editing: boolean;
  onEnter(): void;
  onLeave(): void;
  onPin(): void;
}

const QUIET = 0.6; // how strongly the columns of other steps are drawn

export function KeyRow({ table, state, at, pinned, entry, numbered, editing, onEnter, onLeave, onPin }: Props) {
  const { shown, steps, columns, width, row, limits, theme } = table;
  const { numbers, payload, changed, dK, dV } = steps;
  const position = payload.rows[at] as number;
  const label = shown.keys.tokens[position] ?? "?";
  const hidden = numbers.allowed[at] === 0;
  const special = shown.keys.special[position];
  const whatIf = state.traits.what_if.value ?? {};
  const masked = whatIf.masked?.includes(position) ?? false;

  const paint = (context: CanvasRenderingContext2D) => {
    for (const { name, left, width, active } of columns) {
      const box = { left, top: 4, width, height: row - 8 };
      context.globalAlpha = active ? 1 : QUIET;
      if (name === "k") drawStrip(context, rowOf(numbers.keys, at, dK), box, limits.k, theme);
      if (name === "v") drawStrip(context, rowOf(numbers.values, at, dV), box, limits.v, theme);
      if (name === "products") {
        const tall = { left, top: 1, width, height: row - 2 };
        drawBars(context, rowOf(numbers.products, at, dK), tall, limits.products, theme);
      }
      if (name === "weighted") {
        const values = rowOf((changed ?? numbers).weighted, at, dV);
        drawStrip(context, values, box, limits.weighted, theme);
      }
    }
  };

  const cells: Partial<Record<ColumnName, () => ComponentChildren>> = {
    dot: () => short(numbers.dots[at]),
    scaled: () => <Moved table={table} column="scaled" of={numberAt(steps, "scaled", at)} text={short} />,
    capped: () => <Moved table={table} column="capped" of={numberAt(steps, "capped", at)} text={short} />,
    bias: () => short(numbers.bias?.[at]),
    score: () => <Score state={state} table={table} at={at} editing={editing && !hidden} />,
    exp: () => <Moved table={table} column="exp" of={numberAt(steps, "exponentials", at)} text={shortWeight} />,
    weight: () => <Weight table={table} at={at} />,
    parts: () => <EachWeight table={table} at={at} />,
    change: () =>
      hidden ? (
        "hidden"
      ) : (
        <button
          type="button"
          class="small-button"
          aria-pressed={masked}
          aria-label={`mask ${label}`}
          onClick={(event) => {
            event.stopPropagation();
            state.set({ what_if: changeOf(whatIf, { masked: toggled(whatIf.masked, position) }) });
          }}
        >
          mask
        </button>
      ),
  };

  const classes = ["krow", hidden && "hidden", pinned && "pinned", special && "special", masked && "masked"];
  return (
    // biome-ignore lint/a11y/useSemanticElements: see table.tsx
    <div
      class={classes.filter(Boolean).join(" ")}
      role="row"
      data-row={at}
      tabIndex={entry ? 0 : -1}
      aria-selected={pinned}
      aria-label={`key ${label}, ${hidden ? "hidden by the mask" : `weight ${becomes(numberAt(steps, "weights", at))}`}`}
      onFocus={(event) => event.target === event.currentTarget && isByKey(event) && onEnter()}
      onBlur={onLeave}
      onClick={onPin}
      onKeyDown={() => {}}
    >
      <Canvas width={width} height={row} of={[table]} paint={paint} />
      {columns.map((column, nth) => {
        const { name } = column;
        if (name === "key") {
          return (
            <Cell key={name} column={column} index={nth + 1} role="rowheader">
              <span
                data-side="key"
                data-index={position}
                class={/^␣+$/.test(label) ? "key-label blank" : "key-label"}
                title={`${label} · position ${position}`}
              >
                <bdi>{label}</bdi>
              </span>
              {numbered && <span class="position">{position}</span>}
            </Cell>
          );
        }
        const compared = COMPARED[name];
        const content =
          compared && steps.beside
            ? () => (
                <Beside
                  of={steps.beside as StepsBeside}
                  {...compared}
                  allowed={numbers.allowed}
                  at={at}
                  theme={theme}
                />
              )
            : cells[name];
        if (isStrip(name) || !content) return null;
        return (
          <Cell
            key={name}
            column={column}
            index={nth + 1}
            value={numberIn(table, at, name)}
            title={titleOf(table, at, name)}
          >
            {content()}
          </Cell>
        );
      })}
      {columns.some(({ name }) => name === "weighted") && (
        <span class="unseen" data-value="norm" data-exact={raw(numberAt(steps, "weightedNorms", at).now)}>
          norm {becomes(numberAt(steps, "weightedNorms", at))}
        </span>
      )}
    </div>
  );
}

/** A click focuses too, but points already. */
const isByKey = (event: FocusEvent): boolean => (event.target as Element).matches(":focus-visible");

interface CellProps {
  column: TableColumn;
  /** Of the column, from one: strips have no cells. */
  index: number;
  role?: "rowheader" | "gridcell";
  value?: number | undefined;
  title?: string;
  children: ComponentChildren;
}

export function Cell({ column, index, role = "gridcell", value, title, children }: CellProps) {
  const { name, left, width, active } = column;
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: both roles are cells'
    <div
      role={role}
      aria-colindex={index}
      class={`datum in-${name}${COMPARED[name] ? " beside" : ""}${active ? " active" : ""}`}
      style={{ left: `${left}px`, width: `${width}px` }}
      title={title}
      data-value={value === undefined ? undefined : name}
      data-exact={value === undefined ? undefined : raw(value)}
    >
      {children}
    </div>
  );
}

const ARRAYS: Partial<Record<ColumnName, NumberName>> = {
  dot: "dots",
  scaled: "scaled",
  capped: "capped",
  bias: "bias",
  score: "scores",
  exp: "exponentials",
  weight: "weights",
};

/** Of a column of B, or of A − B. */
function pairOf({ beside, numbers }: Steps, at: number, column: ColumnName) {
  const compared = COMPARED[column];
  if (!compared || !beside) return null;
  const { there, apart, reason } = pairAt(beside, numbers.allowed, compared.name, at);
  return { value: compared.isApart ? apart : there, reason };
}

/** What the cell shows. A weight's cell holds both numbers, and marks the changed one itself. */
function numberIn({ steps }: TableContext, at: number, name: ColumnName): number | undefined {
  const pair = pairOf(steps, at, name);
  if (pair) return pair.value ?? undefined;
  const array = ARRAYS[name];
  const value = array && numberAt(steps, array, at);
  return name === "weight" ? value?.model : value?.now;
}

function titleOf({ steps }: TableContext, at: number, name: ColumnName): string {
  const pair = pairOf(steps, at, name);
  if (pair) return pair.value === null ? pair.reason : figure(pair.value, 6);
  const array = ARRAYS[name];
  if (!array) return "";
  if (name === "score" && steps.numbers.allowed[at] === 0) return "−∞: hidden by the mask";
  return becomes(numberAt(steps, array, at), 6);
}
