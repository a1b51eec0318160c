import { useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  label: string;
  value: number;
  min?: number;
  max?: number;
  step: number;
  onChange(value: number): void;
}

/** A number to be typed: it counts as soon as it is one, and what is none gives way on Enter, or when one leaves. */
export function NumberField({ label, value, min = -Infinity, max = Infinity, step, onChange }: Props) {
  const field = useRef<HTMLInputElement>(null);
  // What is being typed is left alone: "3." is 3, and written as "3" the next digit would not come after the point.
  useLayoutEffect(() => {
    if (field.current && field.current.valueAsNumber !== value) field.current.value = String(value);
  }, [value]);
  const settle = (input: HTMLInputElement) => {
    const wanted = Math.min(max, Math.max(min, input.valueAsNumber));
    if (Number.isFinite(wanted) && wanted !== value) onChange(wanted);
    if (!Number.isFinite(wanted) || wanted !== input.valueAsNumber) {
      input.value = String(Number.isFinite(wanted) ? wanted : value);
    }
  };
  return (
    <input
      ref={field}
      type="number"
      aria-label={label}
      min={Number.isFinite(min) ? min : undefined}
      max={Number.isFinite(max) ? max : undefined}
      step={step}
      onInput={({ currentTarget: { valueAsNumber: typed } }) => {
        if (typed >= min && typed <= max && Number.isFinite(typed)) onChange(typed);
      }}
      onChange={(event) => settle(event.currentTarget)}
      onKeyDown={(event) => event.key === "Enter" && settle(event.currentTarget)}
    />
  );
}
