// Where q, k and v come from, and under which mask they meet.

import { Choice } from "../parts/choice";
import type { LabBoard } from "../wire/schema";
import type { Lab } from "./state";

const SOURCES = { model: "a layer of the model", small: "small numbers" } as const;
const TITLES = {
  "a layer of the model": "queries, keys and values as the model multiplies them",
  "small numbers": "small weights that nobody trained, with every number on screen",
};

export function Numbers({ lab: { choice, set }, board }: { lab: Lab; board: LabBoard }) {
  const { numbers, layer, head, mask } = choice;
  return (
    <div class="options lab-numbers">
      <Choice
        label="q, k, v from"
        names={[SOURCES.model, SOURCES.small]}
        titles={TITLES}
        chosen={SOURCES[numbers.value]}
        onChoose={(name) => set({ numbers: name === SOURCES.model ? "model" : "small" })}
      />
      {numbers.value === "model" && board.layers.length > 0 && (
        <Pick label="layer" chosen={layer.value} of={board.layers} onPick={(one) => set({ layer: one })} />
      )}
      <Pick
        label="head"
        chosen={head.value}
        of={Array.from({ length: board.heads }, (_, at) => at)}
        onPick={(one) => set({ head: one })}
      />
      <label class="lab-pick mask">
        <span>mask</span>
        <select value={mask.value} title={board.mask} onChange={(event) => set({ mask: event.currentTarget.value })}>
          {board.masks.map(({ name, says }) => (
            <option key={name} value={name} title={says}>
              {name === "" ? (board.choice.numbers === "small" ? "none" : "the model's own") : name}
            </option>
          ))}
        </select>
      </label>
      <p class="hint mask-says">{board.mask.split(" Blind:")[0]}</p>
    </div>
  );
}

function Pick({
  label,
  chosen,
  of,
  onPick,
}: {
  label: string;
  chosen: number;
  of: number[];
  onPick(one: number): void;
}) {
  return (
    <label class="lab-pick">
      <span>{label}</span>
      <select aria-label={label} value={chosen} onChange={(event) => onPick(Number(event.currentTarget.value))}>
        {of.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}
