// The text as a paragraph: one that plays both parts, or two, one above the other.

import { useLayoutEffect, useMemo } from "preact/hooks";
import { stageLimit } from "../../layout/stage";
import type { Side } from "../../layout/units";
import type { Context } from "../../parts/context";
import type { Scene } from "../../source/scene";
import { Paragraph } from "./paragraph";
import type { TextStore } from "./store";

interface Props {
  context: Context;
  store: TextStore;
  scene: Scene;
  onDrawn(scene: Scene): void;
}

export function Picture({ context, store, scene, onDrawn }: Props) {
  // Read once: a frame that grows with its content would else follow the picture, and the picture it.
  const limit = useMemo(() => stageLimit(window.innerHeight), []);
  useLayoutEffect(() => onDrawn(scene), [scene]);
  const isOne = scene.units.query === scene.units.key;
  const about = scene.outline.attention === "self" ? "" : `: ${scene.outline.attention}`;
  return (
    <div class="text-view">
      {isOne ? (
        <Paragraph
          context={context}
          store={store}
          scene={scene}
          sides={BOTH}
          limit={limit}
          label={`the text${about}`}
        />
      ) : (
        (["query", "key"] as const).map((side) => (
          <div key={side}>
            <p class="text-title">{side === "query" ? "query: the token that looks" : "key: what it looks at"}</p>
            <Paragraph
              context={context}
              store={store}
              scene={scene}
              sides={ALONE[side]}
              limit={(limit - 48) / 2}
              label={side === "query" ? "queries: the tokens that look" : "keys: what they look at"}
            />
          </div>
        ))
      )}
    </div>
  );
}

const BOTH: readonly Side[] = ["query", "key"];
const ALONE: Record<Side, readonly Side[]> = { query: ["query"], key: ["key"] };
