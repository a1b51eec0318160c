// How strongly a text's ground may be tinted before the text is hard to read.

import type { Theme } from "../host";

const READABLE = 4.5; // contrast of text with its ground
const GROUND = { light: { text: "#1b1f24", ground: "#ffffff" }, dark: { text: "#e6e8ec", ground: "#14171c" } };
const STRONGEST = { light: 0.62, dark: 0.5 };
const STEP = 0.02;

export type Channels = [number, number, number];

export const channels = (colour: string): Channels =>
  [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)) as Channels;

function luminance(colour: Channels): number {
  const [red, green, blue] = colour.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as Channels;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** From 1 to 21, as the Web Content Accessibility Guidelines have it. */
export function contrast(one: Channels, other: Channels): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

export function mix(colour: string, ground: string, amount: number): Channels {
  const under = channels(ground);
  return channels(colour).map((value, at) => amount * value + (1 - amount) * under[at]!) as Channels;
}

export const hex = (colour: Channels): string =>
  `#${colour.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;

/** Black or white, whichever is read more easily on a colour. */
export const inkOn = (colour: string): string =>
  contrast(channels(colour), [0, 0, 0]) > contrast(channels(colour), [255, 255, 255]) ? "#000" : "#fff";

/** How much of a colour, #rrggbb, may be in the ground of a token with a weight of 1. */
export function shadeFor(colour: string, theme: Theme): number {
  const { text, ground } = GROUND[theme];
  let amount = STRONGEST[theme];
  while (amount > STEP && contrast(channels(text), mix(colour, ground, amount)) < READABLE) amount -= STEP;
  return amount;
}
