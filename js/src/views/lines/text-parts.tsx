// Between which texts of a pair, or turns of a chat, the lines are drawn. Only where there are two or more.

import { Choice } from "../../parts/choice";
import type { Context } from "../../parts/context";
import type { LinesStore, TextPart } from "./store";

const PAIR: [name: string, part: TextPart][] = [
  ["all", null],
  ["A → A", [0, 0]],
  ["A → B", [0, 1]],
  ["B → A", [1, 0]],
  ["B → B", [1, 1]],
];
const TURNS: typeof PAIR = [
  ["all", null],
  ["within a turn", true],
  ["between turns", false],
];

export function TextParts({ context, store: { part } }: { context: Context; store: LinesStore }) {
  const outline = context.state.kernel.outline.value;
  const changes = outline?.queries.segments;
  if (!changes?.length) return null;
  const isPair = changes.length === 2 && changes[1] === 1;
  const parts = isPair ? PAIR : TURNS;
  return (
    <Choice
      label={isPair ? "between the texts" : "lines"}
      names={parts.map(([name]) => name)}
      chosen={parts.find(([, one]) => String(one) === String(part.value))?.[0] ?? "all"}
      onChoose={(name) => {
        part.value = parts.find(([one]) => one === name)?.[1] ?? null;
      }}
    />
  );
}
