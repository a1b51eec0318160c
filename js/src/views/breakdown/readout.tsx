// What is pointed at, and how much is explained.

import { Choice } from "../../parts/choice";
import { readingOf } from "./readings";
import type { BreakdownStore, Level } from "./store";

export function Readout({ store }: { store: BreakdownStore }) {
  const shown = store.shown.value;
  const steps = shown?.steps;
  if (!shown || !steps) return null;
  const spot = store.spot.value;
  const valid = spot && !(typeof spot.row === "number" && spot.row >= steps.payload.rows.length);
  const pieces = valid ? readingOf(shown, steps, spot) : [];
  if (pieces.length === 0) {
    return <span class="hint">point at a number to read it · click a row to pin it · keys 1–7: steps</span>;
  }
  return (
    <span>
      {pieces.map((piece, at) =>
        typeof piece === "string" ? (
          <span key={at}>{piece}</span>
        ) : (
          <b key={at}>
            <bdi>{piece.token}</bdi>
          </b>
        ),
      )}
    </span>
  );
}

const LEVELS: Level[] = ["sentence", "paragraph", "formula", "off"];

export function Levels({ store }: { store: BreakdownStore }) {
  if (!store.shown.value?.steps) return null;
  return (
    <div class="levels">
      <Choice
        label="explain:"
        names={LEVELS}
        chosen={store.level.value}
        onChoose={(level) => {
          store.level.value = level as Level;
        }}
      />
    </div>
  );
}
