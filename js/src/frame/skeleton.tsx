// In the picture's place until there is one.

import type { Status } from "../wire/schema";

export function Skeleton({ status }: { status: Status | null }) {
  const { state, message = "", done = 0, total } = status ?? {};
  if (state === "error") return <div class="skeleton" />; // what went wrong stands above
  return (
    <div class="skeleton">
      <p>{message || "waiting for the model"}</p>
      <progress value={total ? done : undefined} max={total ?? undefined} />
      {total ? (
        <p class="hint">
          {megabytes(done)} of {megabytes(total)}
        </p>
      ) : null}
    </div>
  );
}

const megabytes = (bytes: number): string => (bytes < 1e5 ? String(bytes) : `${(bytes / 1e6).toFixed(1)} MB`);
