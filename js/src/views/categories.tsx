// The panel on the right: how many heads are of which kind; one kind at a time can be opened.

import { type ReadonlySignal, type Signal, useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { KNOWN } from "../draw/colours";
import type { Theme } from "../host";
import { type LabelStore, nameOf, OTHER_NAME } from "../labels";
import { countsOf, OTHER } from "../layout/categories";
import type { State } from "../state";
import { Kind } from "./kind";
import { Profile } from "./profile";
import { Swatch } from "./swatch";

interface Props {
  state: State;
  labels: LabelStore;
  theme: ReadonlySignal<Theme>;
  only: Signal<boolean>;
  silent: ReadonlySignal<boolean>;
}

export function Categories({ state, labels, theme, only, silent }: Props) {
  const unfolded = useSignal(false);
  const now = labels.now.value;
  const open = state.traits.category.value;
  const counts = now ? countsOf(now.scores, now.thresholds) : [];
  const kinds = now ? [...now.list.keys(), OTHER] : [];
  const waiting = silent.value ? "not measured" : "measuring …";
  const fresh = now?.fresh ?? false;
  return (
    <aside
      class={unfolded.value ? "categories open" : "categories"}
      aria-label="head categories"
      data-fresh={fresh}
      aria-busy={!fresh}
    >
      <button
        type="button"
        class="fold"
        aria-expanded={unfolded.value}
        onClick={() => {
          unfolded.value = !unfolded.value;
        }}
      >
        Categories{(!fresh || open) && ` · ${fresh ? open : waiting}`}
      </button>
      <div class="panel">
        <h2>
          {fresh ? "Head categories" : "Categories"} <span class="waiting">{fresh ? "" : waiting}</span>
        </h2>
        <div class="kinds">
          {now
            ? kinds.map((category) => {
                const name = nameOf(now, category);
                const count = category === OTHER ? counts.at(-1) : counts[category];
                return (
                  <Fragment key={name}>
                    <button
                      type="button"
                      class="kind"
                      data-category={name}
                      aria-expanded={open === name}
                      onClick={() => state.set({ category: open === name ? null : name })}
                      onKeyDown={walk}
                    >
                      <Swatch labels={now} category={category} theme={theme.value} />
                      <bdi class="name" title={name}>
                        {name}
                      </bdi>
                      <span class="count told">{count ?? "–"}</span>
                    </button>
                    {open === name && (
                      <Kind
                        state={state}
                        labels={now}
                        moved={labels.moved}
                        category={category}
                        theme={theme}
                        only={only}
                      />
                    )}
                  </Fragment>
                );
              })
            : [...KNOWN, OTHER_NAME].map((name) => (
                <div class="kind" key={name}>
                  <i class="swatch" />
                  <span class="name">{name}</span>
                </div>
              ))}
        </div>
        <Profile labels={now} open={open} theme={theme} />
        <p class="fine">
          Scores are corrected for chance: a head that spreads evenly scores 0 at any length.
          {fresh && now?.warning && <b class="warning">{now.warning}</b>}
        </p>
      </div>
    </aside>
  );
}

/** Arrows go from one category to the next, and into the list of the one that is open. */
function walk(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const here = event.currentTarget as HTMLElement;
  const stops = [...(here.parentElement as HTMLElement).querySelectorAll<HTMLElement>("[data-category], .member")];
  const to = stops.filter((one) => one.matches("[data-category], .member:first-child"));
  to[to.indexOf(here) + step]?.focus();
}
