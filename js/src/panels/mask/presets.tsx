// Masks that have a name, with their numbers.

import { readSpec, type Spec, writeSpec } from "../../layout/masks";
import { NumberField } from "../../parts/number-field";
import type { Masks, Told } from "../../state/masks";

const LABELS: Record<string, string> = {
  none: "nothing hidden",
  causal: "causal",
  "padding-left": "padding on the left",
  "padding-right": "padding on the right",
  window: "sliding window",
  around: "window on both sides",
  prefix: "prefix, then causal",
  blocks: "blocks",
  strided: "strided",
  bigbird: "BigBird",
};
const OWN = "own";
const PAINTED = "painted";

export function Presets({ masks, told }: { masks: Masks; told: Told }) {
  const mask = masks.chosen.value;
  const spec = typeof mask === "string" ? readSpec(mask) : null;
  const kind = told.presets.find(({ name }) => name === spec?.name);
  const chosen = mask === null ? OWN : (kind?.name ?? PAINTED);
  const set = (patch: Partial<Spec>) => spec && masks.put(writeSpec({ ...spec, ...patch }));
  const choose = (name: string) => {
    const next = told.presets.find((one) => one.name === name);
    if (next) masks.put(writeSpec({ name, numbers: next.example, causal: next.ahead && told.causal }));
    else if (name === OWN) masks.put(null);
  };
  return (
    <div class="mask-preset">
      <select aria-label="mask" value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
        <option value={OWN}>the model’s own</option>
        {told.presets.map(({ name }) => (
          <option key={name} value={name}>
            {LABELS[name] ?? name}
          </option>
        ))}
        {chosen === PAINTED && <option value={PAINTED}>{typeof mask === "string" ? mask : "painted"}</option>}
      </select>
      {spec &&
        kind?.numbers.map((what, at) => (
          <span class="mask-number" key={`${kind.name} ${what}`}>
            <span class="hint">{what}</span>
            <NumberField
              label={what}
              value={spec.numbers[at] ?? 0}
              min={kind.lowest}
              max={1e6}
              step={1}
              onChange={(value) => set({ numbers: Object.assign([...spec.numbers], { [at]: Math.round(value) }) })}
            />
          </span>
        ))}
      {spec && kind?.ahead && (
        <label>
          <input
            type="checkbox"
            checked={spec.causal}
            onChange={(event) => set({ causal: event.currentTarget.checked })}
          />
          <span class="hint">and causal</span>
        </label>
      )}
    </div>
  );
}
