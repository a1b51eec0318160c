"""What a lesson is made of, in the order of its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SAYS, DOES = "What the text says", "What the model does"


@dataclass(frozen=True)
class Part:
    """A piece of a lesson.

    Attributes
    ----------
    line : int
        Where it begins in the lesson's file, from 1.
    """

    line: int


@dataclass(frozen=True)
class Prose(Part):
    """Markdown."""

    text: str


@dataclass(frozen=True)
class Box(Part):
    """What a text says, and what the model does: two pieces of Markdown."""

    says: str
    does: str

    @property
    def text(self) -> str:
        """Both as one quote."""
        lines = f"**{SAYS}** {self.says}\n\n**{DOES}** {self.does}".splitlines()
        return "\n".join(f"> {line}".rstrip() for line in lines)


@dataclass(frozen=True)
class Cell(Part):
    """Python."""

    code: str


@dataclass(frozen=True)
class WidgetCell(Cell):
    """Python whose last line is the name of a widget. `questions` are those that are asked in it."""

    questions: tuple[Exercise, ...] = ()

    @property
    def widget(self) -> str:
        """The widget's name."""
        return self.code.rstrip().splitlines()[-1]


@dataclass(frozen=True)
class Claim(Cell):
    """Python with an `assert`, which proves the sentence before it."""


@dataclass(frozen=True)
class Exercise(Part):
    """A question of the widget before it.

    Attributes
    ----------
    name : str
        One of its own in the lesson.
    text, hint, because : str
        What is asked, what helps, and what is said once it is answered; with ``*emphasis*``.
    answer : mapping, or a list of them
        A rule, as `AttentionWidget.ask` takes it.
    show : mapping, or None
        What *Show me* selects, where the rule does not say it.
    wrong : mapping, or a list of them
        Plausible answers that are refused: fields of the selection.
    """

    name: str
    text: str
    answer: Any
    hint: str = ""
    show: dict[str, Any] | None = None
    because: str = ""
    wrong: list[dict[str, Any]] = field(default_factory=list)

    @property
    def asked(self) -> dict[str, Any]:
        """The keywords of `AttentionWidget.ask`."""
        return {name: getattr(self, name) for name in ("answer", "hint", "show", "because", "name")}
