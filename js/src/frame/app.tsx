// The widget's frame, from top to bottom: the text, the views as tabs, what is pointed at, the picture between its
// panels, what model this is.

import { useErrorBoundary, useMemo } from "preact/hooks";
import { gridOf } from "../layout/head-grid";
import type { Mounted } from "../parts/context";
import { copyNumbers } from "../parts/copy";
import { focusClicked } from "../parts/keep-focus";
import { Alert, Silence } from "./alert";
import { Panels, Side } from "./place";
import { Skeleton } from "./skeleton";
import { Tabs } from "./tabs";
import { createWidget } from "./widget";
import { Working } from "./working";

export function App(mounted: Mounted) {
  const [error] = useErrorBoundary(console.error);
  if (!error && mounted.state.damage.value !== "all") return <Frame {...mounted} />;
  return (
    <p role="alert" class="widget alert" data-attnwidget data-state="error" data-theme={mounted.theme}>
      This picture cannot be drawn. What was saved of it may be damaged, or of another version: run the cell again.{" "}
      {error && String(error)}
    </p>
  );
}

function Frame(mounted: Mounted) {
  const widget = useMemo(() => createWidget(mounted), []);
  const { context, view, now, condition } = widget;
  const { state, theme, onScreen } = context;
  const { name, wide } = view.value;
  const { Picture, Readout, Legend, Controls } = now.value;
  const shown = onScreen.value;
  const grid = shown ? gridOf(shown.outline.heads).width : 0;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape reaches the frame from every control inside
    <div
      class="widget"
      data-attnwidget
      data-view={name}
      data-state={condition}
      data-theme={theme}
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.key === "Escape") widget.escape();
        if (event.key !== "/" || event.ctrlKey || event.metaKey || isTyping(event.target as Element)) return;
        event.preventDefault();
        widget.find();
      }}
      onClickCapture={focusClicked}
      onCopy={(event) => copyNumbers(event, context)}
    >
      <div class="text-row">
        <Panels place="top" context={context} />
      </div>
      <div class="tabs">
        <Tabs state={state} view={name} />
        <div class="tools">
          <Panels place="tools" context={context} />
        </div>
      </div>
      <div class="options">
        <Panels place="options" context={context} />
        {shown && Controls && <Controls key={name} />}
      </div>
      <div class="pointed-at">
        <p role="status" class="readout">
          {shown && <Readout key={name} />}
        </p>
        <Silence widget={widget} />
        <Working context={context} />
      </div>
      <Panels place="reading" context={context} />
      <Alert widget={widget} />
      <div class={wide ? "body wide" : "body"} role="tabpanel" style={{ "--grid": `${grid}px` }}>
        <Side place="left" context={context} />
        <div class="picture" key={name}>
          {shown ? <Picture /> : <Skeleton status={state.kernel.status.value} />}
          {shown && Legend && <Legend />}
          <Panels place="under" context={context} />
        </div>
        <Side place="right" context={context} />
      </div>
      <footer>
        <Panels place="bottom" context={context} />
      </footer>
    </div>
  );
}

const isTyping = (where: Element): boolean =>
  where.matches("input:not([type=range]):not([type=checkbox]), textarea, select");
