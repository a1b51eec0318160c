interface Props<T extends string> {
  label: string;
  names: readonly T[];
  chosen: T;
  onChoose(name: T): void;
}

/** A choice within a sentence. */
export function SmallChoice<T extends string>({ label, names, chosen, onChoose }: Props<T>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no part of a sentence
    <span role="group" aria-label={label}>
      {names.map((name) => (
        <button
          key={name}
          type="button"
          class="small-button"
          aria-pressed={name === chosen}
          onClick={() => onChoose(name)}
        >
          {name}
        </button>
      ))}
    </span>
  );
}
