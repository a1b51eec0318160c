// One row per key, one column per step: the computation is read from left to right, the head's output downwards.

import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { headName } from "../../layout/heads";
import { short, shortWeight } from "../../layout/numbers";
import { limitOf, type Steps, scaleName, strongestRow, wholeLimitOf } from "../../layout/steps";
import { type ComparedName, onlyName, type StepsBeside } from "../../layout/steps-beside";
import { type ColumnName, columnsOf, dimensionAt, isStrip, RESULT, type TableColumn, TRIOS } from "../../layout/table";
import { writtenAfter } from "../../layout/units";
import { cellText } from "./beside";
import { explainedRow, type Limits, move, pin, sizeOf, type TableContext, type ViewProps } from "./context";
import { Cross } from "./cross";
import { Header } from "./header";
import { KeyRow } from "./key-row";
import { OnlyRows } from "./only-rows";
import { OtherRows } from "./other-rows";
import { QueryRow } from "./query-row";
import type { Spot } from "./store";

const ROOMY = 18; // rows up to which there is air between them
const SIDES = 18; // px around a token
const LETTER = 7;

export function Table({ state, store, shown, steps, width, theme, pen }: ViewProps) {
  const { payload, numbers, changed, beside, dK, dV } = steps;
  const step = store.step.value;
  const row = payload.rows.length <= ROOMY ? 26 : 22;
  const box = useRef<HTMLDivElement>(null);
  const inner = useSignal(width);
  const entry = useSignal<number | null>(null);

  // A long table scrolls, and its scrollbar takes room.
  useLayoutEffect(() => {
    const element = box.current as HTMLDivElement;
    inner.value = element.clientWidth;
    // The rows that stick above and below hide none that the keyboard comes to.
    const height = (part: string) => (element.querySelector(part) as HTMLElement).offsetHeight;
    element.style.scrollPadding = `${height(".top")}px 0 ${height(".bottom")}px`;
  });

  const ends = useMemo(
    () => ({
      q: limitOf(numbers.query),
      k: limitOf(numbers.keys),
      products: limitOf(numbers.products),
      v: limitOf(numbers.values),
      weighted: wholeLimitOf(numbers.weighted, numbers.headOutput, changed?.headOutput),
      weight: Math.max(...numbers.weights.map(finite), ...(changed?.weights.map(finite) ?? []), 1e-9),
    }),
    [steps],
  );
  const limits = useMemo<Limits>(
    () => ({
      q: ends.q.end,
      k: ends.k.end,
      products: ends.products.end,
      v: ends.v.end,
      weighted: ends.weighted.end,
      weight: ends.weight,
    }),
    [ends],
  );
  // Where the order or the token does not tell which one it is, its position does.
  const numbered = useMemo(() => {
    const names = payload.rows.map((at) => shown.keys.tokens[at]);
    const repeated = new Set(names.filter((name, at) => names.indexOf(name) !== at));
    return names.map((name) => payload.ranked || repeated.has(name));
  }, [steps]);
  const length = (token: string | undefined) => token?.length ?? 0;
  const lengthAfter = (at: number) =>
    length(writtenAfter(shown.queries, at) && ` ▸ ${writtenAfter(shown.queries, at)}`);
  const longest = Math.max(
    ...payload.rows.map((at, row) => length(shown.keys.tokens[at]) + (numbered[row] ? ` ${at}`.length : 0)),
    ...payload.queries.map((at) => "query ".length + length(shown.queries.tokens[at]) + lengthAfter(at)),
    ...(beside?.payload.only ?? []).map((at) => length(shown.otherKeys?.tokens[at]) + 3),
    8,
  );
  const letters = useMemo(() => {
    const widest = (text: (value: number) => string, ...of: (Float32Array | undefined)[]) =>
      Math.max(0, ...of.flatMap((values) => Array.from(values ?? [], (value) => text(value).length)));
    return {
      dot: widest(short, numbers.dots),
      scaled: Math.max(scaleName(payload.scale, dK).length, widest(short, numbers.scaled)),
      capped: widest(short, numbers.capped),
      bias: widest(short, numbers.bias),
      score: widest(short, numbers.scores, changed?.scores),
      exp: widest(shortWeight, numbers.exponentials, changed?.exponentials),
      ...besideLetters(beside),
    };
  }, [steps]);
  const editing = store.editing.value;
  const columns = useMemo(
    () =>
      columnsOf({
        step,
        width: inner.value,
        label: Math.min(132, Math.max(72, SIDES + LETTER * longest)),
        letters,
        dK,
        dV,
        capped: numbers.capped !== undefined,
        bias: numbers.bias !== undefined,
        exp: numbers.exponentials !== undefined,
        parts: payload.queries.length > 1 ? payload.queries.length : 0,
        changed: changed !== null,
        editing,
        compared: beside?.names,
      }),
    [steps, step, inner.value, editing, longest],
  );
  const table: TableContext = useMemo(
    () => ({ shown, steps, columns, width: inner.value, row, limits, theme }),
    [shown, steps, columns, inner.value, row, limits, theme],
  );

  const point = (event: PointerEvent) => {
    const line = (event.target as Element).closest<HTMLElement>("[data-row]");
    if (!line) return move(store, null);
    const x = event.clientX - line.getBoundingClientRect().left;
    const at = [...columns].reverse().find(({ left }) => x >= left - 6) ?? (columns[0] as TableColumn);
    const name = line.dataset.row as string;
    const row = (/^\d+$/.test(name) ? Number(name) : name) as Spot["row"];
    move(store, { row, column: at.name, dimension: dimensionOf(row, at, x, steps) });
  };

  const moveByKey = (event: KeyboardEvent) => {
    const line = (event.target as Element).closest<HTMLElement>("[data-row]");
    if (!line || event.target !== line || !/^\d+$/.test(line.dataset.row as string)) return;
    const row = Number(line.dataset.row);
    const column = store.spot.value?.column ?? RESULT[step];
    const to = { ArrowDown: row + 1, ArrowUp: row - 1, Home: 0, End: payload.rows.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      const next = box.current?.querySelector<HTMLElement>(`[data-row="${to}"]`);
      if (!next) return;
      const { dimension = null } = store.spot.value ?? {};
      next.focus();
      move(store, { row: to, column, dimension });
      next.scrollIntoView({ block: "nearest" });
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      event.preventDefault();
      event.stopPropagation();
      move(store, { row, ...nextTo(columns, column, store.spot.value, event.key === "ArrowRight" ? 1 : -1, steps) });
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      pin(state, payload.rows[row] as number);
    }
  };

  const pinned = state.traits.keys.value;
  const entryRow = payload.rows.includes(entry.value ?? -1)
    ? payload.rows.indexOf(entry.value as number)
    : strongestRow(numbers);
  const name = `steps of ${headName(payload.head)}`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows are drawn on canvases, which a table's rows cannot hold
    <div
      class="steps"
      role="grid"
      aria-label={name}
      aria-colcount={columns.length}
      tabIndex={-1}
      ref={box}
      onPointerMove={point}
      onPointerLeave={() => move(store, null)}
      onKeyDown={moveByKey}
      style={{ "--row": `${row}px`, "--pen": pen }}
    >
      <div class="top">
        <Header table={table} ends={ends} pen={pen} />
        <QueryRow table={table} />
      </div>
      <div class="keys">
        {step < 7 && <Explained {...{ state, store, steps }} />}
        {payload.rows.map((position, at) => (
          <KeyRow
            key={position}
            table={table}
            state={state}
            at={at}
            pinned={pinned.includes(position)}
            entry={at === entryRow}
            numbered={numbered[at] ?? false}
            editing={editing}
            onEnter={() => {
              entry.value = position;
              move(store, { row: at, column: RESULT[step], dimension: null });
            }}
            onLeave={() => move(store, null)}
            onPin={() => pin(state, position)}
          />
        ))}
        <OnlyRows table={table} />
      </div>
      <OtherRows table={table} />
      <Cross spot={store.spot} table={table} />
    </div>
  );
}

/** Tints the row that is explained below. Alone, so that no row is drawn anew for it. */
function Explained({ state, store, steps }: Pick<ViewProps, "state" | "store" | "steps">) {
  const now = useSignal(steps);
  now.value = steps;
  const row = useComputed(() => explainedRow(store, state, now.value));
  return <div class="explained" style={{ "--at": row.value }} />;
}

/** How many letters the widest of B's numbers has, and of A − B. */
function besideLetters(beside: StepsBeside | null): Partial<Record<ColumnName, number>> {
  const widest = (name: ComparedName, array: string) =>
    Math.max(
      0,
      ...Array.from(beside?.arrays[array] ?? [])
        .filter(Number.isFinite)
        .map((value) => cellText(name)(value).length),
    );
  return Object.fromEntries(
    (beside?.names ?? []).flatMap((name) => {
      const [, there, apart] = TRIOS[name];
      return [
        [there, Math.max(widest(name, name), widest(name, onlyName(name)))],
        [apart, 1 + widest(name, `${name}Difference`)],
      ];
    }),
  );
}

const finite = (value: number): number => (Number.isFinite(value) ? value : 0);

/** The number of a strip under the pointer; null beside it, and in rows that have no such strip. */
function dimensionOf(row: Spot["row"], column: TableColumn, x: number, { dK, dV }: Steps): number | null {
  if (!isStrip(column.name) || x < column.left || x >= column.left + column.width) return null;
  if (row === "query" && column.name !== "k") return null;
  if ((row === "rest" || row === "output" || row === "changed") && column.name !== "weighted") return null;
  return dimensionAt(x, column, sizeOf(column.name, { dK, dV }));
}

/** Where the keyboard goes from a spot: along a strip's numbers, else over the step's columns. */
function nextTo(columns: TableColumn[], column: ColumnName, spot: Spot | null, by: 1 | -1, steps: Steps) {
  if (isStrip(column)) {
    const last = sizeOf(column, steps) - 1;
    const from = spot?.dimension ?? (by > 0 ? -1 : last + 1);
    return { column, dimension: Math.min(last, Math.max(0, from + by)) };
  }
  const along = columns.filter(({ name, active }) => active && name !== "key" && name !== "change" && !isStrip(name));
  const at = along.findIndex(({ name }) => name === column);
  const next = along[Math.min(along.length - 1, Math.max(0, at + by))];
  return { column: next?.name ?? column, dimension: null };
}
