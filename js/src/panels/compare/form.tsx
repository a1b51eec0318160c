// What to compare with: another text, another bundled model; another mask, variant of attention, adapter or head.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Context } from "../../parts/context";
import type { Panel, PanelProps } from "../../parts/panel";
import type { SideChoice, SidesReply } from "../../wire/schema";
import css from "./compare.css";

const KINDS: [SideChoice["of"], string][] = [
  ["mask", "another mask"],
  ["variant", "another attention"],
  ["adapter", "its adapter"],
  ["head", "another head"],
];

function CompareForm({ context }: PanelProps) {
  return context.chooses.value && context.state.kernel.outline.value ? <Form context={context} /> : null;
}

function Form({ context: { state, client, chooses } }: { context: Context }) {
  const field = useRef<HTMLInputElement>(null);
  const sides = useSignal<SidesReply | null>(null);
  const { text: own } = state.traits;
  const [text, model, other] = [useSignal(own.peek()), useSignal(""), useSignal<SideChoice | null>(null)];
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
  const isReady = isAnother || model.value !== "" || other.value !== null;
  const isRunning = state.kernel.status.value?.state === "loading";
  const others = sides.value?.others ?? [];
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
          ...(other.value && { [other.value.of]: other.value.name }),
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
        with
        <select
          aria-label="what else of B"
          value={other.value ? others.indexOf(other.value) : ""}
          onChange={({ currentTarget: { value } }) => {
            other.value = value === "" ? null : (others[Number(value)] ?? null);
          }}
        >
          <option value="">nothing else changed</option>
          {KINDS.filter(([kind]) => others.some(({ of }) => of === kind)).map(([kind, label]) => (
            <optgroup key={kind} label={label}>
              {others.map(
                (one, at) =>
                  one.of === kind && (
                    <option key={one.name} value={at} title={one.says}>
                      {one.label}
                    </option>
                  ),
              )}
            </optgroup>
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
      <p class="fine">{other.value?.says ?? (isReady ? "" : "change the text, the model or something else")}</p>
    </form>
  );
}

export const compareForm: Panel = { place: "options", css, Component: CompareForm };
