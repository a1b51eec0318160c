// What B has for the same query and keys, and A − B.

import { SIGNS, signOf } from "../../draw/colours";
import type { Theme } from "../../host";
import { figure, plus, short, shortWeight } from "../../layout/numbers";
import type { Steps } from "../../layout/steps";
import { type ComparedName, pairAt, type StepsBeside } from "../../layout/steps-beside";
import type { Shown } from "./store";

/** As a number of that kind is written in a cell. */
export const cellText = (name: ComparedName): ((value: number | undefined) => string) =>
  name === "weights" ? shortWeight : short;

interface Props {
  of: StepsBeside;
  name: ComparedName;
  isApart: boolean;
  allowed: Uint8Array;
  at: number;
  theme: Theme;
}

/** B's number of a key, or A − B on its colour; or why there is none. */
export function Beside({ of, name, isApart, allowed, at, theme }: Props) {
  const { there, apart, why } = pairAt(of, allowed, name, at);
  const text = cellText(name);
  if (!isApart) return there === null ? null : text(there);
  if (apart === null) return <span class="no-pair">{why}</span>;
  const strength = (55 * Math.abs(apart)) / of.limits[name] || 0;
  const tint = `color-mix(in srgb, ${signOf(SIGNS[theme], apart)} ${strength}%, transparent)`;
  return (
    <span class="apart" style={{ background: tint }}>
      {plus(apart, text(apart))}
    </span>
  );
}

/** The name of a key that only B has. */
export function OnlyName({ shown, position }: { shown: Shown; position: number }) {
  const label = shown.otherKeys?.tokens[position] ?? "?";
  return (
    <>
      <b class="of-b">B</b>
      <span class="key-label" title={`${label} · position ${position} in B`}>
        <bdi>{label}</bdi>
      </span>
    </>
  );
}

/** Below the keys: what B has more of, and how long both head outputs are. */
export function BesideSums({ steps: { beside, dV } }: { steps: Steps }) {
  if (!beside) return null;
  const { rest, norms, distance, width } = beside.payload;
  return (
    <>
      {rest.count > 0 && (
        <p class="beside-sum hint">
          and {rest.count} more keys that only B has, together {shortWeight(rest.weight)}
        </p>
      )}
      {norms.length > 1 && (
        <p class="beside-sum hint">
          norm of the head’s output: A <b>{figure(norms[0])}</b> · B <b>{figure(norms[1])}</b> ·{" "}
          {width === dV ? (
            <>
              ‖A − B‖ <b>{figure(distance)}</b>
            </>
          ) : (
            `no difference: it is ${dV} numbers in A, ${width} in B`
          )}
        </p>
      )}
    </>
  );
}
