// The head that is pointed at, exactly.

import { headName } from "../../layout/heads";
import { placeInWords } from "../../layout/ranking";
import type { Context } from "../../parts/context";
import { distanceOf, kindOf, pairOf } from "./readings";
import type { HeadsStore } from "./store";

export function Readout({ context, store }: { context: Context; store: HeadsStore }) {
  const head = store.pointed.value;
  if (!head)
    return <span class="hint">point at a head to see it larger, click to show it, double-click to open it</span>;
  const [pair, numbers] = [pairOf(context, head), context.ranking.value];
  const isWhole = numbers && numbers.queries.length > 0 && numbers.keys.length > 0;
  return (
    <>
      <span class="read-head">{headName(head)} </span>
      {pair ? (
        <>
          <b class="read-pair">
            <bdi>{pair.query}</bdi> → <bdi>{pair.key}</bdi>{" "}
          </b>
          <b class="read-value">{pair.value} </b>
        </>
      ) : (
        <b>{kindOf(context, head)} </b>
      )}
      <span class="hint">
        {[pair && kindOf(context, head), isWhole && placeInWords(numbers, head), distanceOf(store, head)]
          .filter(Boolean)
          .join(" · ")}
      </span>
    </>
  );
}
