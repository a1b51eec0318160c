// Between which texts of a pair the lines are drawn. Only where there are two.

import { Choice } from "../../parts/choice";
import type { Context } from "../../parts/context";
import type { LinesStore, TextPart } from "./store";

const PARTS: [name: string, part: TextPart][] = [
  ["all", null],
  ["A → A", [0, 0]],
  ["A → B", [0, 1]],
  ["B → A", [1, 0]],
  ["B → B", [1, 1]],
];

export function TextParts({ context, store: { part } }: { context: Context; store: LinesStore }) {
  const outline = context.state.kernel.outline.value;
  if (!outline?.queries.segments?.length) return null;
  return (
    <Choice
      label="between the texts"
      names={PARTS.map(([name]) => name)}
      chosen={PARTS.find(([, one]) => String(one) === String(part.value))?.[0] ?? "all"}
      onChoose={(name) => {
        part.value = PARTS.find(([one]) => one === name)?.[1] ?? null;
      }}
    />
  );
}
