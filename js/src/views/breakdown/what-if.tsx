// What if the scores, the mask or the temperature were others? Nothing here touches the model.

import { figure, shortWeight } from "../../layout/numbers";
import { changeOf, isChanged, isRoot, type Steps, scaleName, strongestRow, toggled } from "../../layout/steps";
import type { State } from "../../state/state";
import type { WhatIf } from "../../wire/schema";
import { ChangedBadge } from "./changed-badge";
import { Token } from "./explain";
import { Bench } from "./softmax-bench";
import type { BreakdownStore, Shown } from "./store";
import { Temperature } from "./temperature";

interface Props {
  state: State;
  store: BreakdownStore;
  shown: Shown;
  steps: Steps;
  /** What was changed last is not computed yet. */
  late: boolean;
  /** No kernel answers. */
  silent: boolean;
}

export function WhatIfPanel({ state, store, shown, steps, late, silent }: Props) {
  const { payload, dK, numbers } = steps;
  const whatIf = state.traits.what_if.value ?? {};
  const set = (patch: WhatIf) => state.set({ what_if: changeOf(state.traits.what_if.value ?? {}, patch) });
  const first = shown.keys.tokens[0];
  const removed = whatIf.removed?.includes(0) ?? false;
  const row = payload.rows.indexOf(0);
  const unscaled = scaleName(payload.scale, dK) === "not scaled";
  const rule = isRoot(payload.scale, dK) ? "1/√d" : figure(payload.scale);
  return (
    <section class="whatif" aria-label="what if">
      <div class="changes">
        <h3>
          What if… {isChanged(whatIf) && <ChangedBadge />}{" "}
          {late && <span class="hint">{silent ? "needs a kernel" : "not computed yet"}</span>}
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
            {row >= 0 && ` · in the model it has ${shortWeight(numbers.weights[row])} of the weight`}
          </span>
        </div>
        <p class="hint lost">
          <Lost shown={shown} />
          <Largest steps={steps} shown={shown} />
        </p>
        <p class="fine">
          Click a score in the table to set it, “mask” in its row to hide a key before the softmax.
          {payload.queries.length > 1 && " Every query is changed alike."} The model itself stays as it is.
        </p>
      </div>
      <Bench {...store.bench} />
    </section>
  );
}

/** Which keys were taken away, and how much of the weight with them. */
function Lost({ shown: { payload, keys } }: { shown: Shown }) {
  const { scaled, temperature, scores, masked = [], removed = [] } = payload.whatIf;
  const lost = payload.changed?.removed;
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
          <b data-value="removed">{shortWeight(lost)}</b> of the weight{reshaped && ", as the other changes make it"}
        </>
      ) : (
        <>{count > 1 ? "they" : "it"} had no weight</>
      )}
    </>
  );
}

/** What a change of the scores' size does in one line; where keys were taken away, that is said instead. */
function Largest({ steps: { payload, numbers, changed }, shown: { keys } }: { steps: Steps; shown: Shown }) {
  const { masked = [], removed = [] } = payload.whatIf;
  if (!changed?.weights || masked.length + removed.length > 0 || payload.rest.count > 0) return null;
  const [before, now] = [strongestRow(numbers), strongestRow({ ...numbers, weights: changed.weights })];
  const name = (row: number) => <Token text={keys.tokens[payload.rows[row] ?? 0]} />;
  return (
    <>
      largest weight: {name(before)} {shortWeight(numbers.weights[before])} → {now !== before && name(now)}{" "}
      <b data-value="largest-changed">{shortWeight(changed.weights[now])}</b>
    </>
  );
}

const NAMED = 3;
