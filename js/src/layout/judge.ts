// Whether a selection answers a question: the same as asking/judge.py, and held against it by tests/judge.json. Pure.

export type Condition = Record<string, unknown>;
/** Conditions by field of the selection. */
export type Rule = Record<string, Condition>;
export type Fields = Readonly<Record<string, unknown>>;

type Groups = unknown[][];

/** The fields that are not as a rule wants them, of the rule that is nearest: none where the answer is right. */
export function failing(rules: readonly Rule[], selection: Fields): string[] {
  const found = rules.map((rule) =>
    Object.keys(rule).filter((name) => !holds(rule[name] as Condition, selection[name])),
  );
  return found.reduce((best, one) => (one.length < best.length ? one : best));
}

/** The rule that is nearest to a selection. */
export const nearest = (rules: readonly Rule[], selection: Fields): Rule =>
  rules.reduce((best, one) => (failing([one], selection).length < failing([best], selection).length ? one : best));

/** Whether a value is as a condition wants it; what conditions there are stands in asking/judge.py. */
export function holds(condition: Condition, value: unknown): boolean {
  const [[kind, wanted]] = Object.entries(condition) as [[string, unknown]];
  switch (kind) {
    case "is":
      return keyOf(value) === keyOf(wanted);
    case "range": {
      const [low, high] = wanted as [number, number];
      return typeof value === "number" && low <= value && value <= high;
    }
    case "some":
      return (wanted as Condition[]).some((one) => holds(one, value));
    case "not":
      return !holds(wanted as Condition, value);
    case "parts": {
      const parts = (value ?? {}) as Fields;
      const conditions = Object.entries(wanted as Record<string, [Condition, unknown]>);
      return conditions.every(([name, [one, otherwise]]) => holds(one, parts[name] ?? otherwise));
    }
    default:
      return holdsOfSet(kind, wanted as Groups, (value ?? []) as unknown[]);
  }
}

function holdsOfSet(kind: string, groups: Groups, value: unknown[]): boolean {
  const { strangers, missing } = membersOf(groups, value);
  if (kind === "all") return missing === 0;
  if (strangers.length > 0) return false;
  return kind === "any" ? value.length > 0 : missing === 0;
}

/** What of a set is in no group, and how many groups nothing in it is of. */
export function membersOf(groups: Groups, value: readonly unknown[]): { strangers: unknown[]; missing: number } {
  const chosen = new Set(value.map(keyOf));
  const known = new Set(groups.flat().map(keyOf));
  return {
    strangers: value.filter((one) => !known.has(keyOf(one))),
    missing: groups.filter((group) => !group.some((one) => chosen.has(keyOf(one)))).length,
  };
}

const keyOf = (value: unknown): string =>
  JSON.stringify(value ?? null, (_, one) =>
    one && typeof one === "object" && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
