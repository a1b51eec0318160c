// Exactly what is hovered or pinned.

import { Fragment } from "preact";
import { readingsOf } from "../layout/readings";
import type { Scene } from "../source/scene";
import type { Context } from "./context";

export function Readout({
  context: { state, focus, hover, ranking, profile },
  scene,
  point = "a token",
}: {
  context: Context;
  scene: Scene;
  /** What there is to hover. */
  point?: string;
}) {
  const pinned = state.traits.queries.value.length + state.traits.keys.value.length > 0;
  const readings = focus.value
    ? readingsOf(
        scene,
        focus.value,
        pinned && hover.value === null,
        state.traits.words.value,
        state.traits.combine.value,
        hover.value?.side === "line" ? hover.value.head : null,
        ranking.value,
        profile.value,
      )
    : [];
  if (readings.length === 0) {
    return (
      <span class="hint">
        hover {point} to read its {scene.scale.label}, click to pin
      </span>
    );
  }
  return readings.map(({ head, query, key, value, note }) => (
    <Fragment key={head}>
      <span class="read-head">{head} </span>
      {query && (
        <b class="read-pair">
          <bdi>{query}</bdi>{" "}
          {key && (
            <>
              → <bdi>{key}</bdi>{" "}
            </>
          )}
        </b>
      )}
      <b class="read-value">{value} </b>
      <span class="hint" title={note}>
        {note}{" "}
      </span>
    </Fragment>
  ));
}
