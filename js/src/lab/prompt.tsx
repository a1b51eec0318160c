// The sentence, and the button that runs it.

import { TextBox, useDraft } from "../panels/text/prompt";
import type { Client } from "../wire/client";
import type { Lab } from "./state";

export function Prompt({ lab: { text, status }, client }: { lab: Lab; client: Client }) {
  const draft = useDraft(text);
  const loading = status.value?.state === "loading";
  const editable = status.value?.editable ?? false;
  const run = () => {
    draft.agree();
    client.ask("run", { text: draft.draft.value }).catch(() => {}); // the status says that a run failed
  };
  return (
    <form
      class="prompt"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <div class="texts">
        <TextBox label="Text" draft={draft.draft} disabled={!editable} onType={() => {}} onRun={run} />
      </div>
      {loading && editable ? (
        <button type="button" class="run" onClick={() => client.ask("stop").catch(() => {})}>
          Stop
        </button>
      ) : (
        <button type="submit" class={draft.changed ? "run changed" : "run"} disabled={!editable}>
          Run
        </button>
      )}
    </form>
  );
}
