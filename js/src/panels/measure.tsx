// Which number of a pair is drawn, in views that draw pairs.

import type { Panel, PanelProps } from "../parts/panel";

function Measure({ context }: PanelProps) {
  return context.drawsTiles.value && <MeasureMenu context={context} />;
}

/** For the tools, or for a view that draws something else of a measure. */
export function MeasureMenu({ context: { state } }: PanelProps) {
  const outline = state.kernel.outline.value;
  const { measure } = state.traits;
  if (!outline) return null;
  const shown = outline.measures.find(({ name }) => name === measure.value);
  return (
    <select
      class="measure-menu"
      aria-label="Measure"
      title={shown?.sentence}
      value={measure.value}
      onChange={(event) => state.set({ measure: event.currentTarget.value })}
    >
      {outline.measures.map(({ name, label, sentence, missing }) => (
        <option key={name} value={name} disabled={missing !== ""} title={missing || sentence}>
          {label}
        </option>
      ))}
    </select>
  );
}

export const measure: Panel = { place: "tools", Component: Measure };
