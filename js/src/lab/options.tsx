// What can be set of a variant: sliders, numbers, switches.

import { NumberField } from "../parts/number-field";
import { SmallChoice } from "../parts/small-choice";
import type { LabOption } from "../wire/schema";
import type { Lab, Picture } from "./state";

export function Options({ lab, picture }: { lab: Lab; picture: Picture }) {
  if (picture.options.length === 0) return null;
  const own = lab.choice.options.value[picture.name] ?? {};
  return (
    <div class="lab-options">
      <h2>options</h2>
      {picture.options.map((option) => {
        // As it was set here, until the board says what became of it.
        const set = own[option.name] as LabOption["value"] | undefined;
        const value = lab.fresh.value || set === undefined ? option.value : set;
        return (
          <Option
            key={option.name}
            option={option}
            value={value}
            onSet={(to) => lab.setOption(picture.name, option.name, to)}
          />
        );
      })}
    </div>
  );
}

interface Props {
  option: LabOption;
  value: LabOption["value"];
  onSet(value: boolean | number | null): void;
}

function Option({ option, value, onSet }: Props) {
  const { name, label, meaning, kind, least, most, step, allowed, unset } = option;
  if (kind === "switch") {
    return (
      <label class="lab-option switch" title={meaning} data-option={name}>
        <input type="checkbox" checked={value === true} onChange={(event) => onSet(event.currentTarget.checked)} />
        <span>{label}</span>
        <span class="fine">{meaning}</span>
      </label>
    );
  }
  if (allowed) {
    const names = allowed.map(String);
    return (
      <div class="lab-option" data-option={name}>
        <span>{label}</span>
        <SmallChoice label={label} names={names} chosen={String(value)} onChoose={(one) => onSet(Number(one))} />
        <span class="fine">{meaning}</span>
      </div>
    );
  }
  const number = typeof value === "number" ? value : null;
  return (
    <div class="lab-option" data-option={name}>
      {unset ? (
        <label>
          <input
            type="checkbox"
            checked={number !== null}
            onChange={(event) => onSet(event.currentTarget.checked ? most : null)}
          />{" "}
          {label}
        </label>
      ) : (
        <span>{label}</span>
      )}
      {number === null ? (
        <span class="fine">{unset}</span>
      ) : (
        <>
          <input
            type="range"
            aria-label={`${label}, slider`}
            {...{ min: least, max: most, step }}
            value={number}
            onInput={(event) => onSet(event.currentTarget.valueAsNumber)}
          />
          <NumberField label={label} value={number} min={least} max={most} step={step} onChange={onSet} />
        </>
      )}
      {meaning !== label && <span class="fine">{meaning}</span>}
    </div>
  );
}
