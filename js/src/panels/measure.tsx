// Which number of a pair is drawn, in views that draw pairs, and what it is where its name does not say it.

import { DIFFERENCE, WEIGHTS } from "../layout/scale";
import type { Panel, PanelProps } from "../parts/panel";
import type { MeasureInfo } from "../wire/schema";
import css from "./measure.css";

/** The menu's parts: whose numbers they are. */
const GROUPS: Record<MeasureInfo["of"], string> = {
  head: "of one head",
  layer: "of a layer, all its heads together",
  way: "of the whole way down to the input",
};

function Measure({ context }: PanelProps) {
  return context.drawsTiles.value && <MeasureMenu context={context} />;
}

/** For the tools, or for a view that draws something else of a measure. */
export function MeasureMenu({ context: { state } }: PanelProps) {
  const outline = state.kernel.outline.value;
  const { measure } = state.traits;
  if (!outline) return null;
  const shown = outline.measures.find(({ name }) => name === measure.value);
  const parts = (Object.keys(GROUPS) as MeasureInfo["of"][]).filter((of) =>
    outline.measures.some((one) => one.of === of),
  );
  return (
    <select
      class="measure-menu"
      aria-label="Measure"
      title={shown?.sentence}
      value={measure.value}
      onChange={(event) => state.set({ measure: event.currentTarget.value })}
    >
      {parts.map((of) => (
        <optgroup key={of} label={GROUPS[of]}>
          {outline.measures
            .filter((one) => one.of === of)
            .map(({ name, label, sentence, missing }) => (
              <option key={name} value={name} disabled={missing !== ""} title={missing || sentence}>
                {label}
              </option>
            ))}
        </optgroup>
      ))}
    </select>
  );
}

function MeaningOfTiles({ context }: PanelProps) {
  const { drawsTiles, scene } = context;
  return drawsTiles.value && <MeasureMeaning context={context} name={scene.value?.scale.name} />;
}

/** What is drawn, in a sentence; weights need none. */
export function MeasureMeaning({ context: { state }, name }: PanelProps & { name: string | undefined }) {
  const shown = state.kernel.outline.value?.measures.find((one) => one.name === name);
  if (!shown || name === WEIGHTS.name || name === DIFFERENCE) return null; // what is compared says it
  return (
    <p class="measure-meaning" data-measure={name}>
      <b>{shown.label}</b> {shown.sentence}
    </p>
  );
}

export const measure: Panel = { place: "tools", Component: Measure };
export const measureMeaning: Panel = { place: "reading", css, Component: MeaningOfTiles };
