// The scale: from one end to the other, in the very widths and opacities of the lines.

import { type Signs, signOf } from "../../draw/colours";
import { lineOpacity, lineWidth } from "../../draw/lines";
import { endsInWords, type Scale } from "../../layout/scale";

/** A weight marked on the scale. */
export interface Even {
  value: number;
  label: string;
}

interface WedgeProps {
  scale: Scale;
  colour: string;
  signs: Signs | null;
  even: Even | null;
}

const [LENGTH, HIGH, BELOW, LETTER] = [84, 10, 9, 7]; // px

export function Wedge({ scale, colour, signs, even }: WedgeProps) {
  const places = Array.from({ length: 16 }, (_, at) => (at + 0.5) / 16);
  const [low, high] = endsInWords(scale);
  const start = LETTER * low.length + 4;
  const width = start + LENGTH + LETTER * high.length + 4;
  const mark = even && start + Math.min(1, even.value / scale.limit) * LENGTH;
  return (
    <svg
      class="wedge"
      width={width}
      height={HIGH + BELOW}
      viewBox={`0 0 ${width} ${HIGH + BELOW}`}
      role="img"
      aria-label={`${scale.label} ${low} to ${high}`}
    >
      <text x={start - 4} y="9" text-anchor="end">
        {low}
      </text>
      {places.map((place) => {
        const value = signs ? 2 * place - 1 : place;
        const strength = Math.abs(value);
        return (
          <rect
            key={place}
            x={start + place * LENGTH - LENGTH / 32}
            y={HIGH / 2 - lineWidth(strength) / 2}
            width={LENGTH / 16 + 0.05}
            height={lineWidth(strength)}
            fill={signs ? signOf(signs, value) : colour}
            opacity={lineOpacity(strength)}
          />
        );
      })}
      <text x={start + LENGTH + 4} y="9">
        {high}
      </text>
      {even && mark !== null && (
        <g class="even">
          <title>what each key would get if all that the query sees got the same</title>
          <line x1={mark} x2={mark} y1="0" y2={HIGH + BELOW - 1} />
          <text
            x={mark < start + LENGTH / 2 ? mark + 3 : mark - 3}
            y={HIGH + BELOW - 1}
            text-anchor={mark < start + LENGTH / 2 ? "start" : "end"}
          >
            {even.label}
          </text>
        </g>
      )}
    </svg>
  );
}
