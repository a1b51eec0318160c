// Who gives how much, as one bar that is the whole: of the weights, or of what they bring along.

import type { ComponentChildren } from "preact";
import { shadeFor } from "../../draw/contrast";
import { figure, percent } from "../../layout/numbers";
import { changeAt, fractionsOf, norm, numberAt, rowOf, type StepNumber } from "../../layout/steps";
import { move } from "./context";
import type { PartProps } from "./pointed";

interface Piece {
  name: string;
  share: number;
  title: string;
  /** Number of its row; null where it has none. */
  row: number | null;
}

export function ShareBar(props: PartProps & { norms: boolean }) {
  const { shown, steps, row, name, norms } = props;
  const { payload, numbers, changed, dV } = steps;
  const weight = numberAt(steps, "weights", row);
  const length = numberAt(steps, "weightedNorms", row);
  const label = (at: number) => shown.keys.tokens[payload.rows[at] as number] ?? "?";
  const pieces = (weights: Float32Array, rest: number | null, sink: number | null): Piece[] => {
    const own = Array.from(weights, (weight, at) => ({
      name: label(at),
      share: weight,
      title: `${label(at)}: weight ${figure(weight)}`,
      row: at as number | null,
    }));
    if (rest)
      own.push({ name: `${payload.rest.count} more`, share: rest, title: `the others: ${figure(rest)}`, row: null });
    if (sink) own.push({ name: "sink", share: sink, title: `attention sink: ${figure(sink)}`, row: null });
    return own;
  };
  const lengths = (values: Float32Array): Piece[] =>
    fractionsOf(values).map((share, at) => ({
      name: label(at),
      share,
      title: `${label(at)}: ‖weight × v‖ = ${figure(values[at])}, ${percent(share, 1)} of all`,
      row: at,
    }));
  const before = norms ? lengths(numbers.weightedNorms) : pieces(numbers.weights, payload.rest.weight, payload.sink);
  const after =
    changed &&
    (norms
      ? lengths(changed.weightedNorms)
      : pieces(changed.weights, payload.changed?.rest.weight ?? 0, payload.changed?.sink ?? null));
  const share = (after ?? before).find((piece) => piece.row === row)?.share ?? 0;
  return (
    <figure>
      <figcaption>
        {norms ? (
          <>
            {name}
            {": "}
            {figure(weight.now)} × ‖v‖ {figure(norm(rowOf(numbers.values, row, dV)))} = ‖weight × v‖ <Now of={length} />
            <span class="hint">
              {" "}
              · {percent(share)} of the norms (lengths) of all{payload.rest.count > 0 && " that are shown"}
            </span>
          </>
        ) : (
          <SoftmaxOf {...props} name={name} />
        )}
      </figcaption>
      <Bar {...props} pieces={before} />
      {!after && <Largest pieces={before} />}
      {after && (
        <>
          <p class="fine">changed</p>
          <Bar {...props} pieces={after} />
        </>
      )}
    </figure>
  );
}

function SoftmaxOf({ steps, row, name }: { steps: PartProps["steps"]; row: number; name: ComponentChildren }) {
  const { payload, numbers } = steps;
  const weight = numberAt(steps, "weights", row);
  if (!numbers.exponentials || payload.maximum === null) {
    return (
      <>
        {name} <Now of={weight} />{" "}
        <span class="hint">
          {payload.queries.length > 1 &&
            `· ${payload.combine} over ${payload.queries.length} queries, each with its own softmax`}
        </span>
      </>
    );
  }
  const { maximum, total } = payload.changed ?? payload;
  const { grown } = payload.changed ?? {};
  const { removed } = changeAt(steps, row);
  return (
    <>
      {name}
      {": "}exp({figure(numberAt(steps, "scores", row).now)} − {figure(maximum)}) ÷ {figure(total)} ={" "}
      {figure(numberAt(steps, "exponentials", row).now)} ÷ {figure(total)}
      {removed ? ", then removed" : grown != null && grown !== 1 && ` × ${figure(grown)}`} = <Now of={weight} />
    </>
  );
}

/** A result, and what it was before a change. */
export function Now({ of: { model, now, moved } }: { of: StepNumber }) {
  return (
    <>
      <b class={moved ? "is-changed" : ""}>{figure(now)}</b>
      {moved && <span class="hint"> (was {figure(model)})</span>}
    </>
  );
}

const NAMED = 6;

/** The largest in words: narrow pieces of the bar carry no name. */
function Largest({ pieces }: { pieces: Piece[] }) {
  const largest = pieces.filter(({ share }) => share > 0).sort((one, other) => other.share - one.share);
  const total = largest.reduce((sum, { share }) => sum + share, 0);
  return (
    <p class="largest hint">
      {largest.slice(0, NAMED).map(({ name, share }, at) => (
        <span key={at} class="part-of">
          {at > 0 && " · "}
          <bdi>{name}</bdi> {percent(share / total)}
        </span>
      ))}
      {largest.length > NAMED && ` · ${largest.length - NAMED} more`}
    </p>
  );
}

const LETTER = 7.5; // px

function Bar({ store, pieces, width, row, pen, theme }: PartProps & { pieces: Piece[] }) {
  const most = Math.max(...pieces.map(({ share }) => share), 1e-9);
  const strongest = shadeFor(pen, theme);
  // Several queries may sum to more than one.
  const total = Math.max(
    1e-9,
    pieces.reduce((sum, { share }) => sum + (share > 0 ? share : 0), 0),
  );
  return (
    <div
      class="shares"
      role="img"
      aria-label={pieces
        .slice(0, 5)
        .map(({ name, share }) => `${name} ${percent(share)}`)
        .join(", ")}
    >
      {pieces.map((piece, at) => {
        const { name, share, title } = piece;
        if (!(share > 0)) return null;
        const room = (share / total) * width - 10;
        const number = percent(share / total);
        const text = room > LETTER * (name.length + 5) ? `${name} ${number}` : room > LETTER * name.length ? name : "";
        const shade = 100 * strongest * (0.25 + 0.75 * (share / most));
        return (
          <span
            key={at}
            class={piece.row === row ? "here" : piece.row === null ? "nobody" : ""}
            title={title}
            style={{ flexGrow: share / total, "--shade": `${shade}%` }}
            onPointerEnter={() =>
              piece.row !== null && move(store, { row: piece.row, column: "weight", dimension: null })
            }
            onPointerLeave={() => move(store, null)}
          >
            <bdi>{text}</bdi>
          </span>
        );
      })}
    </div>
  );
}
