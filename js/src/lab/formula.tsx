// A formula whose symbols say what they mean as soon as one points at them.

import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { inProse, shapeHere, subscripts } from "../layout/lab";
import type { Picture } from "./state";

const LONG = 60; // letters

export function Formula({ picture }: { picture: Picture }) {
  const lit = useSignal<string | null>(null);
  const found = picture.symbols.find(({ symbol }) => symbol === lit.value);
  const long = picture.pieces.reduce((letters, [text]) => letters + text.length, 0) > LONG;
  const here = found ? shapeHere(found.shape, picture.sizes) : "";
  return (
    <div class="lab-formula">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would not flow like a formula */}
      <div class={long ? "formula long" : "formula"} role="group" aria-label={`the formula of ${picture.label}`}>
        {picture.pieces.map(([text, isSymbol], nth) =>
          isSymbol ? (
            <button
              key={nth}
              type="button"
              class={lit.value === text ? "part lit" : "part"}
              data-symbol={text}
              aria-describedby="lab-symbol"
              onPointerEnter={() => {
                lit.value = text;
              }}
              onFocus={() => {
                lit.value = text;
              }}
              onClick={() => {
                lit.value = text;
              }}
            >
              <Mathematical text={text} />
            </button>
          ) : (
            <span key={nth}>
              <Mathematical text={text} />
            </span>
          ),
        )}
      </div>
      <p class="fine lab-symbol" id="lab-symbol">
        {found ? (
          <>
            <b>
              <Mathematical text={found.symbol} />
            </b>{" "}
            <Prose text={found.meaning} />
            {found.shape && ` · ${found.shape}`}
            {here && ` = ${here}`}
          </>
        ) : (
          "point at a symbol: what it means, and how large it is here"
        )}
      </p>
    </div>
  );
}

/** A name with what stands below the line. */
export function Mathematical({ text }: { text: string }) {
  const [name, below] = /\s/.test(text) ? [text, ""] : subscripts(text);
  return (
    <>
      {name}
      {below && <sub>{below}</sub>}
    </>
  );
}

/** A sentence with such names in it. */
export function Prose({ text }: { text: string }) {
  return (
    <>
      {inProse(text).map(([before, name, below]) => (
        <Fragment key={before}>
          {before}
          {name && (
            <span class="lab-math">
              {name}
              <sub>{below}</sub>
            </span>
          )}
        </Fragment>
      ))}
    </>
  );
}
