// Below the picker: what kind of head is shown, and why it is called so.

import type { ReadonlySignal } from "@preact/signals";
import { categoryColour } from "../draw/colours";
import type { Theme } from "../host";
import { type Labels, nameOf, noteOf } from "../labels";
import { bestOf, OTHER } from "../layout/categories";
import type { Head } from "../wire/protocol";
import { Swatch } from "./swatch";
import { headName, points } from "./words";

interface Props {
  heads: Head[];
  labels: Labels | null;
  theme: ReadonlySignal<Theme>;
}

const SCORES = 3;
const LISTED = 4;

export function Chosen({ heads, labels, theme }: Props) {
  const [head] = heads;
  if (!head) return null;
  const named = heads.slice(0, LISTED);
  return (
    <section class="chosen" aria-label="heads shown" data-fresh={labels?.fresh ?? false}>
      {named.map((one) => (
        <h3 key={headName(one)}>
          <b>{headName(one)}</b>
          {labels && labels.main(one) >= OTHER && (
            <span class="told">
              {" · "}
              <Swatch labels={labels} category={labels.main(one)} theme={theme.value} />
              <bdi>{nameOf(labels, labels.main(one))}</bdi>
            </span>
          )}
        </h3>
      ))}
      {heads.length > LISTED && <h3>and {heads.length - LISTED} more</h3>}
      {heads.length === 1 && <Why head={head} labels={labels} theme={theme.value} />}
    </section>
  );
}

/** A head's largest scores. Each bar carries the mark that it has to reach. */
function Why({ head, labels, theme }: { head: Head; labels: Labels | null; theme: Theme }) {
  if (!labels) return <NoScores />;
  const main = labels.main(head);
  const ranked = bestOf(labels.scores, head, labels.list.length);
  // The category that names the head is among them, be its score ever so small.
  const best = ranked.filter(({ category }, at) => at < SCORES || category === main);
  if (best.length > SCORES) best.splice(SCORES - 1, 1);
  return (
    <div class="why">
      {best.length === 0 && <p class="fine">{labels.warning || "not measured"}</p>}
      {best.map(({ category, score }) => {
        const { name, chance, source } = labels.list[category]!;
        const threshold = labels.thresholds[category] as number;
        const notes = [
          `${points(score)}, counts from ${points(threshold)}`,
          chance !== null && `chance ${points(chance)}, taken off already`,
          noteOf(labels, category, head),
          source,
        ];
        const colour = categoryColour(labels, category, theme);
        return (
          <div key={name} class={category === main ? "told main" : "told"} title={notes.filter(Boolean).join(" · ")}>
            <bdi class="name">{name}</bdi>
            <span class="points">{points(score)}</span>
            <i
              class="bar"
              style={{ "--score": Math.max(0, score), "--threshold": threshold, ...(colour && { "--pen": colour }) }}
            />
          </div>
        );
      })}
      {main >= 0 && noteOf(labels, main, head) && <p class="fine told">{noteOf(labels, main, head)}</p>}
    </div>
  );
}

/** Room for what is being measured. */
function NoScores() {
  return (
    <div class="why" aria-hidden="true">
      {Array.from({ length: SCORES }, (_, at) => (
        <div key={at}>
          <span>&nbsp;</span>
          <i class="bar" style={{ "--score": 0 }} />
        </div>
      ))}
    </div>
  );
}
