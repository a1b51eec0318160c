// Small numbers, to be read one by one.

import type { ReadonlySignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { SIGNS } from "../draw/colours";
import type { Theme } from "../host";
import { subscripts } from "../layout/lab";
import { decodeArray } from "../wire/decode";
import type { Envelope, LabBoard, LabTable } from "../wire/schema";
import type { Picture } from "./state";

interface Props {
  board: LabBoard;
  picture: Picture;
  theme: ReadonlySignal<Theme>;
}

export function Tables({ board, picture, theme }: Props) {
  if (board.small.length === 0) return null;
  return (
    <div class="lab-tables">
      <h2>the numbers of head {board.choice.head}, all of them</h2>
      <div class="lab-table-row">
        {[...board.small, ...picture.tables].map((table) => (
          <Numbers key={table.name} table={table} theme={theme.value} />
        ))}
      </div>
    </div>
  );
}

function Numbers({ table: { name, meaning, rows, values }, theme }: { table: LabTable; theme: Theme }) {
  const numbers = useMemo(() => decodeArray(values as Envelope & { dtype: "float32" }).values, [values]);
  const [height = 0, width = 0] = values.shape;
  const most = numbers.reduce((largest, one) => Math.max(largest, Math.abs(one) || 0), 0) || 1;
  const { negative, positive } = SIGNS[theme];
  const ground = (value: number) =>
    `color-mix(in srgb, ${value < 0 ? negative : positive} ${Math.round((38 * Math.abs(value)) / most)}%, transparent)`;
  return (
    <table>
      <caption>
        {name.split(" ").map((word, nth) => (
          <b key={word}>
            {nth > 0 && " "}
            {subscripts(word)[0]}
            <sub>{subscripts(word)[1]}</sub>
          </b>
        ))}{" "}
        <span class="fine">{meaning}</span>
      </caption>
      <tbody>
        {Array.from({ length: height }, (_, row) => (
          <tr key={row}>
            {rows.length > 0 && (
              <th scope="row">
                <bdi>{rows[row]}</bdi>
              </th>
            )}
            {Array.from(numbers.subarray(row * width, (row + 1) * width), (value, column) => (
              <td key={column} style={{ background: ground(value) }}>
                {String(Number(value.toFixed(2))).replace("-", "−")}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
