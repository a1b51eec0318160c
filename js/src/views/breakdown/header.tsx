// The columns' names, and below each what its colours mean or where its numbers come from.

import { figure } from "../../layout/numbers";
import { type Steps, scaleName } from "../../layout/steps";
import { LABELS } from "../../layout/steps-beside";
import { COMPARED, type ColumnName, isStrip, TRIOS } from "../../layout/table";
import type { Ends, TableContext } from "./context";
import { Legend } from "./legend";

const BRIEF = 96; // px of a strip too short for its whole legend

const GLOSS: Partial<Record<ColumnName, string>> = {
  key: "the token that is attended to",
  k: "its key: what it can be found by",
  products: "query × key, dimension by dimension",
  dot: "the sum of the products",
  scaled: "the sum, scaled",
  capped: "bent so that none passes the cap",
  bias: "added for the position, or by the mask",
  score: "what goes into the softmax: −∞ where the mask hides the key",
  exp: "exp of the score, less the largest score",
  weight: "the key's share of the attention",
  parts: "each query's own weight",
  v: "its value: what it gives",
  weighted: "the value times the weight: what arrives",
  change: "hide a key before the softmax",
};

export function Header({ table, ends, pen }: { table: TableContext; ends: Ends; pen: string }) {
  const { columns, theme, steps } = table;
  const names = namesOf(table);
  return (
    // biome-ignore lint/a11y/useSemanticElements: see table.tsx
    // biome-ignore lint/a11y/useFocusableInteractive: only rows of keys take the keyboard
    <div class="heads-row" role="row">
      {columns.map(({ name, left, width, active }, nth) => (
        // biome-ignore lint/a11y/useSemanticElements: see table.tsx
        // biome-ignore lint/a11y/useFocusableInteractive: see table.tsx
        <div
          key={name}
          role="columnheader"
          aria-colindex={nth + 1}
          data-column={name}
          data-beside={COMPARED[name] ? "" : undefined}
          class={active ? "active" : ""}
          title={glossOf(name, steps)}
          style={{ left: `${left}px`, width: `${width}px` }}
        >
          <span class="over">
            {names[name]?.[0]}
            <Unseen of={name} />
          </span>
          {isStrip(name) ? (
            <Legend limit={ends[name]} theme={theme} bars={name === "products"} brief={width < BRIEF} />
          ) : (
            <span class="under">
              {name === "weight" && <i class="swatch" style={{ "--pen": pen }} />}
              {name === "key" && steps.changed ? <span class="blue">blue: changed</span> : names[name]?.[1]}
            </span>
          )}
        </div>
      ))}
    </div>
  );
}

/** B's columns stand under A's name of them. */
function Unseen({ of }: { of: ColumnName }) {
  const compared = COMPARED[of];
  return compared ? <span class="unseen">{LABELS[compared.name]}</span> : null;
}

/** What a column means, and what was changed about it. */
function glossOf(name: ColumnName, { payload }: Steps): string {
  const { scaled, temperature } = payload.whatIf;
  if (name === "key" && payload.changed) return `${GLOSS.key}; blue numbers: with what you changed`;
  if (name === "scaled" && scaled === false) return "the sum, no longer scaled";
  if (name === "score" && temperature !== undefined) return `${GLOSS.score}; divided by the temperature ${temperature}`;
  if (name === "weight" && isGrown(payload)) return `${GLOSS.weight}; without the removed keys, the others grow`;
  const compared = COMPARED[name];
  if (compared) return compared.isApart ? "A’s less B’s: red where A has more, blue where B has" : "the same in B";
  return GLOSS[name] ?? "";
}

/** Whether a key with some weight was taken out, so that the other weights grew. */
const isGrown = ({ changed }: Steps["payload"]): boolean => changed?.grown != null && changed.grown !== 1;

function namesOf({ steps, shown, columns }: TableContext) {
  const { payload, numbers, dK } = steps;
  const roomy = (wanted: ColumnName) => (columns.find(({ name }) => name === wanted)?.width ?? 0) >= BRIEF;
  const wide = (columns.find(({ name }) => name === "products")?.width ?? 0) >= 200;
  const { total } = payload.changed ?? payload;
  const { scaled, temperature } = payload.whatIf;
  const grown = isGrown(payload) ? `, × ${figure(payload.changed?.grown)}` : "";
  const names: Partial<Record<ColumnName, [string, string]>> & Record<"key" | "weight", [string, string]> = {
    key: ["key", shown.outline.keys ? "of the source" : ""],
    k: ["k", ""],
    products: [wide ? "q × k, dimension by dimension" : "q × k", ""],
    dot: ["Σ = q·k", ""],
    scaled: payload.scale === 1 || scaled === false ? ["× 1", scaleName(1, dK)] : [scaleName(payload.scale, dK), ""],
    capped: ["capped", `at ±${figure(payload.softcap, 2)}`],
    bias: ["+ bias", ""],
    score: ["+ mask", temperature === undefined ? "= score" : "÷ T = score"],
    exp: ["exp", "s − max"],
    weight: ["weight", total === null ? "" : `exp ÷ ${figure(total)}${grown}`],
    parts: ["each", ""],
    v: ["v", ""],
    weighted: [roomy("weighted") ? "weight × v" : "w × v", ""],
    change: ["mask", ""],
  };
  if (payload.ranked) names.key[1] = "by weight";
  if (numbers.exponentials === undefined) names.weight[1] = payload.combine;
  for (const name of steps.beside?.names ?? []) {
    const [own, there, apart] = TRIOS[name];
    names[own] = [LABELS[name], "A"];
    names[there] = ["", "B"];
    names[apart] = ["", "A − B"];
  }
  return names;
}
