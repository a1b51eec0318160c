// How many heads are of which category; one category at a time can be opened.

import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { KNOWN } from "../../draw/colours";
import { countsOf, nameOf, numberOf, OTHER, OTHER_NAME } from "../../layout/categories";
import type { Context } from "../../parts/context";
import type { Panel, PanelProps } from "../../parts/panel";
import { Code, Swatch } from "../../parts/swatch";
import css from "./categories.css";
import { OpenCategory } from "./category";
import { Profile } from "./profile";

/** Why there are no numbers; of a long text with how much is measured. */
function notYet({ client, state }: Context): string {
  const scored = state.kernel.outline.value?.scored;
  if (client.silent.value) return "not measured";
  return scored ? `measuring ${scored} queries …` : "measuring …";
}

function Categories({ context }: PanelProps) {
  const { state, theme } = context;
  const unfolded = useSignal(false);
  const known = context.categories.now.value;
  const open = state.traits.category.value;
  const counts = known ? countsOf(known.scores, known.thresholds) : [];
  const numbers = known ? [...known.list.keys(), OTHER] : [];
  const opened = known && numberOf(known, open); // below them all: none moves away from under the pointer
  const fresh = known?.fresh ?? false;
  const expanded = unfolded.value || (open !== null && known !== null);
  const list = useRef<HTMLDivElement>(null);
  const fitting = useFitting(list, expanded, known?.list);
  const beyond = (at: number) => (at < fitting ? "" : " beyond");
  const hidden = (known ? numbers : [...KNOWN, OTHER_NAME]).length - fitting;
  return (
    <section
      class={expanded ? "categories expanded" : "categories"}
      aria-label="head categories"
      data-fresh={fresh}
      aria-busy={!fresh}
    >
      <h2>Categories</h2>
      <div class="kinds" ref={list}>
        {known
          ? numbers.map((category, at) => {
              const name = nameOf(known, category);
              const count = category === OTHER ? counts.at(-1) : counts[category];
              return (
                <button
                  key={name}
                  type="button"
                  class={`kind${beyond(at)}`}
                  data-category={name}
                  aria-expanded={open === name}
                  onClick={() => state.set({ category: open === name ? null : name })}
                  onKeyDown={moveAlong}
                >
                  <Swatch categories={known} category={category} theme={theme.value} />
                  <bdi class="name" title={name}>
                    {name}
                  </bdi>
                  <span class="count measured">{count ?? "–"}</span>
                </button>
              );
            })
          : [...KNOWN, OTHER_NAME].map((name, at) => (
              <div class={`kind${beyond(at)}`} key={name}>
                <Code name={name} />
                <span class="name">{name}</span>
                <span class="count" />
              </div>
            ))}
        {opened !== null && known && <OpenCategory context={context} categories={known} category={opened} />}
      </div>
      <span class="waiting">{fresh ? "" : notYet(context)}</span>
      <button
        type="button"
        class="all-kinds"
        aria-expanded={expanded}
        onClick={() => {
          unfolded.value = !expanded;
          if (expanded && open !== null) state.set({ category: null });
        }}
      >
        {expanded ? "fewer" : hidden > 0 ? `${hidden} more` : "more"}
      </button>
      <div class="about">
        <Profile categories={known} open={open} theme={theme} />
        <p class="fine">
          Scores are corrected for chance, so that texts of any length compare. What 0 and 1 mean stands under each
          category.
          {fresh && known?.warning && <b class="warning">{known.warning}</b>}
        </p>
      </div>
    </section>
  );
}

/** How many categories stand in one line, where they stand in one; else all. */
function useFitting(list: RefObject<HTMLDivElement | null>, expanded: boolean, of: unknown): number {
  const fitting = useSignal(Number.POSITIVE_INFINITY);
  useLayoutEffect(() => {
    const box = list.current as HTMLDivElement;
    const measure = () => {
      const kinds = [...box.querySelectorAll<HTMLElement>(".kind")];
      // Those beyond the line may be written smaller, and would fit then: all are measured in one size.
      const beyond = kinds.filter((kind) => kind.classList.contains("beyond"));
      for (const kind of beyond) kind.classList.remove("beyond");
      const top = kinds[0]?.offsetTop ?? 0;
      const line = getComputedStyle(box).display === "flex";
      const first = kinds.findIndex((kind) => line && kind.offsetTop > top);
      for (const kind of beyond) kind.classList.add("beyond");
      fitting.value = first < 0 ? Number.POSITIVE_INFINITY : first;
    };
    const observer = new ResizeObserver(measure);
    measure();
    observer.observe(box);
    return () => observer.disconnect();
  }, [expanded, of]);
  return fitting.value;
}

/** Arrows go from one category to the next; down from the one that is open, into its list. */
function moveAlong(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const here = event.currentTarget as HTMLElement;
  const all = here.parentElement as HTMLElement;
  const stops = [...all.querySelectorAll<HTMLElement>("[data-category]")];
  const isInto = event.key === "ArrowDown" && here.getAttribute("aria-expanded") === "true";
  const first = isInto ? all.querySelector<HTMLElement>(".member") : null;
  (first ?? stops[stops.indexOf(here) + step])?.focus();
}

function Summary({ context }: PanelProps) {
  const { state, categories } = context;
  const fresh = categories.now.value?.fresh ?? false;
  const open = state.traits.category.value;
  return <>Categories{(!fresh || open) && ` · ${fresh ? open : notYet(context)}`}</>;
}

export const categories: Panel = { place: "right", css, Component: Categories, Summary };
