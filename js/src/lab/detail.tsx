// All that there is to say of the chosen variant: formula, words, options, what it takes, what ties it to the others.

import type { ReadonlySignal } from "@preact/signals";
import type { Theme } from "../host";
import { apartInWords, shapeHere } from "../layout/lab";
import { SmallChoice } from "../parts/small-choice";
import type { LabBoard, LabChoice } from "../wire/schema";
import { Costs } from "./costs";
import { Flash } from "./flash";
import { Formula, Mathematical, Prose } from "./formula";
import { Groups } from "./groups";
import { Options } from "./options";
import type { Lab, Picture } from "./state";
import { Tables } from "./tables";

type Depth = LabChoice["depth"];

const DEPTHS: readonly Depth[] = ["sentence", "paragraph", "formula"];
const EXACT = 1e-6;

interface Props {
  lab: Lab;
  board: LabBoard;
  theme: ReadonlySignal<Theme>;
}

export function Detail({ lab, board, theme }: Props) {
  const { choice, set, pictures, flash } = lab;
  const picture = pictures.value.find(({ name }) => name === choice.chosen.value) ?? pictures.value[0];
  if (!picture) return null;
  return (
    <section class="lab-detail" aria-label={`about ${picture.label}`} data-about={picture.name} key={picture.name}>
      <header>
        <h3>{picture.label}</h3>
        <span class="fine">{picture.sources[0]}</span>
      </header>
      <Formula picture={picture} />
      <div class="lab-words">
        <SmallChoice label="how much" names={DEPTHS} chosen={choice.depth.value} onChoose={(depth) => set({ depth })} />
        <Words picture={picture} depth={choice.depth.value} />
      </div>
      {picture.name === "flash" && flash.value && <Flash lab={lab} board={board} run={flash.value} theme={theme} />}
      <div class="lab-two">
        <div>
          <Options lab={lab} picture={picture} />
          {picture.groups && <Groups lab={lab} picture={picture} keyHeads={board.keyHeads} />}
          <dl class="lab-sees">
            <dt>sees</dt>
            <dd>
              <Prose text={picture.sees} />
            </dd>
            <dt>cannot</dt>
            <dd>
              <Prose text={picture.cannot} />
            </dd>
            <dt>often said</dt>
            <dd>
              <Prose text={picture.oftenSaid} />
            </dd>
          </dl>
        </div>
        <div>
          <Costs lab={lab} picture={picture} />
          <Identities picture={picture} />
          <Sources picture={picture} />
        </div>
      </div>
      <Tables board={board} picture={picture} theme={theme} />
    </section>
  );
}

function Words({ picture, depth }: { picture: Picture; depth: Depth }) {
  if (depth !== "formula")
    return (
      <p>
        <Prose text={depth === "sentence" ? picture.sentence : picture.paragraph} />
      </p>
    );
  return (
    <table class="lab-symbols">
      <tbody>
        {picture.symbols.map(({ symbol, meaning, shape }) => (
          <tr key={symbol}>
            <th scope="row">
              <Mathematical text={symbol} />
            </th>
            <td>
              <Prose text={meaning} />
            </td>
            <td class="fine">{shape}</td>
            <td class="fine">{shapeHere(shape, picture.sizes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Identities({ picture: { identities } }: { picture: Picture }) {
  return (
    <div class="lab-identities">
      <h2>the same numbers another way</h2>
      <ul>
        {identities.map(({ sentence, difference, problem }) => (
          <li key={sentence}>
            <Prose text={sentence} />{" "}
            {problem ? (
              <span class="fine">{problem}</span>
            ) : (
              <b class={difference !== null && difference <= EXACT ? "holds" : "fails"} data-difference={difference}>
                {apartInWords(difference)}
              </b>
            )}
          </li>
        ))}
      </ul>
      <p class="fine">checked now, in float64, on these q, k and v of all heads, without the mask</p>
    </div>
  );
}

function Sources({ picture: { sources } }: { picture: Picture }) {
  return (
    <div class="lab-sources">
      <h2>from</h2>
      <ul class="fine">
        {sources.map((source) => (
          <li key={source}>{source}</li>
        ))}
      </ul>
    </div>
  );
}
