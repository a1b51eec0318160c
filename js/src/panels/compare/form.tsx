// What to compare with: another text, another bundled model, another mask.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Context } from "../../parts/context";
import type { Panel, PanelProps } from "../../parts/panel";
import type { SidesReply } from "../../wire/schema";
import css from "./compare.css";

function CompareForm({ context }: PanelProps) {
  return context.chooses.value && context.state.kernel.outline.value ? <Form context={context} /> : null;
}

function Form({ context: { state, client, chooses } }: { context: Context }) {
  const field = useRef<HTMLInputElement>(null);
  const sides = useSignal<SidesReply | null>(null);
  const { text: own } = state.traits;
  const [text, model, mask] = [useSignal(own.peek()), useSignal(""), useSignal("")];
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
    client.ask("sides").then(
      ({ ok }) => {
        sides.value = ok as unknown as SidesReply;
      },
      () => {},
    );
  }, []);
  const before = useRef(state.kernel.outline.peek()?.comparison);
  useSignalEffect(() => {
    const now = state.kernel.outline.value?.comparison;
    if (now && now !== before.current) chooses.value = false; // it is on screen
  });
  const close = (from: Element) => {
    from.closest("[data-attnwidget]")?.querySelector<HTMLElement>(".compare-button")?.focus();
    chooses.value = false;
  };
  const isAnother = text.value.trim() !== "" && text.value !== own.value;
  const isReady = isAnother || model.value !== "" || mask.value !== "";
  const isRunning = state.kernel.status.value?.state === "loading";
  const says = sides.value?.masks.find(({ name }) => name === mask.value)?.says;
  return (
    <form
      class="compare-form"
      aria-label="compare with"
      onKeyDown={(event) => {
        const isText = event.key === "Enter" && event.target === field.current && !event.isComposing;
        if (!isText && event.key !== "Escape") return;
        event.stopPropagation();
        if (event.key === "Escape") return close(event.currentTarget);
        event.preventDefault(); // JupyterLab keeps Enter from a form
        event.currentTarget.requestSubmit();
      }}
      onSubmit={(event) => {
        event.preventDefault();
        if (!isReady || isRunning) return;
        const isSecond = before.current?.shown === "b"; // what stands in the box is not A's text
        const asked = {
          text: isAnother || isSecond ? text.value : null,
          model: model.value || null,
          mask: mask.value || null,
        };
        client.ask("compare", asked).catch(() => {}); // the status says that a run failed
      }}
    >
      <label class="other-text">
        B: the text
        <input
          ref={field}
          value={text.value}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
      </label>
      <label>
        in
        <select
          aria-label="model of B"
          value={model.value}
          onChange={(event) => (model.value = event.currentTarget.value)}
        >
          <option value="">the same model</option>
          {sides.value?.models.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        under
        <select
          aria-label="mask of B"
          value={mask.value}
          onChange={(event) => (mask.value = event.currentTarget.value)}
        >
          <option value="">its own mask</option>
          {sides.value?.masks.map(({ name, says: title }) => (
            <option key={name} value={name} title={title}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" class="small-button" disabled={!isReady || isRunning}>
        Put beside A
      </button>
      <button
        type="button"
        class="close-find"
        aria-label="close"
        title="close (Escape)"
        onClick={(event) => close(event.currentTarget)}
      >
        ×
      </button>
      <p class="fine">{says ? `${mask.value}: ${says}` : isReady ? "" : "change the text, the model or the mask"}</p>
    </form>
  );
}

export const compareForm: Panel = { place: "options", css, Component: CompareForm };
