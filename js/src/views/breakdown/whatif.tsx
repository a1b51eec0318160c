// What if the scores, the mask or the temperature were others? Nothing here touches the model.

import { useEffect, useRef } from "preact/hooks";
import type { BreakdownStore, Shown } from "../../breakdown";
import { figure, share } from "../../layout/figures";
import { changeOf, isChanged, isRoot, type Steps, scaleName, toggled } from "../../layout/steps";
import type { State } from "../../state";
import type { WhatIf } from "../../wire/protocol";
import { Bench } from "./bench";
import { ChangedBadge } from "./choices";
import { Token } from "./explain";

interface Props {
  state: State;
  store: BreakdownStore;
  shown: Shown;
  steps: Steps;
  /** What was changed last is not computed yet. */
  late: boolean;
}

export function WhatIfPanel({ state, store, shown, steps, late }: Props) {
  const { told, dK, numbers } = steps;
  const whatIf = state.traits.what_if.value ?? {};
  const set = (patch: WhatIf) => state.set({ what_if: changeOf(state.traits.what_if.value ?? {}, patch) });
  const first = shown.keys.tokens[0];
  const removed = whatIf.removed?.includes(0) ?? false;
  const row = told.rows.indexOf(0);
  const unscaled = scaleName(told.scale, dK) === "not scaled";
  const rule = isRoot(told.scale, dK) ? "1/√d" : figure(told.scale);
  return (
    <section class="whatif" aria-label="what if">
      <div class="changes">
        <h3>
          What if… {isChanged(whatIf) && <ChangedBadge />} {late && <span class="hint">not computed yet</span>}
          <button
            type="button"
            class="small-button reset"
            disabled={!isChanged(whatIf)}
            onClick={() => state.set({ what_if: {} })}
          >
            reset
          </button>
        </h3>
        <label class="only">
          <input
            type="checkbox"
            checked={!unscaled && whatIf.scaled !== false}
            disabled={unscaled}
            onChange={(event) => set({ scaled: event.currentTarget.checked })}
          />
          {unscaled ? "scale: this model does not scale its scores" : `scale by ${rule}`}
        </label>
        <Temperature
          value={whatIf.temperature ?? 1}
          plain="as the model"
          onChange={(temperature) => set({ temperature })}
        />
        <div class="edits">
          <button
            type="button"
            class="small-button"
            aria-pressed={removed}
            onClick={() => set({ removed: toggled(whatIf.removed, 0) })}
          >
            remove the first token
          </button>
          <span class="hint">
            <Token text={first} />, after the softmax
            {row >= 0 && ` · it has ${share(numbers.weights[row])} of the weight`}
          </span>
        </div>
        <p class="hint lost">
          <Lost shown={shown} />
        </p>
        <p class="fine">
          Click a score in the table to set it, “mask” in its row to hide a key before the softmax.
          {told.queries.length > 1 && " Every query is changed alike."} The model itself stays as it is.
        </p>
      </div>
      <Bench {...store.bench} />
    </section>
  );
}

/** Which keys were taken away, and how much of the weight with them. */
function Lost({ shown: { told, keys } }: { shown: Shown }) {
  const { scaled, temperature, scores, masked = [], removed = [] } = told.whatIf;
  const lost = told.changed?.removed;
  const count = new Set([...masked, ...removed]).size;
  if (lost == null || count === 0) return null;
  const names = (what: string, list: number[]) =>
    list.length > 0 && (
      <>
        {what} {list.slice(0, NAMED).map((at, nth) => [nth > 0 && ", ", <Token key={at} text={keys.tokens[at]} />])}
        {list.length > NAMED && ` and ${list.length - NAMED} more`}
      </>
    );
  const reshaped = scaled === false || temperature !== undefined || scores !== undefined;
  return (
    <>
      {names("removed", removed)}
      {removed.length > 0 && masked.length > 0 && ", "}
      {names("hidden", masked)}:{" "}
      {lost > 0 ? (
        <>
          {count > 1 && "together "}
          <b data-value="removed">{share(lost)}</b> of the weight{reshaped && ", as the other changes make it"}
        </>
      ) : (
        <>{count > 1 ? "they" : "it"} had no weight</>
      )}
    </>
  );
}

const NAMED = 3;

/** Do something with the newest of many values, once per frame. */
function useSoon<T>(act: (value: T) => void): (value: T) => void {
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  return (value) => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => act(value));
  };
}

interface TemperatureProps {
  value: number;
  /** What a temperature of one is. */
  plain: string;
  onChange(value: number): void;
}

/** From a tenth to ten: even steps of the slider are even factors. */
export function Temperature({ value, plain, onChange }: TemperatureProps) {
  const slide = useSoon(onChange);
  return (
    <label class="temperature">
      <span>temperature</span>
      <input
        type="range"
        aria-label="Temperature"
        min="-1"
        max="1"
        step="0.01"
        value={Math.log10(value)}
        onInput={(event) => slide(fromSlider(+event.currentTarget.value))}
      />
      <input
        type="number"
        aria-label="Temperature, exact"
        min="0.01"
        max="100"
        step="0.1"
        value={value}
        onChange={(event) => {
          const wanted = Number(event.currentTarget.value);
          if (wanted > 0 && Number.isFinite(wanted)) onChange(wanted);
          else event.currentTarget.value = String(value);
        }}
      />
      <span class="hint">{value === 1 ? plain : value > 1 ? "more even" : "more decided"}</span>
    </label>
  );
}

const fromSlider = (place: number): number => (Math.abs(place) < 0.015 ? 1 : Number((10 ** place).toPrecision(3)));
