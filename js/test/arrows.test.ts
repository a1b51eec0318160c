// Which file may import which: rooms in one order, and no circle between files.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { test } from "node:test";
import { VIEWS } from "../src/wire/schema";

const SOURCE = join(process.cwd(), "js/src");

// Each knows only those before it.
const ROOMS = [
  "unpack",
  "loader",
  "wire",
  "host",
  "layout",
  "draw",
  "figure",
  "state",
  "source",
  "parts",
  "panels",
  "views",
  "frame",
  "index",
  "lab",
  "page",
  "notebook",
];

type Imports = Map<string, string[]>;

const roomOf = (file: string): string => file.split("/")[0]?.replace(/\.ts$/, "") ?? "";

/** What each file imports, by paths without their ending; packages and style sheets left out. */
function importsOf(sources: Map<string, string>): Imports {
  const names = [...sources.keys()].map((file) => file.replace(/\.tsx?$/, ""));
  return new Map(
    [...sources].map(([file, text]) => [
      file.replace(/\.tsx?$/, ""),
      [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g)]
        .map(([, path]) => normalize(join(dirname(file), path as string)))
        .filter((path) => names.includes(path)),
    ]),
  );
}

function against(imports: Imports): string[] {
  return [...imports].flatMap(([file, targets]) =>
    targets
      .filter((target) => ROOMS.indexOf(roomOf(target)) > ROOMS.indexOf(roomOf(file)))
      .map((target) => `${file} → ${target}`),
  );
}

/** A circle of imports, type imports among them; null if there is none. */
function circleIn(imports: Imports): string[] | null {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const target of imports.get(file) ?? []) {
      const circle = visit(target, [...path, file]);
      if (circle) return circle;
    }
    done.add(file);
    return null;
  };
  for (const file of imports.keys()) {
    const circle = visit(file, []);
    if (circle) return circle;
  }
  return null;
}

const sources = new Map(
  readdirSync(SOURCE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts"))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(SOURCE, path), readFileSync(path, "utf8")] as const;
    }),
);

test("every file is in a known room", () => {
  assert.ok(sources.size > 50);
  assert.deepEqual(
    [...new Set([...sources.keys()].map(roomOf))].filter((room) => !ROOMS.includes(room)),
    [],
  );
});

test("a room imports only from rooms before it", () => {
  assert.deepEqual(against(importsOf(sources)), []);
  const upward = new Map([...sources, ["layout/wrong.ts", 'import type { State } from "../state/state";']]);
  assert.deepEqual(against(importsOf(upward)), ["layout/wrong → state/state"]);
});

test("no file imports itself by way of others", () => {
  assert.equal(circleIn(importsOf(sources)), null);
  const round = new Map([
    ["layout/one.ts", 'import {\n  two,\n} from "./two";'],
    ["layout/two.ts", 'export * from "./one";'],
  ]);
  assert.deepEqual(circleIn(importsOf(round)), ["layout/one", "layout/two", "layout/one"]);
});

test("only a view's own folder knows its name", () => {
  const names = new Map(
    [...sources].flatMap(([file, text]) => {
      const name = file.startsWith("views/") && /^\s+name: "(\w+)",$/m.exec(text)?.[1];
      return name ? [[name, dirname(file)] as const] : [];
    }),
  );
  assert.deepEqual([...names.keys()].sort(), [...VIEWS].sort(), "what Python knows of views");
  for (const [name, folder] of names) {
    const others = [...sources].filter(
      ([file, text]) => !file.startsWith(folder) && file !== "wire/schema.ts" && text.includes(`"${name}"`),
    );
    assert.deepEqual(
      others.map(([file]) => file),
      [],
      `${name} is known outside ${folder}`,
    );
  }
});
