// What a variant takes at a length of the reader's choice, each count with a bar beside the other one's.

import { amount, beside } from "../layout/lab";
import { NumberField } from "../parts/number-field";
import { SmallChoice } from "../parts/small-choice";
import type { LabCost } from "../wire/schema";
import type { Lab, Picture } from "./state";

const LONGEST = 131072;
const LENGTHS = ["1000", "8192", "131072"] as const;
const SAYS = { "1000": "1,000", "8192": "8,192", "131072": "131,072" };

export function Costs({ lab: { choice, set }, picture }: { lab: Lab; picture: Picture }) {
  const length = choice.length.value;
  return (
    <div class="lab-costs">
      <h2>what it takes</h2>
      <p class="lab-length">
        of{" "}
        <NumberField
          label="tokens"
          value={length}
          min={1}
          max={LONGEST}
          step={1}
          onChange={(to) => set({ length: Math.round(to) })}
        />{" "}
        tokens{" "}
        <SmallChoice
          label="lengths"
          names={LENGTHS}
          says={SAYS}
          chosen={String(length) as (typeof LENGTHS)[number]}
          onChoose={(one) => set({ length: Number(one) })}
        />
      </p>
      <ul>
        {picture.costs.map((cost) => (
          <Cost key={cost.what} cost={cost} />
        ))}
      </ul>
      {picture.costNote && <p class="fine">{picture.costNote}</p>}
    </div>
  );
}

function Cost({ cost: { what, unit, count, beside: other, compared, formula } }: { cost: LabCost }) {
  const most = Math.max(count, other, 1);
  const bar = (size: number) => ({ "--score": size / most });
  return (
    <li data-cost={what}>
      <span class="lab-cost-line">
        <span>{what}</span>
        <b>{amount(count, unit)}</b>
      </span>
      <i class="bar own" style={bar(count)} />
      <i class="bar" style={bar(other)} />
      <span class="fine lab-cost-line">
        <span>
          {beside(count, other)} {compared}
        </span>
        <span>{amount(other, unit)}</span>
      </span>
      <details>
        <summary class="fine">how it is counted</summary>
        {formula.map((line) => (
          <p class="fine" key={line}>
            {line}
          </p>
        ))}
      </details>
    </li>
  );
}
