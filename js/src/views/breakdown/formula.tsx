// The formula of attention, whose parts are the steps, and the steps' names below it.

import type { ComponentChildren } from "preact";
import type { BreakdownStore } from "../../breakdown";
import { isRoot, STEPS, type Step, type Steps } from "../../layout/steps";
import { STEP_NAMES } from "./explain";

interface Props {
  store: BreakdownStore;
  steps: Steps;
  heads: number;
}

export function Formula({ store, steps, heads }: Props) {
  const { told, dK, numbers } = steps;
  const part = (step: Step, name: string, children: ComponentChildren, style = "") => (
    <Part store={store} step={step} name={name} style={style}>
      {children}
    </Part>
  );
  const root = isRoot(told.scale, dK);
  const scaled = root ? (
    <>
      / √<i>d</i>
    </>
  ) : Math.abs(told.scale - 1) < 1e-9 ? null : (
    "× scale"
  );
  const capped = told.softcap !== null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would not flow like a formula
    <div class="formula" role="group" aria-label="the formula of attention">
      {part(1, "queries, keys, values", <>Attention(Q, K, V)</>)}
      <span>=</span>
      {part(5, "softmax", "softmax")}
      <span class="open">(</span>
      {capped && part(3, "soft cap", "cap (", "small")}
      {part(
        2,
        "scores",
        <>
          Q K<sup>T</sup>
        </>,
      )}
      {scaled && part(3, "scale", scaled, told.whatIf.scaled === false ? "struck" : "")}
      {capped && part(3, "soft cap", ")", "small")}
      {numbers.bias && part(4, "position bias", "+ bias", "small")}
      {part(4, "mask", "+ mask", "small")}
      <span class="open">)</span>
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
  children: ComponentChildren;
}

function Part({ store, step, name, style, children }: PartProps) {
  const hint = (to: Step | null) => {
    store.hinted.value = to;
  };
  const lit = store.step.value === step;
  return (
    <button
      type="button"
      class={["part", style, store.hinted.value === step && "hinted"].filter(Boolean).join(" ")}
      data-part={step}
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
