// The text as it was written, cut at its tokens: joined, the parts are that text again. Pure.

import type { TokenList } from "../wire/schema";

const known = new WeakMap<TokenList, string[]>();

/** What stands in the text from the end of the token before to each token's own end; empty of marks that were added. */
export function partsOf(list: TokenList): string[] {
  const before = known.get(list);
  if (before) return before;
  let next = 0;
  const parts = list.tokens.map((token, at) => {
    switch (list.gaps[at]) {
      case "*":
        return list.odd[next++] ?? "";
      case "0":
        return "";
      case "/":
        return `\n${token}`;
      case " ":
        return ` ${token}`;
      default:
        return token;
    }
  });
  known.set(list, parts);
  return parts;
}

/** The space that a part begins with, and the rest; of white space alone the rest is all of it. */
export function splitPart(part: string): readonly [gap: string, rest: string] {
  const rest = part.trimStart();
  return rest === "" ? ["", part] : [part.slice(0, part.length - rest.length), rest];
}
