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
const QUICK = 400; // ms: a model that answered faster runs while one types

export function Prompt({ state, client, outline, status }: Props) {
  const box = useRef<HTMLTextAreaElement>(null);
  const draft = useSignal(state.traits.text.peek());
  const sent = useRef({ text: draft.peek(), at: 0, took: 0 });
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const loading = status.state === "loading";
  const editable = outline?.editable ?? status.editable ?? false;

  // What Python or an earlier Enter brings never overwrites what was typed since.
  useSignalEffect(() => {
    const text = state.traits.text.value;
    if (draft.peek() === sent.current.text) draft.value = text;
    sent.current.text = text;
  });
  useEffect(() => {
    if (sent.current.at > 0) sent.current.took = performance.now() - sent.current.at;
    sent.current.at = 0;
  }, [outline]);
  useEffect(() => () => clearTimeout(timer.current), []);
  useSignalEffect(() => {
    draft.value;
    grow(box.current);
  });

  const run = () => {
    clearTimeout(timer.current);
    sent.current.text = draft.value;
    sent.current.at = performance.now();
    client.ask("run", { text: draft.value }).catch(() => {}); // a failed run is told by the status
  };
  const type = (text: string, composing: boolean) => {
    draft.value = text;
    clearTimeout(timer.current);
    const quick = sent.current.took > 0 && sent.current.took < QUICK;
    if (quick && !composing && text.trim()) timer.current = setTimeout(run, PAUSE);
  };

  const share = useComputed(() => {
    const { done = 0, total } = state.told._status.value;
    return total ? Math.min(1, done / total) : 0;
  });

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
        title={editable || !outline ? "" : "captured earlier: there is no model to run a new text"}
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
        <button type="submit" class="run" disabled={!editable}>
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
      <b>{model}</b> · {layers} layers × {heads} heads · {tokens.length} {tokens.length === 1 ? "token" : "tokens"}
      {broken && " · not a number"}
      {maxError !== null && <span class="check"> · exact to {maxError.toExponential(0)}</span>}
    </p>
  );
}

/** As high as the text, up to four lines. */
function grow(box: HTMLTextAreaElement | null): void {
  if (!box) return;
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 96)}px`;
}
