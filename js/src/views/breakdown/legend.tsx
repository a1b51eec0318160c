// What the colours of a strip mean: one labelled scale per kind of vector.

import { SIGNS } from "../../draw/colours";
import { scaleGradient } from "../../draw/strips";
import type { Theme } from "../../host";
import { figure } from "../../layout/numbers";
import type { Limit } from "../../layout/steps";

interface Props {
  limit: Limit;
  theme: Theme;
  /** Bars up and down instead of colours. */
  bars?: boolean;
  /** Little room: only how far the scale goes. */
  brief?: boolean;
}

export function Legend({ limit, theme, bars, brief }: Props) {
  const end = figure(limit.end, 2);
  const { negative, positive } = SIGNS[theme];
  const title = limit.beyond ? `a few numbers lie beyond ±${end} and are drawn as that` : `from −${end} to ${end}`;
  if (brief) {
    return (
      <span class="legend-scale" title={title}>
        {limit.beyond && "≥ "}±{end}
      </span>
    );
  }
  return (
    <span class="legend-scale" title={title}>
      {limit.beyond && "≤ "}−{end}
      <i
        style={{
          background: bars
            ? `linear-gradient(90deg, ${negative} 42%, transparent 42% 58%, ${positive} 58%)`
            : scaleGradient(theme),
        }}
      />
      {limit.beyond && "≥ "}
      {end}
    </span>
  );
}
