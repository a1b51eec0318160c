// An open category: what it means, from which score on it counts, and its heads.

import { type HeadCategories, headsOf, isMeasured, nameOf, noteOf, OTHER } from "../../layout/categories";
import { headName } from "../../layout/heads";
import { briefScore } from "../../layout/numbers";
import type { Context } from "../../parts/context";
import { CategoryHeads } from "./category-heads";

interface Props {
  context: Context;
  categories: HeadCategories;
  category: number;
}

export function OpenCategory({ context, categories, category }: Props) {
  const { state } = context;
  const { moved, only } = context.categories;
  const name = nameOf(categories, category);
  const about = categories.list[category];
  const measured = category === OTHER || isMeasured(categories.scores, category);
  const heads = headsOf(categories.scores, categories.thresholds, category);
  const [chosen = [0, 0], ...others] = state.traits.heads.value;
  const note = others.length === 0 && noteOf(categories, category, chosen);
  const threshold = categories.thresholds[category] ?? 0;
  return (
    <section class="kind-open" aria-label={name}>
      <p>
        {about
          ? about.meaning
          : "No score reaches its category’s threshold. Each head with the category it comes nearest to."}
      </p>
      {about && measured && (
        <p class="fine measured">
          {about.scale && <span class="scale">{about.scale} </span>}
          {about.chance !== null && (
            <span title="what an even spread of attention reaches before the correction">
              chance {briefScore(about.chance)} ·{" "}
            </span>
          )}
          <span title="what the scores were measured on">source: {about.source}</span>
        </p>
      )}
      {!measured && <NotMeasured categories={categories} category={category} />}
      {about && measured && (
        <label class="slider">
          <span>
            scores ≥ <b>{briefScore(threshold)}</b>
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
          <CategoryHeads context={context} categories={categories} category={category} heads={heads} />
          {note && (
            <p class="fine measured">
              <b>{headName(chosen)}</b> {note}
            </p>
          )}
        </>
      )}
    </section>
  );
}

/** Why there are no scores, or how far they are. */
function NotMeasured({ categories, category }: { categories: HeadCategories; category: number }) {
  const { state, message, done, total } = categories.probe;
  const source = categories.list[category]?.source ?? "";
  if (state === "running") {
    return (
      <div class="fine measured">
        {message || "measuring on example texts"} … {total > 0 && `${Math.round((100 * done) / total)}\u00a0%`}
        <progress aria-label="measured" value={total > 0 ? done : undefined} max={total > 0 ? total : undefined} />
      </div>
    );
  }
  return <p class="fine measured">{state === "failed" && message ? message : source}</p>;
}
