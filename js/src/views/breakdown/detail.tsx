// Below the table: the step in view, for the one key that is pointed at, large. Always of the same height.

import { useComputed, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { type DotRow, drawDots } from "../../draw/dots";
import { drawBars, drawRunning, totalScale } from "../../draw/strips";
import { figure } from "../../layout/numbers";
import { changeAt, isRoot, limitOf, numberAt, rowOf, scaleName } from "../../layout/steps";
import { Canvas } from "./canvas";
import { Concatenation } from "./concatenation";
import { explainedRow, type ViewProps } from "./context";
import { Token } from "./explain";
import { Legend } from "./legend";
import { type PartProps, Pointed } from "./pointed";
import { queryName } from "./readings";
import { Now, ShareBar } from "./share-bar";
import type { Spot } from "./store";

const CHART = 92; // px

export function Detail(props: ViewProps) {
  const { state, store, shown, steps } = props;
  const now = useSignal(steps);
  now.value = steps;
  // Only another row draws it anew, not every movement of the pointer.
  const row = useComputed(() => explainedRow(store, state, now.value));
  const key = <Token text={shown.keys.tokens[steps.payload.rows[row.value] as number]} />;
  const part = { ...props, row: row.value, name: key };
  const step = store.step.value;
  return (
    <div class="detail" data-detail={step}>
      {step === 1 && <Vectors {...part} />}
      {step === 2 && <Products {...part} />}
      {(step === 3 || step === 4) && <Axis {...part} masking={step === 4} />}
      {(step === 5 || step === 6) && <ShareBar {...part} norms={step === 6} />}
      {step === 7 && <Concatenation {...props} />}
    </div>
  );
}

// -- 1 ----------------------------------------------------------------------------------------------------------------

function Vectors({ store, shown, steps, width, theme, row, name }: PartProps) {
  const { numbers, dK, dV } = steps;
  const vectors: [string, ComponentChildren, Float32Array, Float32Array, Spot | null][] = [
    ["q", <Token key="q" text={queryName(shown)} />, numbers.query, numbers.query, spotAt("query", "k")],
    ["k", name, rowOf(numbers.keys, row, dK), numbers.keys, spotAt(row, "k")],
    ["v", name, rowOf(numbers.values, row, dV), numbers.values, spotAt(row, "v")],
  ];
  const each = Math.floor((width - 2 * 16) / 3);
  return (
    <div class="vectors">
      {vectors.map(([letter, of, values, all, spot]) => (
        <figure key={letter}>
          <figcaption>
            <i class="var">{letter}</i> of {of} <span class="hint aside">· {values.length} numbers</span>{" "}
            <Legend limit={limitOf(all)} theme={theme} brief />
          </figcaption>
          <Pointed
            store={store}
            spot={spot}
            box={{ left: 0, top: 0, width: each, height: CHART }}
            count={values.length}
          >
            <Canvas
              width={each}
              height={CHART}
              of={[values, theme]}
              paint={(context) => {
                const limit = limitOf(all).end;
                drawBars(context, values, { left: 0, top: 0, width: each, height: CHART }, limit, theme);
              }}
            />
          </Pointed>
        </figure>
      ))}
    </div>
  );
}

const spotAt = (row: Spot["row"], column: Spot["column"]): Spot => ({ row, column, dimension: null });

// -- 2 ----------------------------------------------------------------------------------------------------------------

const SUM = 92; // px for the sum at the end

function Products({ store, shown, steps, width, theme, pen, row, name }: PartProps) {
  const { numbers, dK } = steps;
  const values = rowOf(numbers.products, row, dK);
  const box = { left: 0, top: 6, width: width - SUM, height: CHART - 12 };
  const end = totalScale(values, box)(numbers.dots[row] ?? 0);
  const start = totalScale(values, box)(0);
  return (
    <figure>
      <figcaption>
        <i class="var">
          q<sub>0</sub>k<sub>0</sub> + q<sub>1</sub>k<sub>1</sub> + … + q<sub>{dK - 1}</sub>k<sub>{dK - 1}</sub>
        </i>{" "}
        <span class="hint">query</span> <Token text={queryName(shown)} /> <span class="hint">· key</span> {name}{" "}
        <span class="hint aside">· each bar starts where the sum stood before it</span>
      </figcaption>
      <Pointed store={store} spot={spotAt(row, "products")} box={{ ...box, height: CHART - 6 }} count={dK}>
        <Canvas
          width={width - SUM + 8}
          height={CHART}
          of={[values, theme, pen]}
          paint={(context) => drawRunning(context, values, box, theme)}
        />
        <span class="end zero" style={{ left: `${width - SUM + 8}px`, top: `${clampTop(start, end)}px` }}>
          0
        </span>
        <b class="end" data-value="total" style={{ left: `${width - SUM + 8}px`, top: `${end - 9}px` }}>
          = {figure(numbers.dots[row])}
        </b>
      </Pointed>
    </figure>
  );
}

/** The zero keeps out of the sum's way. */
const clampTop = (zero: number, end: number): number =>
  Math.abs(zero - end) < 16 ? (zero > end ? end + 7 : end - 25) : zero - 9;

// -- 3, 4 -------------------------------------------------------------------------------------------------------------

function Axis({ steps, width, theme, pen, row, name, masking }: PartProps & { masking: boolean }) {
  const { payload, numbers, dK } = steps;
  const { dots, scaled, capped, bias, scores, allowed } = numbers;
  const { changed } = steps;
  const before = capped ?? scaled;
  const hidden = allowed[row] === 0;
  const { scaled: kept, temperature } = payload.whatIf;
  const cooled = temperature !== undefined;
  const change = changeAt(steps, row);
  const score = numberAt(steps, "scores", row);
  const moves = (name: "scaled" | "capped" | "scores") =>
    numbers[name]?.some((_, at) => numberAt(steps, name, at).moved);
  const scale = numberAt(steps, "scaled", row);
  const rule =
    kept === false
      ? "(no longer scaled)"
      : isRoot(payload.scale, dK)
        ? `÷ √${dK} = ${figure(dots[row])} ÷ ${figure(Math.sqrt(dK))}`
        : payload.scale === 1
          ? "(not scaled)"
          : `× ${figure(payload.scale)}`;
  const rows: DotRow[] = masking
    ? [
        { label: capped ? "capped" : "scaled", values: before },
        { label: bias ? "+ bias + mask" : "+ mask", values: scores },
        ...(changed && moves("scores") ? [{ label: "changed", values: changed.scores }] : []),
      ]
    : [
        { label: "q·k", values: dots },
        { label: scaleName(payload.scale, dK), values: scaled },
        ...(capped ? [{ label: "capped", values: capped }] : []),
        ...(changed && moves("scaled") ? [{ label: "changed", values: changed.capped ?? changed.scaled }] : []),
      ];
  const { now: from } = numberAt(steps, capped ? "capped" : "scaled", row);
  const added = bias?.[row] ?? 0;
  const sum = `${figure(from)}${bias ? ` ${added < 0 ? "−" : "+"} ${figure(Math.abs(added))}` : ""} + 0`;
  const mask = hidden ? (
    <>
      {figure(before[row])} + (−∞) = −∞ <span class="hint">hidden by the mask</span>
    </>
  ) : change.masked ? (
    <>
      {figure(from)} + (−∞) = <Now of={score} /> <span class="hint">hidden by What if</span>
    </>
  ) : change.set ? (
    <>
      set to <Now of={score} /> <span class="hint">visible</span>
    </>
  ) : (
    <>
      {cooled ? `(${sum}) ÷ ${temperature}` : sum} = <Now of={score} /> <span class="hint">visible</span>
    </>
  );
  return (
    <figure>
      <figcaption>
        <span class="hint">key</span> {name}
        {": "}
        {masking ? (
          mask
        ) : (
          <>
            {figure(dots[row])} {rule} = <Now of={scale} />
            {capped && (
              <>
                {" "}
                → <Now of={numberAt(steps, "capped", row)} />
              </>
            )}
          </>
        )}{" "}
        <span class="hint aside">· every mark is one key</span>
      </figcaption>
      <div class="pointed">
        <Canvas
          width={width}
          height={CHART}
          of={[steps, row, theme, pen, masking]}
          paint={(context) => drawDots(context, rows, { width, height: CHART, spot: row, pen, theme })}
        />
      </div>
    </figure>
  );
}
