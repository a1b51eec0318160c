// How far the model is that runs again and again, and a way to stop it.

export function Running(props: { label: string; done: number; total: number; onStop(): void }) {
  const { label, done, total, onStop } = props;
  return (
    <p class="effect-progress">
      <progress value={total ? done : undefined} max={total || undefined} aria-label={label} />
      <span class="hint">
        {label}
        {total > 0 && `: ${done} of ${total}`}
      </span>
      <button type="button" class="small-button" onClick={onStop}>
        Stop
      </button>
    </p>
  );
}
