// The widget's frame: text on top, tabs, panels around the picture, what is pointed at.

import { useMemo } from "preact/hooks";
import { gridOf } from "../layout/head-grid";
import type { Mounted } from "../parts/context";
import { Alert, Silence } from "./alert";
import { Panels, Side } from "./place";
import { Skeleton } from "./skeleton";
import { Tabs } from "./tabs";
import { createWidget } from "./widget";

const CROWDED = 320; // px of small pictures that leave the picture little room

export function App(mounted: Mounted) {
  const widget = useMemo(() => createWidget(mounted), []);
  const { context, view, now, condition } = widget;
  const { state, theme, onScreen } = context;
  const { name, wide } = view.value;
  const { Picture, Readout, Legend, Controls, Options } = now.value;
  const outline = state.kernel.outline.value;
  const grid = onScreen.value ? gridOf(onScreen.value.outline.heads).width : 0;
  // Panels that fold stand above the picture, and in that order the keyboard reaches them.
  const right = <Side key="right" place="right" context={context} />;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape reaches the frame from every control inside
    <div
      class="widget"
      data-attnwidget
      data-view={name}
      data-state={condition}
      data-theme={theme}
      onKeyDown={(event) => event.key === "Escape" && widget.escape()}
    >
      <Panels place="top" context={context} />
      {outline && (
        <>
          <Tabs state={state} view={name}>
            {Controls && <Controls />}
          </Tabs>
          <div class="options">
            <Panels place="options" context={context} />
            {Options && <Options />}
          </div>
        </>
      )}
      <Alert widget={widget} />
      {onScreen.value ? (
        <div
          class={["body", grid > CROWDED && "crowded", wide && "wide"].filter(Boolean).join(" ")}
          role="tabpanel"
          style={{ "--grid": `${grid}px` }}
        >
          <Side place="left" context={context} />
          {wide && right}
          <div class="picture" key={name}>
            <Picture />
          </div>
          {!wide && right}
        </div>
      ) : (
        <Skeleton status={state.kernel.status.value} />
      )}
      {onScreen.value && (
        <footer>
          <p role="status" class="readout">
            <Readout />
          </p>
          <Panels place="bottom" context={context} />
          {Legend && <Legend />}
        </footer>
      )}
      <Silence widget={widget} />
    </div>
  );
}
