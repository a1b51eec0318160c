// The text and the button that runs it.

import { type ReadonlySignal, type Signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Panel, PanelProps } from "../../parts/panel";
import type { Status } from "../../wire/schema";
import css from "./text.css";

const PAUSE = 350; // ms without a key before a quick model is run on what stands there
const QUICK = 0.4; // seconds: a model that answers faster runs while one types

const LOADING: Status = { state: "loading", message: "", done: 0, total: null, editable: false };

function Prompt({ context: { state, client } }: PanelProps) {
  const outline = state.kernel.outline.value;
  const status = state.kernel.status.value ?? LOADING;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const text = useDraft(state.traits.text);
  const pair = useDraft(state.traits.text_pair);
  const target = useDraft(state.traits.text_target);
  const loading = status.state === "loading";
  const editable = outline?.editable ?? status.editable ?? false;
  useEffect(() => () => clearTimeout(timer.current), []);

  // An example brings its own text: what was typed and not run gives way to it.
  const shown = outline?.demo?.shown?.name; // not the object: that comes anew with every outline
  useEffect(() => {
    if (!shown) return;
    clearTimeout(timer.current);
    for (const one of [text, pair, target]) one.take();
  }, [shown]);

  const run = () => {
    clearTimeout(timer.current);
    for (const one of [text, pair, target]) one.agree();
    const texts = { text: text.draft.value, text_pair: pair.draft.value, text_target: target.draft.value };
    client.ask("run", texts).catch(() => {}); // the status says that a run failed
  };
  const type = (composing: boolean) => {
    clearTimeout(timer.current);
    const quick = outline !== null && outline.seconds < QUICK;
    if (quick && !composing && text.draft.value.trim()) timer.current = setTimeout(run, PAUSE);
  };

  const progress = useComputed(() => {
    const { done, total } = state.kernel.status.value ?? LOADING;
    return total ? Math.min(1, done / total) : 0;
  });

  const changed = text.changed || pair.changed || target.changed;
  if (outline && !editable) {
    return (
      <div class="prompt">
        <p class="captured">
          {outline.page ? "a saved page" : "attention captured earlier"}: there is no model to run another text
        </p>
      </div>
    );
  }
  return (
    <form
      class="prompt"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <div class="texts">
        <TextBox label="Text" draft={text.draft} disabled={!editable} onType={type} onRun={run} />
        {pair.draft.value !== "" || state.traits.text_pair.value !== "" ? (
          <TextBox label="Second text" draft={pair.draft} disabled={!editable} onType={type} onRun={run} />
        ) : null}
        {outline?.translates && (
          <TextBox
            label="Target"
            hint="target: written by the model, or type what it should say"
            draft={target.draft}
            disabled={!editable}
            onType={type}
            onRun={run}
          />
        )}
      </div>
      {loading && (outline || editable) ? (
        <button
          type="button"
          class="run running"
          style={{ "--progress": progress.value }}
          title={status.message}
          onClick={() => client.ask("stop").catch(() => {})}
        >
          Stop
        </button>
      ) : (
        <button
          type="submit"
          class={changed ? "run changed" : "run"}
          title={changed ? "the picture is of the text before: Enter runs this one" : ""}
          disabled={!editable}
        >
          Run
        </button>
      )}
    </form>
  );
}

/** What stands in a box. What Python or an earlier Enter brings never overwrites what was typed since. */
export function useDraft(trait: ReadonlySignal<string>) {
  const draft = useSignal(trait.peek());
  const agreed = useRef(draft.peek()); // when draft and Python were last of one mind
  useSignalEffect(() => {
    const text = trait.value;
    if (draft.peek() === agreed.current) draft.value = text;
    agreed.current = text;
  });
  return {
    draft,
    changed: draft.value !== trait.value,
    agree() {
      agreed.current = draft.peek();
    },
    take() {
      draft.value = trait.peek();
      agreed.current = draft.peek();
    },
  };
}

interface TextBoxProps {
  label: string;
  hint?: string;
  draft: Signal<string>;
  disabled: boolean;
  onType(composing: boolean): void;
  onRun(): void;
}

export function TextBox({ label, hint = "", draft, disabled, onType, onRun }: TextBoxProps) {
  const box = useRef<HTMLTextAreaElement>(null);
  useSignalEffect(() => {
    draft.value;
    grow(box.current);
  });
  // As wide as its place, which may change, and be nothing before a tab or an accordion opens.
  useEffect(() => {
    let width = 0;
    let frame = 0;
    const observer = new ResizeObserver(([entry]) => {
      if (!entry || entry.contentRect.width === width) return; // its own height: nothing to do
      width = entry.contentRect.width;
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => grow(box.current));
    });
    observer.observe(box.current as HTMLTextAreaElement);
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
    };
  }, []);
  return (
    <textarea
      ref={box}
      aria-label={label}
      placeholder={hint}
      rows={1}
      spellcheck={false}
      value={draft.value}
      disabled={disabled}
      onInput={(event) => {
        draft.value = event.currentTarget.value;
        onType(event.isComposing);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
          event.preventDefault();
          onRun();
        }
      }}
    />
  );
}

/** As high as the text, up to two lines: more of it scrolls, and leaves the picture its room. */
function grow(box: HTMLTextAreaElement | null): void {
  if (!box) return;
  const before = box.style.height;
  box.style.height = "auto";
  if (box.scrollHeight === 0) {
    box.style.height = before; // out of sight: it has no height to measure
    return;
  }
  box.style.height = `${Math.min(box.scrollHeight + 2, 50)}px`;
}

export const prompt: Panel = { place: "top", css, Component: Prompt };
