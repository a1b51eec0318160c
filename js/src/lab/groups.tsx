// Which heads share keys and values: heads above, groups below.

import { groupsOf } from "../layout/lab";
import type { Lab, Picture } from "./state";

const WIDE = 320; // of the drawing's own units
const [HEADS, GROUPS] = [26, 84]; // centres of the two rows
const LETTERS = 11;

export function Groups({ lab: { choice, set }, picture, keyHeads }: { lab: Lab; picture: Picture; keyHeads: number }) {
  const groups = groupsOf(picture);
  const heads = picture.groups?.length ?? 0;
  const step = WIDE / Math.max(1, heads);
  const x = (head: number) => (head + 0.5) * step;
  const size = Math.min(22, step - 3);
  const own = picture.groups?.[choice.head.value];
  const middle = (group: number[]) => group.reduce((sum, head) => sum + x(head), 0) / Math.max(1, group.length);
  const each = heads / Math.max(1, groups.length);
  return (
    <figure class="lab-groups">
      <svg viewBox={`0 0 ${WIDE} 112`} role="img" aria-label={said(groups)}>
        <text x={0} y={9} class="what">
          queries: one a head
        </text>
        {groups.map((members, group) =>
          members.map((head) => (
            <line
              key={head}
              class={group === own ? "own" : ""}
              x1={x(head)}
              y1={HEADS + size / 2}
              x2={middle(members)}
              y2={GROUPS - size / 2}
            />
          )),
        )}
        {Array.from({ length: heads }, (_, head) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: the menu of heads does the same by keyboard
          <g
            key={head}
            class={head === choice.head.value ? "head chosen" : picture.groups?.[head] === own ? "head own" : "head"}
            onClick={() => set({ head })}
          >
            <rect x={x(head) - size / 2} y={HEADS - size / 2} width={size} height={size} rx={4} />
            {size > LETTERS && (
              <text x={x(head)} y={HEADS + 4}>
                {head}
              </text>
            )}
          </g>
        ))}
        {groups.map((members, group) => (
          <g key={group} class={group === own ? "group own" : "group"}>
            <rect x={middle(members) - size / 2} y={GROUPS - size / 2} width={size} height={size} rx={size / 2} />
            {size > LETTERS && (
              <text x={middle(members)} y={GROUPS + 4}>
                {group}
              </text>
            )}
          </g>
        ))}
        <text x={0} y={108} class="what">
          keys and values: one set a group
        </text>
      </svg>
      <figcaption class="fine">
        {groups.length === 1 ? "One set" : `${groups.length} sets`} of keys and values for {heads} heads
        {each > 1 && groups.length < keyHeads && `: each is the mean of ${keyHeads / groups.length} of the model's`}
        {groups.length === keyHeads && ": as the numbers at hand have them"}.
      </figcaption>
    </figure>
  );
}

const said = (groups: number[][]): string =>
  groups
    .map((members, group) => `group ${group}: head${members.length === 1 ? "" : "s"} ${members.join(", ")}`)
    .join("; ");
