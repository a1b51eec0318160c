// Colours by theme. One head has the accent; several have one each, safe for colour-blind readers (Okabe and Ito).

import type { Theme } from "../host";

const ACCENT = { light: "#1f6feb", dark: "#6aa5ff" };

const HEADS = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#8c6bb1", "#7d8794"],
  dark: ["#4aa3dc", "#ff8a3d", "#2ec494", "#e59cc4", "#e6b422", "#8ccdf2", "#b297d6", "#a3adba"],
};

const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];

export interface Pen {
  colour: string;
  dash: number[];
}

/** The pens of the heads shown, in their order. Colours that come round again are dashed. */
export function pensFor(count: number, theme: Theme): Pen[] {
  if (count === 1) return [{ colour: ACCENT[theme], dash: [] }];
  const colours = HEADS[theme];
  return Array.from({ length: count }, (_, at) => ({
    colour: colours[at % colours.length] as string,
    dash: DASHES[Math.floor(at / colours.length) % DASHES.length] as number[],
  }));
}

export const accent = (theme: Theme): string => ACCENT[theme];
