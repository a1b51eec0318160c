// The lab, from top to bottom: the text, where the numbers come from, what is pointed at, the variants side by side, and
// all that there is to say of the chosen one.

import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { useErrorBoundary } from "preact/hooks";
import { Skeleton } from "../frame/skeleton";
import type { Theme } from "../host";
import { focusClicked, handOver } from "../parts/keep-focus";
import type { Client } from "../wire/client";
import type { Status } from "../wire/schema";
import { Board } from "./board";
import { Detail } from "./detail";
import { Menu } from "./menu";
import { Numbers } from "./numbers";
import { Prompt } from "./prompt";
import { Readout } from "./readout";
import type { Lab } from "./state";

interface Props {
  lab: Lab;
  client: Client;
  theme: ReadonlySignal<Theme>;
}

export function App(props: Props) {
  const [error] = useErrorBoundary(console.error);
  if (!error) return <Frame {...props} />;
  return (
    <p role="alert" class="widget alert" data-attnwidget data-state="error" data-theme={props.theme}>
      The lab cannot be drawn. What was saved of it may be damaged, or of another version: run the cell again.{" "}
      {String(error)}
    </p>
  );
}

function Frame({ lab, client, theme }: Props) {
  const { board, status, fresh, pinned, pointed } = lab;
  const dismissed = useSignal<Status | null>(null);
  const alert = useComputed(() =>
    status.value?.state === "error" && dismissed.value !== status.value ? status.value.message : "",
  );
  const silent = useComputed(
    () => client.silent.value && !(fresh.value && !client.waiting.value && client.heard.value),
  );
  const condition = useComputed(() => {
    if (alert.value) return "error";
    if (silent.value) return "no-kernel";
    return fresh.value && status.value?.state !== "loading" ? "ready" : "loading";
  });
  const shown = board.value;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape reaches the frame from every control inside
    <div
      class="widget lab"
      data-attnwidget
      data-view="lab"
      data-state={condition}
      data-theme={theme}
      tabIndex={-1}
      onClickCapture={focusClicked}
      onKeyDown={({ key }) => {
        if (key !== "Escape") return;
        if (alert.value) dismissed.value = status.value;
        else pinned.value = pointed.value = null;
      }}
    >
      <div class="text-row">
        <Prompt lab={lab} client={client} />
        {shown?.notices.map((notice) => (
          <p class="notice" key={notice}>
            {notice}
          </p>
        ))}
      </div>
      {shown && <Numbers lab={lab} board={shown} />}
      <div class="pointed-at">
        <p role="status" class="readout lab-readout">
          {shown && <Readout lab={lab} board={shown} />}
        </p>
        {silent.value && (
          <p class={client.heard.value ? "silent" : "silent unheard"} role="alert">
            {client.heard.value ? "No answer from the kernel." : "No kernel has answered: this is a saved picture."}{" "}
            What is on screen can still be explored; for anything else, run the cell.
          </p>
        )}
      </div>
      {alert.value && (
        <div class="alert" role="alert">
          <span>{alert.value}</span>
          <button
            type="button"
            aria-label="dismiss"
            onClick={(event) => {
              handOver(event.currentTarget);
              dismissed.value = status.value;
            }}
          >
            ×
          </button>
        </div>
      )}
      {shown ? (
        <div class="lab-body">
          <Menu lab={lab} board={shown} />
          <div class="lab-main">
            <Board lab={lab} board={shown} theme={theme} />
            <Detail lab={lab} board={shown} theme={theme} />
          </div>
        </div>
      ) : (
        <Skeleton status={status.value} />
      )}
      <footer>
        <span>
          {shown && (
            <>
              <b>{shown.model || "small weights that nobody trained"}</b> · {shown.heads} heads
              {shown.keyHeads !== shown.heads && ` with ${shown.keyHeads} sets of keys and values`} ·{" "}
              {shown.tokens.length} tokens · attnwidget {shown.version}
            </>
          )}
        </span>
      </footer>
    </div>
  );
}
