// Numbers as rows and columns.

import type { NumberTable } from "../layout/number-table";

export function NumberRows({ table: { columns, rows }, caption }: { table: NumberTable; caption?: string }) {
  return (
    <table>
      {caption && <caption>{caption}</caption>}
      <thead>
        <tr>
          {columns.map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, at) => (
          <tr key={at}>
            {row.map((cell, nth) => (
              <td key={nth} dir="auto">
                {typeof cell === "number" && !Number.isInteger(cell) ? cell.toPrecision(4) : cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
