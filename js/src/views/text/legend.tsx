// What the shades mean, and what clicks do.

import { signsOf } from "../../draw/colours";
import { shadeFor } from "../../draw/contrast";
import { howMany } from "../../layout/heads";
import { addsUp, exactly, hiddenIn, mostIn } from "../../layout/scale";
import { largestOf, SHADING_IN_WORDS, SHADINGS } from "../../layout/shading";
import { isForbidden } from "../../layout/tile";
import { TOGETHER } from "../../layout/together";
import type { Context } from "../../parts/context";
import { SignRamp } from "../../parts/sign-ramp";
import { SmallChoice } from "../../parts/small-choice";
import type { Scene } from "../../source/scene";
import type { TextStore } from "./store";
import { tintOf } from "./tint";

export function Legend({ context, store, scene }: { context: Context; store: TextStore; scene: Scene }) {
  const { state, looks, pins } = context;
  const { scale, units, heads, together, leftOut, isWhole } = scene;
  const shades = store.shades.value;
  const opening = store.opening.value;
  const isOne = units.query === units.key;
  const theme = context.theme.value;
  const signs = signsOf(scale, theme);
  const most = theme === "light" ? "darkest" : "brightest";
  const several = pins.value?.queries?.length ?? 0;
  const hides = shades?.values.some(isForbidden);
  return (
    <div class="legend text-legend" style={tintOf(context, scene).style}>
      {signs && shades ? (
        <SignRamp
          scale={scale}
          limit={largestOf(shades.values)}
          signs={signs}
          strength={100 * shadeFor(signs.positive, theme)}
        />
      ) : (
        <span class="ramp">
          {!signs && <i aria-hidden="true" />}
          {shades
            ? `${most} = ${exactly(scale, largestOf(shades.values))}`
            : `shade: ${scale.label}, ${most} = the ${mostIn(scale)}`}
        </span>
      )}
      {opening !== null && (
        <span>
          nothing pinned: where the last token, <bdi>{units.query.labels[opening]}</bdi>, looks
        </span>
      )}
      <span class="taken">
        scale:
        <SmallChoice
          label="scale"
          names={SHADINGS}
          titles={SHADING_IN_WORDS}
          chosen={store.shading.value}
          onChoose={(name) => {
            store.shading.value = name;
          }}
        />
      </span>
      {isOne && (
        <span class="taken">
          click pins:
          <SmallChoice
            label="click pins:"
            names={["query", "key"] as const}
            chosen={store.picks.value}
            onChoose={(name) => {
              store.picks.value = name;
            }}
          />
        </span>
      )}
      {several > 1 && addsUp(scale) && (
        <span class="taken">
          of {several} queries:
          <SmallChoice
            label={`of ${several} queries:`}
            names={["mean", "sum"] as const}
            chosen={state.traits.combine.value}
            onChoose={(combine) => state.set({ combine })}
          />
        </span>
      )}
      {together ? (
        <span class="taken">
          of {howMany(scale, heads.length)}:
          <SmallChoice
            label={`of ${howMany(scale, heads.length)}:`}
            names={TOGETHER}
            chosen={together}
            onChoose={(how) => {
              looks.together.value = how;
            }}
          />
        </span>
      ) : (
        heads.length > 1 && <span>mean of {howMany(scale, heads.length)}</span>
      )}
      {isOne && pins.value?.keys && (
        <span>
          frames: <i class="frame-sample as-query" /> query <i class="frame-sample as-key" /> key
        </span>
      )}
      {hides && (
        <span>
          <s>token</s> {hiddenIn(scale, shades?.side)}
        </span>
      )}
      {leftOut && (isWhole ? <span>dashed: left out</span> : <span>of so long a text nothing is left out here</span>)}
      <span>drag: a span · Shift-click: to there</span>
    </div>
  );
}
