import assert from "node:assert/strict";
import { test } from "node:test";
import { curveOf, lineOpacity, lineWidth } from "../src/draw/lines";
import { figureOf, type Given } from "../src/figure";
import { clipped, flow, px, widthOf, xml } from "../src/figure/svg";
import { edgesFrom, indexEdges } from "../src/layout/edge-index";
import { giveScene, look } from "../src/layout/scene";
import { strandsOf } from "../src/layout/strands";
import { FORBIDDEN } from "../src/layout/tile";
import { sidesOf } from "../src/layout/units";
import type { Outline, Selection, TokenList } from "../src/wire/schema";

const OPTIONS = { width: null, theme: "light", background: true } as const;
const png = () => "data:image/png;base64,";

function givenOf(labels: string[], values: number[], view: string): Given {
  const mark = "\ue000";
  const queries: TokenList = {
    ...{ tokens: labels.map((one) => mark + one).join(""), words: labels.map(() => 1).join(" "), wordTexts: "" },
    ...{ special: [], segments: null, generated: null, writes: false, odd: [], gaps: ".".repeat(labels.length) },
  };
  const measure = {
    name: "weights",
    of: "head",
    label: "weight",
    sentence: "",
    domain: "share",
    below: "",
    above: "",
    missing: "",
  } as const;
  const outline = {
    ...{
      queries,
      keys: null,
      measures: [measure],
      model: "a model",
      revision: "",
      formula: "f",
      version: "1",
      off: [],
    },
    attention: "self",
  } as unknown as Outline;
  const selection = {
    ...{ view, attention: "self", measure: "weights", side: "a", layer: 0, heads: [[0, 0]], queries: [], keys: [] },
    ...{ threshold: 0.02, words: false, category: null, combine: "mean", what_if: {}, off: [], target: null },
    ...{ mask: null, mask_mode: "head" },
  } as Selection;
  const units = sidesOf(outline, false);
  const n = labels.length;
  const tile = { head: [0, 0] as [number, number], queries: [0, n] as const, keys: [0, n] as const };
  const given = [[{ ...tile, values: Float32Array.from(values) }]];
  const scene = giveScene({ name: "", outline, units, heads: [[0, 0]], isWhole: true, given }, measure);
  return { outline, selection, categories: null, scene: look(scene, { self: false, first: false }, "mean") };
}

test("nothing of a text is markup, and nothing is in it that XML has no place for", () => {
  let state = 1;
  const next = (below: number) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  const letters = [..."<>&\"'=/![]-xyz \t\n\u0000\u0008\u001f\ufffe\uffff\ud800\udc00é漢\u{1f600}"];
  for (let nth = 0; nth < 5000; nth++) {
    const text = Array.from({ length: 1 + next(12) }, () => letters[next(letters.length)]).join("");
    const written = xml(text);
    assert.doesNotMatch(written, /[<>"']/);
    assert.doesNotMatch(written, /&(?!#\d+;)/);
    assert.doesNotMatch(written, /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u);
    const back = written.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
    assert.equal(back, text.replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd"));
  }
});

test("a text is clipped to its room, by whole letters", () => {
  assert.equal(clipped("animal", 100), "animal");
  const short = clipped("internationalization", 60);
  assert.match(short, /^inter.*…$/);
  assert.ok(widthOf(short) <= 60);
  assert.equal(clipped("e\u0301e\u0301e\u0301e\u0301", widthOf("eee")), "e\u0301…");
});

test("what is set in lines stays in its room", () => {
  const words = Array.from({ length: 40 }, (_, at) => [{ text: `item ${at} is ${"long ".repeat(at % 5)}` }]);
  const { svg, height } = flow(words, [0, 0, 200], { size: 10, fill: "#000000" });
  const rows = new Set([...svg.matchAll(/ y="([\d.]+)"/g)].map(([, y]) => Number(y)));
  assert.ok(rows.size > 10);
  assert.ok(height > Math.max(...rows));
  for (const [, x] of svg.matchAll(/<text x="([\d.]+)"/g)) assert.ok(Number(x) < 200);
  for (const { text } of words.flat()) assert.ok(svg.includes(text.split(" ")[0] as string));
});

test("words from right to left are one text, other scripts each their own, and no text begins with a space", () => {
  const svg = flow([[{ text: "of “القط ينام على” (3)" }], [{ text: "猫 2/3 → 很 1" }]], [0, 0, 900], {
    size: 10,
    fill: "#000",
  }).svg;
  const texts = [...svg.matchAll(/<text [^>]*>(.*?)<\/text>/g)].map(([, inner]) => inner?.replace(/<[^>]*>/g, ""));
  assert.deepEqual(texts, ["of ", "“القط ينام على” ", "(3)", "猫", "2/3 → ", "很", "1"]);
  assert.equal(svg.match(/textLength/g)?.length, 4); // only what can be measured
});

test("lines are those of the canvas: the same curves, widths and opacities", () => {
  const F = FORBIDDEN;
  const given = givenOf(["The", "cat", "sat"], [1, F, F, 0.25, 0.75, F, 0.01, 0.59, 0.4], "lines");
  const svg = figureOf(given, OPTIONS, png);
  const edges = edgesFrom(indexEdges(given.scene?.drawn ?? []), 0.02);
  const [, left = "", right = ""] = /d="M(\S+) .* (\S+) \S+" stroke=/.exec(svg) ?? [];
  const at = {
    ...{ canvasWidth: 540, height: 78, left: Number(left), width: Number(right) - Number(left) },
    ...{ strands: strandsOf(1, 26), query: (row: number) => 26 * (row + 0.5), key: (row: number) => 26 * (row + 0.5) },
  };
  assert.equal(edges.count, 5); // 0.01 is below the threshold
  for (let edge = 0; edge < edges.count; edge++) {
    const { from, to } = curveOf(edges, edge, at) ?? {};
    const strength = edges.strength[edge] as number;
    const path = new RegExp(`<path [^>]*data-query="${edges.query[edge]}" data-key="${edges.key[edge]}"[^>]*>`).exec(
      svg,
    )?.[0];
    assert.ok(path?.includes(`M${left} ${px(from as number)}C`), path);
    assert.ok(path?.includes(`${right} ${px(to as number)}"`), path);
    assert.ok(path?.includes(`stroke-width="${px(lineWidth(strength))}"`));
    assert.ok(path?.includes(`stroke-opacity="${px(lineOpacity(strength))}"`));
  }
});

test("a view without a figure, and numbers that are not here, are said", () => {
  assert.throws(() => figureOf(givenOf(["a"], [1], "cake"), OPTIONS, png), /no figure of cake/);
  const heads = Object.keys({ heads: 0 })[0] as string;
  assert.throws(() => figureOf(givenOf(["a"], [1], heads), OPTIONS, png), /pictures are not here/);
});

test("the title names what is true: no token's own weight is a link between two", () => {
  const F = FORBIDDEN;
  const given = givenOf(["The", "cat", "sat"], [1, F, F, 0.1, 0.9, F, 0.3, 0.2, 0.5], "lines");
  const title = (of: typeof given) => /<title>(.*?)<\/title>/.exec(figureOf(of, OPTIONS, png))?.[1];
  assert.equal(title(given), "L0-H0 sat → The 0.3000 the largest weight between two tokens");
  const scene = given.scene as NonNullable<typeof given.scene>;
  const both: typeof scene = { ...scene, heads: [...scene.heads, [1, 0]], tiles: [[], ...scene.tiles] };
  const two = { ...given, scene: { ...both, drawn: [[], ...scene.drawn] } };
  assert.equal(title(two), "L1-H0 sat → The 0.3000 the largest weight between two tokens in 2 heads");
});

test("heads' pictures keep to the room that there is, and what is forbidden lies bare", () => {
  const [layers, count, side] = [4, 8, 12];
  const data = Uint8Array.from({ length: layers * count * side * side }, (_, at) =>
    at % side > Math.floor(at / side) % side ? 0 : 255,
  );
  const pictures = { shape: [layers, count, side, side], data, dtype: "uint8", domain: "share", limit: 1, problem: "" };
  const given = { ...givenOf(["a"], [1], "heads"), pictures } as unknown as Parameters<typeof figureOf>[0];
  given.outline.kept = [0, 1, 2, 3];
  const seen: number[][] = [];
  for (const width of [3.3, 6, 10, null]) {
    const svg = figureOf(given, { ...OPTIONS, width }, (pixels, wide, high) => {
      seen.push([wide, high, pixels[3] as number, pixels[7] as number]);
      return png();
    });
    const [, x, broad] = /<image x="([\d.]+)" .*?width="([\d.]+)"/.exec(svg) ?? [];
    const [, wide] = /viewBox="0 0 ([\d.]+)/.exec(svg) ?? [];
    assert.ok(Number(x) + Number(broad) <= Number(wide) - 20, svg.slice(0, 400));
    assert.match(svg, /hidden by the mask/);
  }
  assert.deepEqual(seen[0], [count * (side + 1) - 1, layers * (side + 1) - 1, 255, 0]);
});
