// Whether colours are told apart, by all readers: simulated as Machado, Oliveira and Fernandes (2009) do for each kind of
// cone that may be missing altogether, and compared by CIEDE2000 (Sharma, Wu and Dalal 2005).

import assert from "node:assert/strict";
import { test } from "node:test";
import { CATEGORIES, HEADS, SIGNS } from "../src/draw/colours";
import { type Channels, channels, contrast, inkOn } from "../src/draw/contrast";
import { codeOf } from "../src/layout/categories";

const APART = 10; // CIEDE2000; 2.3 is just noticed side by side
const SEEN = 3; // contrast of a graphical object with its ground, by WCAG 2.1

const THEMES = ["light", "dark"] as const;
const GROUNDS = { light: ["#ffffff", "#f6f7f9"], dark: ["#14171c", "#22252a"] }; // the picture's, the panels'

// Severity 1, on linear RGB.
const VISIONS: Record<string, number[][]> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const times = (matrix: number[][], of: number[]) =>
  matrix.map((row) => row.reduce((sum, one, at) => sum + one * of[at]!, 0)) as Channels;

const linear = (colour: Channels) =>
  colour.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as Channels;

function labOf(rgb: number[]): Channels {
  const xyz = times(
    [
      [0.4124564, 0.3575761, 0.1804375],
      [0.2126729, 0.7151522, 0.072175],
      [0.0193339, 0.119192, 0.9503041],
    ],
    rgb.map((one) => Math.min(1, Math.max(0, one))),
  );
  const [x, y, z] = xyz.map((one, at) => {
    const part = one / [0.95047, 1, 1.08883][at]!;
    return part > 216 / 24389 ? Math.cbrt(part) : ((24389 / 27) * part + 16) / 116;
  }) as Channels;
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function ciede2000([l1, a1, b1]: Channels, [l2, a2, b2]: Channels): number {
  const rad = Math.PI / 180;
  const middle = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2;
  const g = 1.5 - 0.5 * Math.sqrt(middle ** 7 / (middle ** 7 + 25 ** 7));
  const [c1, c2] = [Math.hypot(a1 * g, b1), Math.hypot(a2 * g, b2)];
  const hue = (a: number, b: number) => (a === 0 && b === 0 ? 0 : (Math.atan2(b, a) / rad + 360) % 360);
  const [h1, h2] = [hue(a1 * g, b1), hue(a2 * g, b2)];
  const grey = c1 * c2 === 0;
  let turn = grey ? 0 : h2 - h1;
  if (turn > 180) turn -= 360;
  if (turn < -180) turn += 360;
  let h = h1 + h2;
  if (!grey) h = Math.abs(h1 - h2) <= 180 ? h / 2 : h < 360 ? (h + 360) / 2 : (h - 360) / 2;
  const [l, c] = [(l1 + l2) / 2, (c1 + c2) / 2];
  const t =
    1 -
    0.17 * Math.cos((h - 30) * rad) +
    0.24 * Math.cos(2 * h * rad) +
    0.32 * Math.cos((3 * h + 6) * rad) -
    0.2 * Math.cos((4 * h - 63) * rad);
  const light = (l2 - l1) / (1 + (0.015 * (l - 50) ** 2) / Math.sqrt(20 + (l - 50) ** 2));
  const chroma = (c2 - c1) / (1 + 0.045 * c);
  const tint = (2 * Math.sqrt(c1 * c2) * Math.sin((turn * rad) / 2)) / (1 + 0.015 * c * t);
  const rotation =
    -Math.sin(60 * rad * Math.exp(-(((h - 275) / 25) ** 2))) * 2 * Math.sqrt(c ** 7 / (c ** 7 + 25 ** 7));
  return Math.sqrt(light ** 2 + chroma ** 2 + tint ** 2 + rotation * chroma * tint);
}

/** The two colours that look most alike, by their names, and how far apart they are. */
function nearest(colours: Record<string, string>, vision: string): [distance: number, names: string] {
  const seen = Object.entries(colours).map(
    ([name, colour]) => [name, labOf(times(VISIONS[vision]!, linear(channels(colour))))] as const,
  );
  let found: [number, string] = [Number.POSITIVE_INFINITY, ""];
  seen.forEach(([one, a], at) => {
    for (const [other, b] of seen.slice(at + 1)) {
      const distance = ciede2000(a, b);
      if (distance < found[0]) found = [distance, `${one} and ${other}`];
    }
  });
  return found;
}

test("the yardstick: pairs from Sharma's table", () => {
  const pairs: [Channels, Channels, number][] = [
    [[50, 2.6772, -79.7751], [50, 0, -82.7485], 2.0425],
    [[50, 2.5, 0], [73, 25, -18], 27.1492],
    [[60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644],
    [[22.7233, 20.0904, -46.694], [23.0331, 14.973, -42.5619], 2.0373],
    [[2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082],
  ];
  for (const [one, other, distance] of pairs)
    assert.ok(Math.abs(ciede2000(one, other) - distance) < 1e-3, `${distance}`);
  assert.ok(Math.abs(labOf(linear([255, 255, 255]))[0] - 100) < 0.01);
});

for (const theme of THEMES) {
  const kinds = Object.fromEntries(Object.entries(CATEGORIES).map(([name, shades]) => [name, shades[theme]]));
  const few = Object.fromEntries(HEADS[theme].map((colour, at) => [`head ${at}`, colour]));
  for (const vision of Object.keys(VISIONS)) {
    test(`${theme}, ${vision}: no two categories look alike, nor two heads side by side, nor the two signs`, () => {
      for (const colours of [kinds, few, { ...SIGNS[theme] }]) {
        const [distance, names] = nearest(colours, vision);
        assert.ok(distance >= APART, `${names} are ${distance.toFixed(1)} apart`);
      }
    });
  }
  test(`${theme}: every colour stands out from its grounds, and its letters from it`, () => {
    for (const [name, colour] of Object.entries({ ...kinds, ...few })) {
      for (const ground of GROUNDS[theme]) {
        const found = contrast(channels(colour), channels(ground));
        assert.ok(found >= SEEN, `${name} on ${ground}: ${found.toFixed(2)}`);
      }
      const ink: Channels = inkOn(colour) === "#000" ? [0, 0, 0] : [255, 255, 255];
      assert.ok(contrast(channels(colour), ink) >= 4.5, name);
    }
  });
}

test("every category has letters of its own", () => {
  const codes = Object.keys(CATEGORIES).map(codeOf);
  assert.equal(new Set(codes).size, codes.length, codes.join());
  assert.deepEqual(["Previous-Token", "Bag-of-Words", "Self", "my kind", "ö", "Été"].map(codeOf), [
    "PT",
    "BW",
    "Se",
    "my",
    "ö",
    "Ét",
  ]);
});
