// How much room the tokens need.

import { queryLabel, type Sides } from "../../layout/units";

const MEASURED = 24; // labels: the longest by letters are seldom not the widest

/** Measured in place, not guessed: labels are cut only where there is no room. */
export function widestLabel({ query, key }: Sides, stage: Element | null): number {
  if (!stage) return 0;
  const queries = query.labels.map((_, unit) => queryLabel(query, unit, " ▸ "));
  const labels = query === key ? queries : [...queries, ...key.labels];
  const probe = document.createElement("div");
  probe.className = "probe";
  const longest = [...labels].sort((a, b) => b.length - a.length).slice(0, MEASURED);
  probe.append(
    ...longest.map((label) => {
      const box = document.createElement("bdi");
      box.className = "label";
      box.textContent = label;
      return box;
    }),
  );
  stage.append(probe);
  const width = probe.getBoundingClientRect().width;
  probe.remove();
  return width;
}
