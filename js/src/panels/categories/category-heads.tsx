// The heads of an open category, best first.

import { categoryColour } from "../../draw/colours";
import { type HeadCategories, nameOf, noteOf, OTHER, type RankedHead } from "../../layout/categories";
import { headName } from "../../layout/heads";
import { briefScore } from "../../layout/numbers";
import type { Context } from "../../parts/context";
import { chooseHead } from "../../state/choose-head";

interface Props {
  context: Context;
  categories: HeadCategories;
  category: number;
  heads: RankedHead[];
}

export function CategoryHeads({ context: { state, theme }, categories, category, heads }: Props) {
  const shown = new Set(state.traits.heads.value.map(headName));
  const first = heads.findIndex(({ head }) => shown.has(headName(head)));
  const name = nameOf(categories, category);
  if (heads.length === 0)
    return <p class="fine measured">{category === OTHER ? "no head" : "no head at this threshold"}</p>;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no list
    <div class="members measured" role="group" aria-label={`heads of ${name}, by score`}>
      {heads.map(({ head, score, main }, at) => {
        const label = headName(head);
        const aside =
          main === category ? "" : `${category === OTHER ? "nearest" : "mainly"} ${nameOf(categories, main)}`;
        const colour = categoryColour(categories, category, theme.value);
        return (
          <button
            type="button"
            key={label}
            class={aside && category !== OTHER ? "member aside" : "member"}
            data-listed-head={label}
            aria-pressed={shown.has(label)}
            title={[label, briefScore(score), aside, noteOf(categories, category, head)].filter(Boolean).join(" · ")}
            tabIndex={at === Math.max(0, first) ? 0 : -1}
            style={{ "--score": Math.max(0, score), ...(colour && { "--pen": colour }) }}
            onClick={(event) => chooseHead(state, head, event.shiftKey)}
            onKeyDown={moveAlong}
          >
            <span class="head">{label}</span>
            <span class="middle">
              {aside && <bdi class="note">{aside}</bdi>}
              <i class="bar" />
            </span>
            <span class="points">{briefScore(score)}</span>
          </button>
        );
      })}
    </div>
  );
}

/** Arrows move along the list, and up from its first head back to the category. */
function moveAlong(event: KeyboardEvent): void {
  const here = event.currentTarget as HTMLElement;
  const list = here.parentElement as HTMLElement;
  const category = list.closest(".kinds")?.querySelector("[data-category][aria-expanded=true]");
  const to = {
    ArrowDown: here.nextElementSibling,
    ArrowUp: here.previousElementSibling ?? category,
    Home: list.firstElementChild,
    End: list.lastElementChild,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  (to as HTMLElement | null)?.focus();
}
