// Heads by name.

import type { Head } from "../wire/schema";

export const headName = ([layer, head]: Head): string => `L${layer}-H${head}`;

export function headNamed(name: string): Head {
  const [layer = 0, head = 0] = (name.match(/\d+/g) ?? []).map(Number);
  return [layer, head];
}
