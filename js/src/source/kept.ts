// Numbers that may be wanted again, up to a size: what was used longest ago goes first.

export interface Kept<T> {
  get(name: string): T | undefined;
  keep(name: string, one: T): void;
}

export function createKept<T>(limit: number, sizeOf: (one: T) => number): Kept<T> {
  const all = new Map<string, T>(); // newest last
  let size = 0;
  const drop = (name: string) => {
    const one = all.get(name);
    if (one !== undefined && all.delete(name)) size -= sizeOf(one);
  };
  return {
    get(name) {
      const one = all.get(name);
      if (one !== undefined && all.delete(name)) all.set(name, one);
      return one;
    },
    keep(name, one) {
      drop(name);
      all.set(name, one);
      size += sizeOf(one);
      for (const oldest of all.keys()) {
        if (size <= limit) break;
        drop(oldest);
      }
    },
  };
}
