// The formula of attention, whose parts are the steps, and the steps' names below it.

import type { ComponentChildren } from "preact";
import { figure } from "../../layout/numbers";
import { isRoot, STEPS, type Step, type Steps, scaleName } from "../../layout/steps";
import { STEP_NAMES } from "./explain";
import type { BreakdownStore } from "./store";

interface Props {
  store: BreakdownStore;
  steps: Steps;
  heads: number;
}

export function Formula({ store, steps, heads }: Props) {
  const { payload, dK, numbers } = steps;
  const { temperature } = payload.whatIf;
  const root = isRoot(payload.scale, dK);
  const scaled = root ? (
    <>
      / √<i>d</i>
    </>
  ) : scaleName(payload.scale, dK) === "not scaled" ? null : (
    "× scale"
  );
  const capped = payload.softcap !== null;
  // One tab stop: the first part of the step in view; a step without a part leaves it to the scores.
  let stop: Step | null = store.step.value === 3 && !scaled && !capped ? 2 : store.step.value;
  const isStop = (step: Step): boolean => {
    const first = step === stop;
    if (first) stop = null;
    return first;
  };
  const part = (step: Step, name: string, children: ComponentChildren, style = "") => (
    <Part store={store} step={step} name={name} style={style} entry={isStop(step)}>
      {children}
    </Part>
  );
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would not flow like a formula
    <div class="formula" role="group" aria-label="the formula of attention">
      {part(1, "queries, keys, values", <>Attention(Q, K, V)</>)}
      <span>=</span>
      {part(5, "softmax", "softmax")}
      <span class="open">{temperature === undefined ? "(" : "( ("}</span>
      {capped && part(3, "soft cap", "cap (", "small")}
      {part(
        2,
        "scores",
        <>
          Q K<sup>T</sup>
        </>,
      )}
      {scaled && part(3, "scale", scaled, payload.whatIf.scaled === false ? "struck" : "")}
      {capped && part(3, "soft cap", ")", "small")}
      {numbers.bias && part(4, "position bias", "+ bias", "small")}
      {part(4, "mask", "+ mask", "small")}
      <span class="open">)</span>
      {temperature !== undefined && (
        <>
          {part(5, `temperature ${figure(temperature)}`, <>/ T</>, "is-changed")}
          <span class="open">)</span>
        </>
      )}
      {part(6, "values", "V")}
      <span class="then">→</span>
      {part(
        7,
        "concatenate and project",
        <>
          Concat(head<sub>0…{heads - 1}</sub>) W<sub>O</sub>
        </>,
        "small",
      )}
    </div>
  );
}

interface PartProps {
  store: BreakdownStore;
  step: Step;
  name: string;
  style: string;
  /** Where the tab key arrives. */
  entry: boolean;
  children: ComponentChildren;
}

function Part({ store, step, name, style, entry, children }: PartProps) {
  const hint = (to: Step | null) => {
    store.hinted.value = to;
  };
  const lit = store.step.value === step;
  return (
    <button
      type="button"
      class={["part", style, store.hinted.value === step && "hinted"].filter(Boolean).join(" ")}
      data-part={step}
      tabIndex={entry ? 0 : -1}
      aria-current={lit ? "step" : undefined}
      title={`${step} ${STEP_NAMES[step]}: ${name}`}
      onPointerEnter={() => hint(step)}
      onPointerLeave={() => hint(null)}
      onFocus={() => hint(step)}
      onBlur={() => hint(null)}
      onClick={() => {
        store.step.value = step;
      }}
    >
      {children}
    </button>
  );
}

export function Chips({ store }: { store: BreakdownStore }) {
  return (
    <div class="chips" role="tablist" aria-label="steps">
      {STEPS.map((step) => {
        const here = store.step.value === step;
        return (
          <button
            key={step}
            type="button"
            role="tab"
            class={store.hinted.value === step ? "hinted" : ""}
            data-step={step}
            aria-selected={here}
            tabIndex={here ? 0 : -1}
            onClick={() => {
              store.step.value = step;
            }}
          >
            {step} {STEP_NAMES[step]}
          </button>
        );
      })}
    </div>
  );
}
