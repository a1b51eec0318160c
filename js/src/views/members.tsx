// The heads of an open category, best first.

import type { ReadonlySignal } from "@preact/signals";
import { categoryColour } from "../draw/colours";
import type { Theme } from "../host";
import { type Labels, nameOf, noteOf } from "../labels";
import { type Member, OTHER } from "../layout/categories";
import type { State } from "../state";
import { chooseHead } from "./choose";
import { headName, points } from "./words";

interface Props {
  state: State;
  labels: Labels;
  category: number;
  members: Member[];
  theme: ReadonlySignal<Theme>;
}

export function Members({ state, labels, category, members, theme }: Props) {
  const shown = new Set(state.traits.heads.value.map(headName));
  const first = members.findIndex(({ head }) => shown.has(headName(head)));
  const name = nameOf(labels, category);
  if (members.length === 0)
    return <p class="fine told">{category === OTHER ? "no head" : "no head at this threshold"}</p>;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no list
    <div class="members told" role="group" aria-label={`heads of ${name}, by score`}>
      {members.map(({ head, score, main }, at) => {
        const label = headName(head);
        const aside = main === category ? "" : `${category === OTHER ? "nearest" : "mainly"} ${nameOf(labels, main)}`;
        const colour = categoryColour(labels, category, theme.value);
        return (
          <button
            type="button"
            key={label}
            class={aside && category !== OTHER ? "member aside" : "member"}
            data-listed-head={label}
            aria-pressed={shown.has(label)}
            title={[label, points(score), aside, noteOf(labels, category, head)].filter(Boolean).join(" · ")}
            tabIndex={at === Math.max(0, first) ? 0 : -1}
            style={{ "--score": Math.max(0, score), ...(colour && { "--pen": colour }) }}
            onClick={(event) => chooseHead(state, head, event.shiftKey)}
            onKeyDown={walk}
          >
            <span class="head">{label}</span>
            <span class="middle">
              {aside && <bdi class="note">{aside}</bdi>}
              <i class="bar" />
            </span>
            <span class="points">{points(score)}</span>
          </button>
        );
      })}
    </div>
  );
}

/** Arrows move along the list, and up from its first head back to the category. */
function walk(event: KeyboardEvent): void {
  const here = event.currentTarget as HTMLElement;
  const list = here.parentElement as HTMLElement;
  const category = list.closest(".kind-open")?.previousElementSibling;
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
