// What is said of a reader's answer: true of what is selected, and no word about how often. Pure.

import type { Head, PosedQuestion, Selection } from "../wire/schema";
import { headName } from "./heads";
import { type Condition, type Fields, failing, holds, membersOf, nearest, type Rule } from "./judge";
import { roughly } from "./numbers";

/** Text with *emphasis*, cut where it begins and ends. */
export const styled = (text: string): { text: string; strong: boolean }[] =>
  text
    .split(/\*([^*\s](?:[^*]*[^*\s])?)\*/)
    .map((one, at) => ({ text: one, strong: at % 2 === 1 }))
    .filter((one) => one.text !== "");

/** How the tokens of either side read. */
export type Names = Record<"queries" | "keys", readonly string[]>;

export interface Verdict {
  right: boolean;
  /** With *emphasis*. */
  says: string;
}

export const rulesOf = (question: PosedQuestion): Rule[] => question.rules as Rule[];

/** The fields of the selection that a question is about. */
export const fieldsOf = (question: PosedQuestion): string[] => [...new Set(rulesOf(question).flatMap(Object.keys))];

export function judged(question: PosedQuestion, selection: Fields, names: Names): Verdict {
  const rules = rulesOf(question);
  const wrong = failing(rules, selection);
  const rule = nearest(rules, selection);
  if (wrong.length > 0) {
    const said = wrong.slice(0, 2).map((name) => advice(name, rule[name] as Condition, selection[name], names));
    return { right: false, says: said.join(" ") };
  }
  const told = Object.keys(rule)
    .map((name) => toldOf(name, selection[name], names))
    .filter(Boolean);
  return {
    right: true,
    says: [told.length > 0 ? `Right: ${told.join(", ")}.` : "Right.", question.because].filter(Boolean).join(" "),
  };
}

const ROLES: Record<string, [string, string]> = {
  queries: ["query", "click a token that looks"],
  keys: ["key", "click a token that is looked at"],
};
const OF_HEADS: Record<string, true> = { heads: true, off: true };

/** What is wrong with a field, and what to do. */
function advice(name: string, condition: Condition, value: unknown, names: Names): string {
  const [[kind, wanted]] = Object.entries(condition) as [[string, unknown]];
  const list = (Array.isArray(value) ? value : []) as unknown[];
  const one = plain(name, value, names);
  const [role, todo] = ROLES[name] ?? [];
  if (role) {
    if (list.length === 0) return `No ${role} is pinned yet: ${todo}.`;
    return `You pinned ${one} as ${role}: ${more(kind, wanted, list, "another one")}.`;
  }
  if (OF_HEADS[name]) {
    if (list.length === 0) return "No head is switched off yet.";
    const what = name === "off" ? "Switched off" : list.length > 1 ? "The heads drawn" : "The head drawn";
    return `${what}: ${one}. ${capital(more(kind, wanted, list, "another head"))}.`;
  }
  switch (name) {
    case "layer":
    case "threshold":
      return `The ${name} is ${one}: try ${towards(condition, value)}.`;
    case "view":
      return `The tab is ${one}: open another.`;
    case "words":
      return value ? "Words are merged: show their pieces." : "Words are not merged yet.";
    case "category":
      return value === null ? "No kind of heads is open yet." : `${one} is open: try another kind.`;
    case "mask":
      if (value === null) return "The model’s own mask is on: put another one on.";
      return kind === "is" && wanted === null
        ? "Another mask is on: go back to the model’s own."
        : `The mask is ${one}: try another.`;
    case "what_if":
      return whatIf(kind === "parts" ? (wanted as Parts) : {}, (value ?? {}) as Fields);
    case "target":
      return value === null ? "No target is chosen yet." : "The target is another one.";
    default:
      return `The ${label(name)} is ${one}: choose another.`;
  }
}

type Parts = Record<string, [Condition, unknown]>;

/** Of a set of which something is wrong. */
function more(kind: string, wanted: unknown, list: unknown[], other: string): string {
  if (kind === "not") return `try ${other}`;
  const { strangers, missing } = membersOf(wanted as unknown[][], list);
  if (strangers.length === list.length) return `try ${other}`;
  if (strangers.length > 0 && kind !== "all") return "not all of these belong here; a click with Shift lets one go";
  return missing > 0 ? "there is more to it; a click with Shift adds one" : `try ${other}`;
}

/** Which way a number is to go, where it is known. */
function towards(condition: Condition, value: unknown): string {
  const [[kind, wanted]] = Object.entries(condition) as [[string, unknown]];
  const [low, high] = kind === "range" ? (wanted as number[]) : [wanted, wanted];
  if ((kind !== "range" && kind !== "is") || typeof value !== "number") return "another";
  return value < (low as number) ? "a higher one" : value > (high as number) ? "a lower one" : "another";
}

const CHANGES: Record<string, string> = {
  scaled: "the scale",
  temperature: "the temperature",
  scores: "scores set by hand",
  masked: "keys hidden before the softmax",
  removed: "keys taken out after the softmax",
};

/** The first change that is not as it should be. */
function whatIf(parts: Parts, value: Fields): string {
  if (Object.keys(parts).length === 0) return "Something is changed in the breakdown: undo it.";
  if (Object.keys(value).length === 0) return "Nothing is changed in the breakdown yet.";
  const wrong = Object.keys(parts).find((name) => {
    const [condition, otherwise] = parts[name] as [Condition, unknown];
    return !holds(condition, value[name] ?? otherwise);
  });
  if (wrong === "scaled") return value.scaled === false ? "The scale is off: put it back." : "The scale is still on.";
  if (wrong === "temperature") {
    const now = (value.temperature ?? 1) as number;
    return `The temperature is ${roughly(now)}: try ${towards(parts.temperature?.[0] as Condition, now)}.`;
  }
  const told = Object.keys(value).map((name) => CHANGES[name] ?? name);
  return `Changed in the breakdown: ${told.join(", ")}. That is not it yet.`;
}

/** A field of a right answer, in words. */
function toldOf(name: string, value: unknown, names: Names): string {
  if (name === "what_if" || name === "target" || value === null) return "";
  const one = plain(name, value, names);
  const [role] = ROLES[name] ?? [];
  if (role) return one && `${one} as ${role}`;
  switch (name) {
    case "off":
      return one && `without ${one}`;
    case "words":
      return value ? "words merged" : "";
    case "view":
      return `the tab ${one}`;
    case "side":
      return one;
    default:
      return OF_HEADS[name] ? one : `${label(name)} ${one}`;
  }
}

const SIDES: Record<Selection["side"], string> = { a: "A", b: "B", difference: "A − B" };

/** A value as a reader knows it. */
function plain(name: string, value: unknown, names: Names): string {
  if (OF_HEADS[name]) return ((value ?? []) as Head[]).map(headName).join(", ");
  if (ROLES[name])
    return ((value ?? []) as number[])
      .map((at) => `*${(names[name as keyof Names][at] ?? "").trim() || "␣"}*`)
      .join(", ");
  if (typeof value === "number") return roughly(value);
  if (name === "side") return SIDES[value as Selection["side"]];
  if (typeof value === "string") return name === "view" ? `${capital(value)}` : label(value);
  return Array.isArray(value) ? "painted" : String(value);
}

const label = (name: string): string => name.replaceAll("_", " ");
const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

// A saved page has no model: what it is shown with stays.
const NEEDS_MODEL: readonly (keyof Selection)[] = ["off", "mask", "mask_mode", "side", "target"];

/** Whether an answer takes a model that runs. */
export const takesModel = (question: PosedQuestion): boolean =>
  fieldsOf(question).some((name) => (NEEDS_MODEL as string[]).includes(name));
