"""A lesson: read from its file, run, shown, checked, written as a notebook; and the list of those that come along."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from attnwidget.course.answers import Answers
from attnwidget.course.format import LessonError, Reader
from attnwidget.course.notebook import notebook_of
from attnwidget.course.parts import Box, Cell, Claim, Exercise, Prose, WidgetCell
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from nbformat import NotebookNode

    from attnwidget.asking import Question
    from attnwidget.course.parts import Part

FOLDER = Path(__file__).parents[1] / "lessons"
TEMPLATE = FOLDER / "template.md"


class Ran(NamedTuple):
    """A part of a lesson that was run: `value` is what its last line gave, None for what gives nothing."""

    part: Part
    value: Any = None


class Lesson:
    """A lesson, as its Markdown file has it.

    Attributes
    ----------
    name : str
        The file's, without its ending.
    title : str
        In a line.
    minutes : int
        How long it takes.
    models : tuple of str
        What it runs on.
    seeds : dict of str to str
        What it teaches, by id: the heading under which it is told.
    needs : tuple of str
        What comes before it, or what must be there.
    parts : tuple of Part
        What it is made of, in order.
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, path.stem
        front, self.parts = Reader(path.read_text(encoding="utf-8"), path.name).read()
        self.title, self.minutes, self.models, self.seeds, self.needs = front
        self._asked: dict[str, Question] = {}

    @classmethod
    def load(cls, which: str | int | PathLike[str]) -> Lesson:
        """Read and check a lesson.

        Parameters
        ----------
        which : str, int or path
            A file; or of a lesson that comes along its name, or its number: ``2``.

        Raises
        ------
        LessonError
            If something in it is not as it should be; the message names the line and what to do.
        FileNotFoundError
            If there is no such lesson.
        """
        path = Path(str(which))
        if path.suffix == ".md" and path.exists():
            return cls(path)
        for one in bundled():
            if str(which) == one.stem or str(which).rjust(2, "0") == one.stem.split("-")[0]:
                return cls(one)
        there = ", ".join(one.stem for one in bundled())
        raise FileNotFoundError(f"there is no lesson {str(which)!r}: give a .md file, or one of {there}")

    @property
    def source(self) -> str:
        """What `load` finds it by."""
        return self.name if self.path.parent == FOLDER else str(self.path)

    @property
    def about(self) -> str:
        """How long it takes, what it runs on and what comes before it, in a line."""
        before = [f"lesson {int(one[:2])}" if re.match(r"\d\d-", one) else one for one in self.needs]
        told = [f"{self.minutes} minutes", f"{len(self.questions)} questions", *self.models]
        return " · ".join(told + [f"after {' and '.join(before)}"] * bool(before))

    @property
    def questions(self) -> tuple[Exercise, ...]:
        """What is asked, in order."""
        return tuple(part for part in self.parts if isinstance(part, Exercise))

    # -- running ------------------------------------------------------------------------------------------------

    def run(self) -> Iterator[Ran]:
        """Run it from top to bottom, in names of its own; widgets come with their questions asked.

        Yields
        ------
        Ran
            Each part, and what it gave: of a widget's cell the widget.

        Raises
        ------
        LessonError
            If a claim does not hold, or a cell fails; the message names the line.
        """
        space: dict[str, Any] = {"aw": import_module("attnwidget"), "lesson": self}
        for part in self.parts:
            value = self._executed(part, space) if isinstance(part, Cell) else None
            if isinstance(part, WidgetCell) and part.questions:
                try:
                    self.ask(value, *(one.name for one in part.questions))
                except (ValueError, TypeError) as error:
                    raise self._error(part, str(error)) from error
            yield Ran(part, value)

    def _executed(self, part: Cell, space: dict[str, Any]) -> Any:
        tree = ast.parse("\n" * (part.line - 1) + part.code, self.path.name)  # errors name the file's lines
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        try:
            exec(compile(tree, self.path.name, "exec"), space)  # noqa: S102 - a lesson's own code, as in a notebook
            if isinstance(last, ast.Expr):
                return eval(compile(ast.Expression(last.value), self.path.name, "eval"), space)  # noqa: S307
        except Exception as error:
            what = "the claim does not hold" if isinstance(part, Claim) else "this cell fails"
            trace, line = error.__traceback__, part.line
            while trace is not None:
                line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == self.path.name else line
                trace = trace.tb_next
            told = f"{type(error).__name__}: {error}".removesuffix(": ")
            raise self._error(part, f"{what}: {told}", line) from error
        return None

    def ask(self, widget: Any, *names: str) -> None:
        """Ask questions of this lesson in a widget; all of them without names.

        Raises
        ------
        ValueError, TypeError
            If there is no such question, it does not fit what is on screen, or this is no widget that asks.
        """
        known = {one.name: one for one in self.questions}
        for name in names or known:
            if name not in known:
                raise ValueError(f"the lesson has no question {name!r}; there is {', '.join(known)}")
            if not hasattr(widget, "ask"):
                raise TypeError(f"questions are asked in an AttentionWidget, not in {type(widget).__name__}")
            self._asked[name] = widget.ask(known[name].text, **known[name].asked)

    def show(self) -> None:
        """Show it in a notebook, from top to bottom: its words, its widgets, what its cells give."""
        from IPython.display import Markdown, display

        display(Markdown(f"# {self.title}"))  # type: ignore[no-untyped-call]
        for part, value in self.run():
            if isinstance(part, Prose | Box):
                display(Markdown(part.text))  # type: ignore[no-untyped-call]
            elif value is not None:
                display(value)  # type: ignore[no-untyped-call]

    def check(self) -> None:
        """Run all of it, and hold each question against its own answers.

        Raises
        ------
        LessonError
            If a claim does not hold, a cell fails, a question's own answer is refused, or a wrong one accepted.
        """
        for part, value in self.run():
            if not isinstance(part, WidgetCell):
                continue
            for one in part.questions:
                asked = self._asked[one.name]
                if asked.accepts():
                    raise self._error(one, "the widget opens on the answer: open it at another place")
                try:
                    accepted = [wrong for wrong in one.wrong if asked.accepts(wrong)]
                except (ValueError, TypeError, IndexError) as error:
                    raise self._error(one, f"wrong: {error}") from error
                if accepted:
                    raise self._error(one, f"this wrong answer would be accepted: {accepted[0]}")
            value.close()

    def answers(self) -> Answers:
        """Return what was answered in the widgets that asked this lesson's questions."""
        return Answers(self.title, [(one, self._asked.get(one.name)) for one in self.questions])

    def notebook(self) -> NotebookNode:
        """Write it as a notebook; the answers are not in it."""
        return notebook_of(self)

    def _error(self, part: Part, message: str, line: int | None = None) -> LessonError:
        return LessonError(f"{self.path.name}:{line or part.line}: {message}")

    def __repr__(self) -> str:
        return f"Lesson({self.name!r}: {self.title}, {self.minutes} minutes, {len(self.questions)} questions)"


class Lessons(Tabular, tuple[Lesson, ...]):
    """The lessons in their order; a table in a notebook."""

    __slots__ = ()

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        rows = [
            (one.name, one.title, one.minutes, len(one.questions), ", ".join(one.models), ", ".join(one.needs))
            for one in self
        ]
        return Table(["lesson", "title", "minutes", "questions", "models", "needs"], rows)

    def __repr__(self) -> str:
        return "\n".join(f"{one.name} · {one.title} · {one.minutes} minutes" for one in self)


def bundled() -> list[Path]:
    """Return the files of the lessons that come along, in their order."""
    return sorted(FOLDER.glob("[0-9][0-9]-*.md"))


def lessons() -> Lessons:
    """Return the lessons that come along: ``aw.Lesson.load(2).show()`` shows one in a notebook."""
    return Lessons(map(Lesson, bundled()))
