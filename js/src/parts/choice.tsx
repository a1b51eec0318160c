interface Props<T extends string> {
  label: string;
  names: readonly T[];
  chosen: T;
  /** What each means, where its name does not say it. */
  titles?: Record<T, string>;
  onChoose(name: T): void;
}

/** One of a few, side by side. */
export function Choice<T extends string>({ label, names, chosen, titles, onChoose }: Props<T>) {
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      {names.map((name) => (
        <button
          key={name}
          type="button"
          aria-pressed={name === chosen}
          title={titles?.[name]}
          onClick={() => onChoose(name)}
        >
          {name}
        </button>
      ))}
    </fieldset>
  );
}
