import type { Units } from "../layout/units";

/** A row as a query. Of a decoder each reads one token and writes the next: "the ▸ black". */
export function QueryName({ units: { labels, writes }, unit }: { units: Units; unit: number }) {
  return (
    <>
      <bdi>{labels[unit]}</bdi>
      {writes.length > 0 && (
        <span class="row-writes">
          {" ▸ "}
          <bdi>{writes[unit]}</bdi>
        </span>
      )}
    </>
  );
}
