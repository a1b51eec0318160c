// A softmax's temperature, by slider or by number.

import { useEffect, useRef } from "preact/hooks";
import { NumberField } from "../../parts/number-field";

/** Do something with the newest of many values, once per frame. */
function useSoon<T>(act: (value: T) => void): (value: T) => void {
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  return (value) => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => act(value));
  };
}

interface TemperatureProps {
  value: number;
  /** What a temperature of one is. */
  plain: string;
  onChange(value: number): void;
}

/** From a tenth to ten: even steps of the slider are even factors. */
export function Temperature({ value, plain, onChange }: TemperatureProps) {
  const slide = useSoon(onChange);
  return (
    <label class="temperature">
      <span>temperature</span>
      <input
        type="range"
        aria-label="Temperature"
        min="-1"
        max="1"
        step="0.02" // one step of an arrow key leaves 1
        value={Math.log10(value)}
        onInput={(event) => slide(fromSlider(+event.currentTarget.value))}
      />
      <NumberField label="Temperature, exact" min={0.01} max={100} step={0.1} value={value} onChange={slide} />
      <span class="hint">{value === 1 ? plain : value > 1 ? "more even" : "more decided"}</span>
    </label>
  );
}

const fromSlider = (place: number): number => (Math.abs(place) < 0.015 ? 1 : Number((10 ** place).toPrecision(3)));
