// Cells that are more than a number.

import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { figure, raw, short, shortWeight } from "../../layout/numbers";
import { changeOf, numberAt, type StepNumber } from "../../layout/steps";
import type { ColumnName } from "../../layout/table";
import type { State } from "../../state/state";
import type { TableContext } from "./context";

const BOTH = 96; // px in which a number fits beside what it was

interface MovedProps {
  table: TableContext;
  column: ColumnName;
  of: StepNumber;
  text(value: number | undefined): string;
}

/** A number; where it was changed, in blue, and where there is room after what it was. */
export function Moved({ table, column, of: { model, now, moved }, text }: MovedProps) {
  if (!moved) return <>{text(model)}</>;
  const roomy = (table.columns.find(({ name }) => name === column)?.width ?? 0) >= BOTH;
  return (
    <span>
      {roomy && <span class="hint">{text(model)} → </span>}
      <b class="is-changed">{text(now)}</b>
    </span>
  );
}

/** The weight as a bar and a number; beside it, if something was changed, what it becomes. */
export function Weight({ table, at }: { table: TableContext; at: number }) {
  const { steps, limits } = table;
  const { model, now, moved } = numberAt(steps, "weights", at);
  const [weight, changed] = [model as number, now as number];
  const long = (value: number) => ({ "--long": Number.isFinite(value) ? value / limits.weight : 0 });
  if (!steps.changed) {
    return (
      <>
        {weight !== 0 && <i class="wbar" style={long(weight)} />}
        <span>{shortWeight(weight)}</span>
      </>
    );
  }
  return (
    <>
      <span class="two">
        <i class="wbar before" style={long(weight)} />
        <i class="wbar" style={long(changed)} />
      </span>
      <span class="hint">{shortWeight(weight)}</span>
      <span>→</span>
      <b
        class={moved ? "is-changed" : ""}
        data-value="weight-changed"
        data-exact={raw(changed)}
        title={figure(changed, 6)}
      >
        {shortWeight(changed)}
      </b>
    </>
  );
}

/** Of several queries each one's weight, as small bars side by side. */
export function EachWeight({ table, at }: { table: TableContext; at: number }) {
  const { steps, shown } = table;
  const { payload, numbers, mostPart } = steps;
  const weights = payload.queries.map((_, nth) => numbers.parts?.[nth * payload.rows.length + at] ?? 0);
  const title = payload.queries
    .map((query, nth) => `${shown.queries.tokens[query]} ${figure(weights[nth])}`)
    .join(" · ");
  return (
    <span class="each" title={title}>
      {weights.map((weight, nth) => (
        <i key={payload.queries[nth]} style={{ "--long": Number.isFinite(weight) ? weight / mostPart : 0 }} />
      ))}
    </span>
  );
}

/** The score; in what-if mode a click makes it a field. */
export function Score({
  state,
  table,
  at,
  editing,
}: {
  state: State;
  table: TableContext;
  at: number;
  editing: boolean;
}) {
  const open = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const byKey = useRef(false); // left by key: the focus goes back to where it came from
  useLayoutEffect(() => {
    if (open.value) field.current?.select();
    else if (byKey.current) button.current?.focus();
    byKey.current = false;
  }, [open.value]);
  const { payload } = table.steps;
  const position = payload.rows[at] as number;
  const label = table.shown.keys.tokens[position] ?? "?";
  const whatIf = state.traits.what_if.value ?? {};
  const own = whatIf.scores?.[position];
  const score = numberAt(table.steps, "scores", at);
  const shown = <Moved table={table} column="score" of={score} text={short} />;
  if (!editing) return shown;
  const before = Number.isFinite(own ?? score.now) ? String(own ?? Number(score.now?.toFixed(3))) : "";
  const commit = (value: string) => {
    open.value = false;
    if (value === before) return; // only looked at
    const { [position]: _, ...rest } = whatIf.scores ?? {};
    const wanted = Number(value);
    const set = value.trim() !== "" && Number.isFinite(wanted);
    state.set({ what_if: changeOf(whatIf, { scores: set ? { ...rest, [position]: wanted } : rest }) });
  };
  if (!open.value) {
    return (
      <button
        type="button"
        ref={button}
        class="editable"
        aria-label={`set the score of ${label}, now ${short(score.now)}`}
        title="set this score"
        onClick={(event) => {
          event.stopPropagation();
          open.value = true;
        }}
      >
        {shown}
      </button>
    );
  }
  return (
    <input
      type="number"
      step="0.1"
      class="score-field"
      aria-label={`score of ${label}`}
      ref={field}
      defaultValue={before}
      onClick={(event) => event.stopPropagation()}
      onKeyDown={(event) => {
        event.stopPropagation();
        byKey.current = event.key === "Enter" || event.key === "Escape";
        if (byKey.current) event.preventDefault(); // else Enter would press the button that then has the focus
        if (event.key === "Enter") commit(event.currentTarget.value);
        if (event.key === "Escape") open.value = false;
      }}
      onBlur={(event) => open.value && commit(event.currentTarget.value)}
    />
  );
}
