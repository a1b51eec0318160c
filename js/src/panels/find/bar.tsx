// What is looked for, where it was found, and pins for it.

import { useLayoutEffect, useRef } from "preact/hooks";
import { Choice } from "../../parts/choice";
import type { Context } from "../../parts/context";
import type { Panel, PanelProps } from "../../parts/panel";
import css from "./find.css";

const SIDES = { queries: "query", keys: "key" } as const;

function FindBar({ context }: PanelProps) {
  const { open } = context.find;
  return open.value && context.state.kernel.outline.value ? <Bar context={context} /> : null;
}

function Bar({ context: { find, state } }: { context: Context }) {
  const { open, wanted, side, places, at, look, step } = find;
  const field = useRef<HTMLInputElement>(null);
  const isTwo = Boolean(state.kernel.outline.value?.keys);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const count = places.value.length;
  const here = places.value[at.value];
  const close = (from: Element) => {
    from.closest("[data-attnwidget]")?.querySelector<HTMLElement>(".find-button")?.focus();
    open.value = false;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close(event.currentTarget as Element);
    } else if (event.key === "Enter" && event.target === field.current && !event.isComposing) {
      event.preventDefault();
      step(event.shiftKey ? -1 : 1);
    }
  };
  const said = wanted.value.trim() === "" ? "" : count === 0 ? "nowhere in the text" : `${at.value + 1} of ${count}`;
  return (
    <search class="find" onKeyDown={onKeyDown}>
      <input
        ref={field}
        type="search"
        aria-label="Find in the text"
        placeholder="words, or #position"
        autocomplete="off"
        spellcheck={false}
        value={wanted.value}
        onInput={(event) => look(event.currentTarget.value)}
      />
      {isTwo && (
        <Choice
          label="among"
          names={Object.keys(SIDES)}
          chosen={side.value === "key" ? "keys" : "queries"}
          onChoose={(name) => {
            side.value = SIDES[name as keyof typeof SIDES];
            look(wanted.value);
          }}
        />
      )}
      <span class="found-count" aria-live="polite">
        {said}
      </span>
      <button
        type="button"
        class="small-button"
        aria-label="previous place"
        disabled={count < 2}
        onClick={() => step(-1)}
      >
        ‹
      </button>
      <button type="button" class="small-button" aria-label="next place" disabled={count < 2} onClick={() => step(1)}>
        ›
      </button>
      {(["query", "key"] as const).map(
        (name) =>
          (!isTwo || name === side.value) && (
            <button
              key={name}
              type="button"
              class="small-button"
              disabled={!here}
              onClick={() => here && state.set(name === "query" ? { queries: here } : { keys: here })}
            >
              pin as {name}
            </button>
          ),
      )}
      <button
        type="button"
        class="close-find"
        aria-label="close Find"
        title="close (Escape)"
        onClick={(event) => close(event.currentTarget)}
      >
        ×
      </button>
    </search>
  );
}

export const findBar: Panel = { place: "options", css, Component: FindBar };
