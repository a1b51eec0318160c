// The text as it was written, cut at its tokens: joined, the parts are that text again. Pure.

import type { TokenList } from "../wire/schema";

/** What stands in the text from the end of the token before to each token's own end; empty of marks that were added. */
export function partsOf(tokens: string[], { gaps, odd }: Pick<TokenList, "gaps" | "odd">): string[] {
  let next = 0;
  return tokens.map((token, at) => {
    switch (gaps[at]) {
      case "*":
        return odd[next++] ?? "";
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
}

/** The space that a part begins with, and the rest; of white space alone the rest is all of it. */
export function splitPart(part: string): readonly [gap: string, rest: string] {
  const rest = part.trimStart();
  return rest === "" ? ["", part] : [part.slice(0, part.length - rest.length), rest];
}
