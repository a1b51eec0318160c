// Finding places in a text by what stands there; src/attnwidget/tokens/find.py follows the same rule. Pure.

import type { Tokens } from "./units";

interface Haystack {
  text: string;
  /** Where each token lies in it, without the space before it. */
  starts: Int32Array;
  stops: Int32Array;
}

/** What is looked through, one entry a token. */
export type Searched = Pick<Tokens, "tokens" | "parts" | "special">;

const known = new WeakMap<Searched, Haystack>();

/**
 * The token positions of every place where a text has these letters.
 *
 * Upper and lower case are the same, and so is all white space, however much of it. A place may begin and end within a
 * token. Marks are found by their names. Places do not overlap. "#12" is position 12, and a number by itself is that
 * position besides, as the last place. None where there is nothing to look for.
 */
export function findPlaces(list: Searched, wanted: string): number[][] {
  const needle = folded(wanted).replace(/^ | $/g, "");
  if (needle === "") return [];
  const [, sign, digits] = /^(#?)([0-9]+)$/.exec(needle) ?? [];
  const found = sign ? [] : placesOf(list, needle);
  const at = digits === undefined ? list.tokens.length : Number(digits);
  return at < list.tokens.length ? [...found, [at]] : found;
}

function placesOf(list: Searched, needle: string): number[][] {
  const { text, starts, stops } = haystackOf(list);
  const { parts } = list;
  const found: number[][] = [];
  let token = 0;
  for (let start = text.indexOf(needle); start >= 0; start = text.indexOf(needle, start + needle.length)) {
    const stop = start + needle.length;
    while ((stops[token] as number) <= start) token += 1;
    const place: number[] = [];
    let at = token;
    for (; at < starts.length && (starts[at] as number) < stop; at++) place.push(at);
    for (; at < starts.length && parts[at] === "" && !list.special[at]; at++) place.push(at); // of the same character
    found.push(place);
  }
  return found;
}

function haystackOf(list: Searched): Haystack {
  const before = known.get(list);
  if (before) return before;
  const { parts } = list;
  const pieces: string[] = [];
  const [starts, stops] = [new Int32Array(parts.length), new Int32Array(parts.length)];
  let length = 0;
  let afterSpace = true;
  parts.forEach((part, at) => {
    let piece = folded(part || (list.special[at] ? ` ${list.tokens[at]} ` : ""));
    if (afterSpace && piece.startsWith(" ")) piece = piece.slice(1);
    pieces.push(piece);
    starts[at] = length + (piece.length > 1 && piece.startsWith(" ") ? 1 : 0);
    length += piece.length;
    stops[at] = length;
    if (piece !== "") afterSpace = piece.endsWith(" ");
  });
  const haystack = { text: pieces.join(""), starts, stops };
  known.set(list, haystack);
  return haystack;
}

/** Case folded letter by letter, so that none depends on its neighbours, and white space as one space. */
const folded = (text: string): string =>
  Array.from(text, (letter) => letter.toLowerCase())
    .join("")
    .replace(/\s+/g, " ");
