// An open category: what it means, from which score on it counts, and its heads.

import type { ReadonlySignal, Signal } from "@preact/signals";
import type { Theme } from "../host";
import { type Labels, nameOf, noteOf } from "../labels";
import { isMeasured, membersOf, OTHER } from "../layout/categories";
import type { State } from "../state";
import { Members } from "./members";
import { headName, points } from "./words";

interface Props {
  state: State;
  labels: Labels;
  moved: Signal<Record<string, number>>;
  category: number;
  theme: ReadonlySignal<Theme>;
  only: Signal<boolean>;
}

export function Kind({ state, labels, moved, category, theme, only }: Props) {
  const name = nameOf(labels, category);
  const kind = labels.list[category];
  const measured = category === OTHER || isMeasured(labels.scores, category);
  const members = membersOf(labels.scores, labels.thresholds, category);
  const [chosen = [0, 0], ...others] = state.traits.heads.value;
  const note = others.length === 0 && noteOf(labels, category, chosen);
  const threshold = labels.thresholds[category] ?? 0;
  return (
    <section class="kind-open" aria-label={name}>
      <p>
        {kind
          ? kind.meaning
          : "No score reaches its category’s threshold. Each head with the category it comes nearest to."}
      </p>
      {kind && measured && (
        <p class="fine told">
          {kind.chance !== null && (
            <span title="what an even spread of attention reaches before the correction">
              chance {points(kind.chance)} ·{" "}
            </span>
          )}
          <span title="what the scores were measured on">source: {kind.source}</span>
        </p>
      )}
      {!measured && <Missing labels={labels} category={category} />}
      {kind && measured && (
        <label class="slider">
          <span>
            scores ≥ <b>{points(threshold)}</b>
          </span>
          <input
            type="range"
            aria-label={`threshold of ${name}`}
            min="0"
            max="1"
            step="0.01"
            value={threshold}
            onInput={(event) => {
              moved.value = { ...moved.value, [name]: +event.currentTarget.value };
            }}
          />
        </label>
      )}
      {measured && (
        <>
          <label class="only">
            <input
              type="checkbox"
              checked={only.value}
              onChange={(event) => {
                only.value = event.currentTarget.checked;
              }}
            />
            only this category
          </label>
          <Members state={state} labels={labels} category={category} members={members} theme={theme} />
          {note && (
            <p class="fine told">
              <b>{headName(chosen)}</b> {note}
            </p>
          )}
        </>
      )}
    </section>
  );
}

/** Why there are no scores, or how far they are. */
function Missing({ labels, category }: { labels: Labels; category: number }) {
  const { state, message, done, total } = labels.probe;
  const source = labels.list[category]?.source ?? "";
  if (state === "running") {
    return (
      <div class="fine told">
        {message || "measuring on example texts"} … {total > 0 && `${Math.round((100 * done) / total)}\u00a0%`}
        <progress aria-label="measured" value={total > 0 ? done : undefined} max={total > 0 ? total : undefined} />
      </div>
    );
  }
  return <p class="fine told">{state === "failed" && message ? message : source}</p>;
}
