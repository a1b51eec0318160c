interface Props {
  label: string;
  names: readonly string[];
  chosen: string;
  onChoose(name: string): void;
}

/** One of a few, side by side. */
export function Choice({ label, names, chosen, onChoose }: Props) {
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      {names.map((name) => (
        <button key={name} type="button" aria-pressed={name === chosen} onClick={() => onChoose(name)}>
          {name}
        </button>
      ))}
    </fieldset>
  );
}
