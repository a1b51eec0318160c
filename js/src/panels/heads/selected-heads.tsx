// Of what category the heads shown are, and why.

import { categoryColour } from "../../draw/colours";
import type { Theme } from "../../host";
import { bestOf, type HeadCategories, nameOf, noteOf, OTHER } from "../../layout/categories";
import { headName } from "../../layout/heads";
import { briefScore } from "../../layout/numbers";
import type { Panel, PanelProps } from "../../parts/panel";
import { Swatch } from "../../parts/swatch";
import type { Head } from "../../wire/schema";
import { Here } from "./here";
import css from "./selected-heads.css";

const SCORES = 3;
const LISTED = 4;

function SelectedHeads({ context }: PanelProps) {
  const { onScreen, categories: store, ranking, theme } = context;
  const heads = onScreen.value?.heads ?? [];
  const categories = store.now.value;
  const [head] = heads;
  if (!head) return null;
  const named = heads.slice(0, LISTED);
  return (
    <section class="chosen" aria-label="heads shown" data-fresh={categories?.fresh ?? false}>
      {named.map((one) => (
        <h3 key={headName(one)}>
          <b>{headName(one)}</b>
          {categories && categories.main(one) >= OTHER && (
            <span class="measured">
              {" · "}
              <Swatch categories={categories} category={categories.main(one)} theme={theme.value} />
              <bdi>{nameOf(categories, categories.main(one))}</bdi>
            </span>
          )}
        </h3>
      ))}
      {heads.length > LISTED && <h3>and {heads.length - LISTED} more</h3>}
      {heads.length === 1 && !ranking.value && <Why head={head} categories={categories} theme={theme.value} />}
      {heads.length === 1 && <Here context={context} head={head} />}
    </section>
  );
}

/** A head's largest scores. Each bar carries the mark that it has to reach. */
function Why({ head, categories, theme }: { head: Head; categories: HeadCategories | null; theme: Theme }) {
  if (!categories) return <NoScores />;
  const main = categories.main(head);
  const ranked = bestOf(categories.scores, head, categories.list.length);
  // The category that names the head is among them, be its score ever so small.
  const best = ranked.filter(({ category }, at) => at < SCORES || category === main);
  if (best.length > SCORES) best.splice(SCORES - 1, 1);
  return (
    <div class="why">
      {best.length === 0 && <p class="fine">{categories.warning || "not measured"}</p>}
      {best.map(({ category, score }) => {
        const { name, chance, source } = categories.list[category]!;
        const threshold = categories.thresholds[category] as number;
        const notes = [
          `${briefScore(score)}, counts from ${briefScore(threshold)}`,
          chance !== null && `chance ${briefScore(chance)}, taken off already`,
          noteOf(categories, category, head),
          source,
        ];
        const colour = categoryColour(categories, category, theme);
        return (
          <div
            key={name}
            class={category === main ? "measured main" : "measured"}
            title={notes.filter(Boolean).join(" · ")}
          >
            <bdi class="name">{name}</bdi>
            <span class="points">{briefScore(score)}</span>
            <i
              class="bar"
              style={{ "--score": Math.max(0, score), "--threshold": threshold, ...(colour && { "--pen": colour }) }}
            />
          </div>
        );
      })}
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

export const selectedHeads: Panel = { place: "left", css, Component: SelectedHeads };
