// The pair that is pointed at or pinned, and its number in every picture.

import { weightInWords } from "../layout/lab";
import type { LabBoard } from "../wire/schema";
import type { Lab } from "./state";

export function Readout({ lab, board }: { lab: Lab; board: LabBoard }) {
  const at = lab.pointed.value ?? lab.pinned.value;
  if (!at) return <span class="hint">point at a pair: the same one lights up in every picture; a click keeps it</span>;
  const n = board.tokens.length;
  return (
    <>
      <b class="read-pair">
        <bdi>{board.tokens[at.query]}</bdi> → <bdi>{board.tokens[at.key]}</bdi>
      </b>
      {lab.pictures.value.map(({ name, label, values, signed, blind }) => (
        <span class="lab-read" key={name}>
          <span class="hint">{label} </span>
          <b data-read={name}>
            {!values
              ? "–"
              : blind.includes(at.query)
                ? "sees nothing"
                : weightInWords(values[at.query * n + at.key], signed)}
          </b>
        </span>
      ))}
    </>
  );
}
