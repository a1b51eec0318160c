// The text and the button that runs it.

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { State } from "../state";
import type { Client } from "../wire/client";
import type { Outline, Status } from "../wire/protocol";

interface Props {
  state: State;
  client: Client;
  outline: Outline | null;
  status: Status;
}

const PAUSE = 350; // ms without a key before a quick model is run on what stands there
const QUICK = 0.4; // seconds: a model that answers faster runs while one types

export function Prompt({ state, client, outline, status }: Props) {
  const box = useRef<HTMLTextAreaElement>(null);
  const draft = useSignal(state.traits.text.peek());
  const sent = useRef(draft.peek()); // the text that the draft was when it last agreed with Python's
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const loading = status.state === "loading";
  const editable = outline?.editable ?? status.editable ?? false;

  // What Python or an earlier Enter brings never overwrites what was typed since.
  useSignalEffect(() => {
    const text = state.traits.text.value;
    if (draft.peek() === sent.current) draft.value = text;
    sent.current = text;
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  useSignalEffect(() => {
    draft.value;
    grow(box.current);
  });

  const run = () => {
    clearTimeout(timer.current);
    sent.current = draft.value;
    client.ask("run", { text: draft.value }).catch(() => {}); // a failed run is told by the status
  };
  const type = (text: string, composing: boolean) => {
    draft.value = text;
    clearTimeout(timer.current);
    const quick = outline !== null && outline.seconds < QUICK;
    if (quick && !composing && text.trim()) timer.current = setTimeout(run, PAUSE);
  };

  const share = useComputed(() => {
    const { done = 0, total } = state.told._status.value;
    return total ? Math.min(1, done / total) : 0;
  });

  const changed = draft.value !== state.traits.text.value;
  if (outline && !editable) {
    return (
      <div class="prompt">
        <p class="given">attention captured earlier: there is no model to run another text</p>
        <ModelInfo outline={outline} />
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
      <textarea
        ref={box}
        aria-label="Text"
        rows={1}
        spellcheck={false}
        value={draft.value}
        disabled={!editable}
        onInput={(event) => type(event.currentTarget.value, event.isComposing)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            run();
          }
        }}
      />
      {loading && outline ? (
        <button
          type="button"
          class="run running"
          style={{ "--share": share.value }}
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
      {outline && <ModelInfo outline={outline} />}
    </form>
  );
}

function ModelInfo({ outline }: { outline: Outline }) {
  const { model, layers, heads, tokens, maxError, broken } = outline;
  const exactness = broken
    ? "the model computed something that is not a number, perhaps by overflow in half precision"
    : maxError === null
      ? "weights as they were given; there is nothing to check them against"
      : `checked: weights × values differ from the model's own attention by at most ${maxError.toExponential(1)}`;
  return (
    <p class="model" title={exactness}>
      {model && (
        <>
          <b>{model}</b> ·{" "}
        </>
      )}
      {layers} layers × {heads} heads · {tokens.length} {tokens.length === 1 ? "token" : "tokens"}
      {broken && " · not a number"}
      {maxError !== null && <span class="check"> · exact to {maxError.toExponential(0)}</span>}
    </p>
  );
}

/** As high as the text, up to four lines. */
function grow(box: HTMLTextAreaElement | null): void {
  if (!box) return;
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 94)}px`;
}
