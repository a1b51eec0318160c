"""How a lesson's file is read: front matter, then Markdown with fenced blocks. Errors name the line and what to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from attnwidget import asking
from attnwidget.course.parts import DOES, SAYS, Box, Cell, Claim, Exercise, Part, Prose, WidgetCell

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCE = re.compile(r"^(`{3,})\s*(.*?)\s*$")
_CELLS: dict[str, type[Cell]] = {"python": Cell, "python widget": WidgetCell, "python claim": Claim}
_QUESTION = "yaml question"
_BOX = re.compile(rf"\*\*{SAYS}\.?\*\*(.*?)\*\*{DOES}\.?\*\*(.*)", re.DOTALL)
_FRONT = {"title", "minutes", "models", "seeds", "needs"}
_ASKED = {"name", "text", "answer", "hint", "show", "because", "wrong"}


class _Yaml(yaml.SafeLoader):  # type: ignore[misc] # yaml has no types
    """YAML in which only true and false are truths: `off` is a field of the selection, and `no` may be a token."""


_Yaml.yaml_implicit_resolvers = {
    first: [one for one in those if one[0] != "tag:yaml.org,2002:bool"]
    for first, those in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Yaml.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


class LessonError(ValueError):
    """A lesson that is not as it should be: the message begins with the file and the line."""


class Front(NamedTuple):
    """A lesson's front matter."""

    title: str
    minutes: int
    models: tuple[str, ...]
    seeds: dict[str, str]
    needs: tuple[str, ...]


class Reader:
    """Reads one lesson.

    Parameters
    ----------
    text : str
        The file.
    where : str
        What errors call it.
    """

    def __init__(self, text: str, where: str) -> None:
        self._lines, self._where = text.splitlines(), where

    def read(self) -> tuple[Front, tuple[Part, ...]]:
        """Return the front matter and the parts; raise `LessonError`."""
        if not self._lines or self._lines[0].strip() != "---":
            raise self._error(1, "a lesson begins with front matter: ---, then title: … and the like, then ---")
        ends = [at for at, line in enumerate(self._lines[1:], 1) if line.strip() == "---"]
        if not ends:
            raise self._error(1, "the front matter has no end: close it with a line of ---")
        front = self._front("\n".join(self._lines[1 : ends[0]]))
        parts = tuple(self._gathered(self._blocks(ends[0] + 1)))
        self._check_seeds(front, parts)
        return front, parts

    # -- the front matter ---------------------------------------------------------------------------------------

    def _front(self, text: str) -> Front:
        given = self._yaml(text, 2, "the front matter")
        unknown = sorted(set(given) - _FRONT)
        if unknown:
            raise self._error(self._line_of(unknown[0]), f"there is no {unknown[0]!r} here; there is {_and(_FRONT)}")
        if not isinstance(given.get("title"), str) or not given["title"].strip():
            raise self._error(self._line_of("title"), "title: the lesson needs one, a line of text")
        minutes = given.get("minutes")
        if not isinstance(minutes, int) or isinstance(minutes, bool) or minutes < 1:
            raise self._error(self._line_of("minutes"), f"minutes: expected a whole number such as 12, got {minutes!r}")
        models, needs = (self._names(given, name) for name in ("models", "needs"))
        seeds = given.get("seeds") or {}
        if not isinstance(seeds, Mapping) or not all(isinstance(one, str) for one in seeds.values()):
            raise self._error(self._line_of("seeds"), "seeds: expected id: heading, such as S1.6: Softmax by hand")
        return Front(given["title"].strip(), minutes, models, {str(name): seeds[name] for name in seeds}, needs)

    def _names(self, given: Mapping[str, Any], name: str) -> tuple[str, ...]:
        found = given.get(name) or []
        found = [found] if isinstance(found, str) else found
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise self._error(self._line_of(name), f"{name}: expected a list of names, got {found!r}")
        return tuple(found)

    def _check_seeds(self, front: Front, parts: tuple[Part, ...]) -> None:
        headings = {
            line.lstrip("#").strip()
            for part in parts
            if isinstance(part, Prose)
            for line in part.text.splitlines()
            if line.startswith("#")
        }
        for name, heading in front.seeds.items():
            if heading not in headings:
                there = "; ".join(sorted(headings)) or "none"
                raise self._error(
                    self._line_of(name, "seeds"), f"{name}: no heading reads {heading!r}; there are: {there}"
                )

    def _line_of(self, *keys: str) -> int:
        """Return the line of the first of these keys that has one of its own."""
        begins = (re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*:") for key in keys)
        return next((at for one in begins for at, line in enumerate(self._lines, 1) if one.match(line)), 1)

    # -- the body -----------------------------------------------------------------------------------------------

    def _blocks(self, start: int) -> Iterator[Part]:
        prose, at = start, start
        while at < len(self._lines):
            match = _FENCE.match(self._lines[at])
            if match is None:
                at += 1
                continue
            marks, info = match[1], " ".join(match[2].split())
            stop = next((to for to in range(at + 1, len(self._lines)) if self._lines[to].strip() == marks), None)
            if stop is None:
                raise self._error(at + 1, f"this block has no end: close it with a line of {marks}")
            if info in {*_CELLS, _QUESTION}:
                yield from self._prose(prose, at)
                yield self._block(info, at + 2, "\n".join(self._lines[at + 1 : stop]))
                prose = stop + 1
            elif info.split(" ")[0] in {"python", "yaml"} and info not in {"python", "yaml"}:
                raise self._error(at + 1, f"there is no block {info!r}; there is {_and({*_CELLS, _QUESTION})}")
            at = stop + 1
        yield from self._prose(prose, len(self._lines))

    def _prose(self, start: int, stop: int) -> Iterator[Part]:
        """Take boxes out of the Markdown between two blocks."""
        at = start
        while at < stop:
            to = at
            is_quote = self._lines[at].startswith(">")
            while to < stop and self._lines[to].startswith(">") == is_quote:
                to += 1
            text = "\n".join(self._lines[at:to])
            if is_quote and SAYS in text:
                yield self._box(at + 1, text)
            elif text.strip():
                first = next(one for one in range(at, to) if self._lines[one].strip())
                yield Prose(first + 1, text.strip("\n"))
            at = to

    def _box(self, line: int, text: str) -> Box:
        bare = "\n".join(one.removeprefix(">").removeprefix(" ") for one in text.splitlines())
        match = _BOX.search(bare)
        if match is None or not match[1].strip() or not match[2].strip():
            raise self._error(line, f"a box reads > **{SAYS}** … **{DOES}** …, with something after each")
        return Box(line, match[1].strip(), match[2].strip())

    def _block(self, info: str, line: int, code: str) -> Part:
        if info == _QUESTION:
            return self._question(line, code)
        try:
            tree = ast.parse(code)
        except SyntaxError as error:
            raise self._error(line + (error.lineno or 1) - 1, f"this is no Python: {error.msg}") from None
        if info == "python claim" and not any(isinstance(one, ast.Assert) for one in ast.walk(tree)):
            raise self._error(line, "a claim proves something: it needs an assert")
        last = tree.body[-1] if tree.body else None
        is_name = isinstance(last, ast.Expr) and isinstance(last.value, ast.Name)
        if info == "python widget" and not is_name:
            raise self._error(line, "the last line of a python widget block is the widget's name alone, such as w")
        return _CELLS[info](line, code)

    def _question(self, line: int, text: str) -> Exercise:
        given = self._yaml(text, line, "a question")
        unknown = sorted(set(given) - _ASKED)
        if unknown:
            raise self._error(line, f"a question has no {unknown[0]!r}; it has {_and(_ASKED)}")
        for name in ("text", "answer", "wrong"):
            if not given.get(name):
                why = "; a plausible wrong answer, which must be refused" if name == "wrong" else ""
                raise self._error(line, f"a question needs {name}:{why}")
        for name in ("text", "hint", "because", "name"):
            if not isinstance(given.get(name, ""), str):
                raise self._error(line, f"{name}: expected text, got {given[name]!r}; put it in quotes")
        wrong = given["wrong"] if isinstance(given["wrong"], list) else [given["wrong"]]
        for one in (*wrong, *([given["show"]] if given.get("show") else [])):
            if not isinstance(one, Mapping) or set(one) - set(asking.FIELDS):
                raise self._error(line, f"wrong, show: expected what to select, such as keys: mat; got {one!r}")
        try:
            asking.check(given["answer"])
        except (ValueError, TypeError) as error:
            raise self._error(line, str(error)) from None
        return Exercise(line, **{"name": "", **given, "wrong": wrong})

    def _gathered(self, blocks: Iterator[Part]) -> list[Part]:
        """Give every question a name, and to its widget."""
        parts: list[Part] = []
        names, widget = set[str](), None
        for part in blocks:
            if isinstance(part, Claim) and not (parts and isinstance(parts[-1], Prose | Box)):
                raise self._error(part.line, "a claim stands right after the sentence that it proves")
            if isinstance(part, WidgetCell):
                widget = len(parts)
            if isinstance(part, Exercise):
                if widget is None:
                    raise self._error(part.line, "a question is of the widget before it: a python widget block")
                part = replace(part, name=part.name or str(len(names) + 1))  # noqa: PLW2901
                if part.name in names:
                    raise self._error(part.line, f"two questions are called {part.name!r}")
                names.add(part.name)
                before = parts[widget]
                assert isinstance(before, WidgetCell)  # noqa: S101 - that is what is noted
                parts[widget] = replace(before, questions=(*before.questions, part))
            parts.append(part)
        return parts

    # -- errors -------------------------------------------------------------------------------------------------

    def _yaml(self, text: str, line: int, what: str) -> dict[str, Any]:
        try:
            found = yaml.load(text, _Yaml)  # noqa: S506 - a SafeLoader
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or str(error)
            raise self._error(line + (mark.line if mark else 0), f"{what} is no YAML: {problem}") from None
        if not isinstance(found, dict):
            raise self._error(line, f"{what}: expected lines such as title: …, got {found!r}")
        return found

    def _error(self, line: int, message: str) -> LessonError:
        return LessonError(f"{self._where}:{line}: {message}")


def _and(names: Any) -> str:
    return ", ".join(sorted(names))
