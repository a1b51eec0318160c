// Finding a token among many.

/**
 * The positions of the tokens that a reader may mean, the likeliest first: the position itself, the same word, a word
 * that begins or goes on like this; all of them where nothing is said yet.
 */
export function findTokens(tokens: readonly string[], wanted: string, without: readonly number[] = []): number[] {
  const text = wanted.trim().toLowerCase();
  const left = new Set(without);
  const ranks: number[][] = [[], [], [], []];
  tokens.forEach((token, at) => {
    if (left.has(at)) return;
    const rank = text === "" ? 0 : rankOf(token.trim().toLowerCase(), at, text);
    ranks[rank]?.push(at);
  });
  return ranks.flat();
}

function rankOf(token: string, at: number, text: string): number {
  if (String(at) === text) return 0;
  if (token === text) return 1;
  if (token.startsWith(text)) return 2;
  return token.includes(text) ? 3 : -1;
}

/** Which of a long list are in the page: a window around one of them. */
export function windowAround(at: number, count: number, size: number): readonly [number, number] {
  const start = Math.max(0, Math.min(at - Math.floor(size / 2), count - size));
  return [start, Math.min(count, start + size)];
}
