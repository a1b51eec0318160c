// Cells that are more than a number.

import { useSignal } from "@preact/signals";
import { figure, raw, share, short } from "../../layout/figures";
import { changeOf } from "../../layout/steps";
import type { State } from "../../state";
import type { Frame } from "./frame";

/** The weight as a bar and a number; beside it, if something was changed, what it becomes. */
export function Weight({ frame, at }: { frame: Frame; at: number }) {
  const { steps, limits } = frame;
  const weight = steps.numbers.weights[at] as number;
  const changed = steps.changed?.weights[at];
  const long = (value: number) => ({ "--long": Number.isFinite(value) ? value / limits.weight : 0 });
  if (changed === undefined) {
    return (
      <>
        {weight !== 0 && <i class="wbar" style={long(weight)} />}
        <span>{share(weight)}</span>
      </>
    );
  }
  return (
    <>
      <span class="two">
        <i class="wbar before" style={long(weight)} />
        <i class="wbar" style={long(changed)} />
      </span>
      <span class="hint">{share(weight)}</span>
      <span>→</span>
      <b data-value="weight-changed" data-exact={raw(changed)} title={figure(changed, 6)}>
        {share(changed)}
      </b>
    </>
  );
}

/** Of several queries each one's weight, as small bars side by side. */
export function EachWeight({ frame, at }: { frame: Frame; at: number }) {
  const { steps, shown } = frame;
  const { told, numbers } = steps;
  const weights = told.queries.map((_, nth) => numbers.parts?.[nth * told.rows.length + at] ?? 0);
  const most = Math.max(...(numbers.parts ?? []), 1e-9);
  const title = told.queries.map((query, nth) => `${shown.queries.tokens[query]} ${figure(weights[nth])}`).join(" · ");
  return (
    <span class="each" title={title}>
      {weights.map((weight, nth) => (
        <i key={told.queries[nth]} style={{ "--long": Number.isFinite(weight) ? weight / most : 0 }} />
      ))}
    </span>
  );
}

/** The score; in what-if mode a click makes it a field. */
export function Score({ state, frame, at, editing }: { state: State; frame: Frame; at: number; editing: boolean }) {
  const open = useSignal(false);
  const { numbers, changed, told } = frame.steps;
  const position = told.rows[at] as number;
  const label = frame.shown.keys.tokens[position] ?? "?";
  const whatIf = state.traits.what_if.value ?? {};
  const own = whatIf.scores?.[position];
  const now = changed?.scores[at];
  const text = short(now ?? numbers.scores[at]);
  if (!editing) return now === undefined ? text : <b class="is-changed">{text}</b>;
  const commit = (value: string) => {
    open.value = false;
    const { [position]: _, ...rest } = whatIf.scores ?? {};
    const score = Number(value);
    const set = value.trim() !== "" && Number.isFinite(score);
    state.set({ what_if: changeOf(whatIf, { scores: set ? { ...rest, [position]: score } : rest }) });
  };
  if (!open.value) {
    return (
      <button
        type="button"
        class={now === undefined ? "editable" : "editable is-changed"}
        aria-label={`set the score of ${label}, now ${text}`}
        title="set this score"
        onClick={(event) => {
          event.stopPropagation();
          open.value = true;
        }}
      >
        {text}
      </button>
    );
  }
  return (
    <input
      type="number"
      step="0.1"
      class="score-field"
      aria-label={`score of ${label}`}
      ref={(field) => field?.focus()}
      value={own ?? Number((now ?? numbers.scores[at] ?? 0).toFixed(3))}
      onClick={(event) => event.stopPropagation()}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") commit(event.currentTarget.value);
        if (event.key === "Escape") open.value = false;
      }}
      onBlur={(event) => open.value && commit(event.currentTarget.value)}
    />
  );
}
