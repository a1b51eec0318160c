// What the colours mean.

import { BROKEN, hatchImage, heatGradient } from "../../draw/heat";
import { DECADES, KINDS } from "../../layout/cells";
import { howMany, whoseName } from "../../layout/heads";
import { figure } from "../../layout/numbers";
import { addsUp, endsInWords, hasSigns, hiddenIn, type Scale } from "../../layout/scale";
import { TOGETHER } from "../../layout/together";
import type { Context } from "../../parts/context";
import { SmallChoice } from "../../parts/small-choice";
import type { Scene } from "../../source/scene";
import type { MatrixStore } from "./store";

interface Props {
  context: Context;
  store: MatrixStore;
  scene: Scene;
}

const SCALES = ["linear", "log"] as const;

export function Legend({ context, store, scene }: Props) {
  const { heads, scale, leftOut, isWhole, given } = scene;
  const { theme, looks } = context;
  const plan = store.plan.value;
  if (!plan) return null;
  const { range, ink, level } = plan;
  const many = store.cells.together.value;
  const beyond = range.largest > range.top * (1 + 1e-6);
  const [low, top] = endsInWords(scale, figure(range.top, 2), beyond);
  const kind = !addsUp(scale) && ink.kind === "mass" ? "mean" : ink.kind;
  const withheld = leftOut && !isWhole;
  return (
    <div class="legend matrix-legend">
      <span class="heat">
        <span>{ink.isLog && !ink.signs ? `≤ ${figure(range.top / 10 ** DECADES, 2)}` : low}</span>
        <i style={{ background: heatGradient(ink) }} />
        <span>{top}</span>
      </span>
      <span>
        {level === 0 ? scale.label : ofACell(kind, scale)}
        {beyond && ` · up to ${figure(range.largest, 2)} in sight`}
      </span>
      <SmallChoice
        label="Colour scale"
        names={SCALES}
        chosen={ink.isLog ? "log" : "linear"}
        onChoose={(name) => {
          store.isLog.value = name === "log";
        }}
      />
      {level > 0 && (
        <span class="taken">
          cell:
          <SmallChoice
            label="What a cell shows"
            names={addsUp(scale) ? KINDS : REAL_KINDS}
            chosen={kind}
            onChoose={(name) => {
              store.kind.value = name === "maximum" ? "maximum" : "mass";
            }}
          />
        </span>
      )}
      {many && (
        <span class="taken">
          <SmallChoice
            label="How heads are taken together"
            names={TOGETHER}
            chosen={many}
            onChoose={(how) => {
              looks.together.value = how;
            }}
          />
          of {heads.length <= 3 ? heads.map((head) => whoseName(scale, head)).join(", ") : howMany(scale, heads.length)}
        </span>
      )}
      {range.forbidden && (
        <span class="taken">
          <i class="sample" style={{ background: hatchImage(theme.value) }} />
          {hiddenIn(scale)}
          {leftOut && isWhole && given !== scene.tiles && ", or left out"}
        </span>
      )}
      {plan.at.labelled && scene.units.key.generated.includes(true) && (
        <span>
          <em>italic</em>: written by the model
        </span>
      )}
      {range.broken && (
        <span class="taken">
          <i class="sample" style={{ background: BROKEN[theme.value] }} />
          the model computed no number
        </span>
      )}
      {withheld && <span>nothing is left out of a text of this length</span>}
    </div>
  );
}

function ofACell(kind: string, scale: Scale): string {
  const { label } = scale;
  if (kind === "mass")
    return `mass of a cell: ${scale.domain === "signed" ? label : `${label}s`}, sum over its keys, mean over its queries`;
  return `${kind === "mean" ? kind : hasSigns(scale) ? "farthest from 0" : "largest"} ${label} of a cell`;
}

const REAL_KINDS = ["maximum", "mean"] as const;
