// Heads by name.

import type { Head, MeasureInfo } from "../wire/schema";

type Of = Pick<MeasureInfo, "of">;

export const headName = ([layer, head]: Head): string => `L${layer}-H${head}`;

export function headNamed(name: string): Head {
  const [layer = 0, head = 0] = (name.match(/\d+/g) ?? []).map(Number);
  return [layer, head];
}

/** Whose number of a measure this is: "L3-H5"; of one that is the same in all heads of a layer "L3, all heads". */
export const whoseName = ({ of }: Of, head: Head): string =>
  of === "head" ? headName(head) : `L${head[0]}${of === "way" && head[0] > 0 ? " down" : ""}, all heads`;

/** The same in a sentence; empty of a head's own number. */
export function whoseInWords({ of }: Of, [layer]: Head): string {
  if (of === "head") return "";
  return of === "way" && layer > 0 ? `all heads of layers 0 to ${layer}` : `all heads of layer ${layer} together`;
}

/** "2 heads", or of a measure that is the same in all heads of a layer "2 layers". */
export const howMany = ({ of }: Of, count: number): string =>
  `${count} ${of === "head" ? "head" : "layer"}${count === 1 ? "" : "s"}`;

/** The places of those heads whose numbers are their own: of a measure of a layer one of each layer. */
export const apart = ({ of }: Of, heads: readonly Head[]): number[] =>
  [...heads.keys()].filter((at) => of === "head" || heads.findIndex(([layer]) => layer === heads[at]?.[0]) === at);
