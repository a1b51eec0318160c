interface Props<T extends string> {
  label: string;
  names: readonly T[];
  /** What the names are on screen, where they are called otherwise. */
  says?: Record<T, string>;
  /** What each means, where its name does not say it. */
  titles?: Record<T, string>;
  chosen: T;
  onChoose(name: T): void;
}

/** A choice within a sentence. */
export function SmallChoice<T extends string>({ label, names, says, titles, chosen, onChoose }: Props<T>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no part of a sentence
    <span role="group" aria-label={label} class="small-choice">
      {names.map((name) => (
        <button
          key={name}
          type="button"
          class="small-button"
          aria-pressed={name === chosen}
          title={titles?.[name]}
          onClick={() => onChoose(name)}
        >
          {says?.[name] ?? name}
        </button>
      ))}
    </span>
  );
}
