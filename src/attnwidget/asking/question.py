"""A question and how it was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attnwidget.asking.judge import failing
from attnwidget.asking.rules import FIELDS
from attnwidget.head_id import HeadId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attnwidget.asking.rules import Rule

    Fields = Mapping[str, Any]


class Question:
    """A question that a widget asks: what the reader selects is the answer.

    Attributes
    ----------
    name : str
        One of its own in the widget.
    text, hint, because : str
        What is asked, what helps, what is said once it is answered.
    answer : mapping, or a list of them
        The rule, as it was given.
    right : bool
        Whether it was answered.
    said : str
        The last answer, in words; empty before the first.
    tries : int
        How many answers were checked.
    hinted, shown : bool
        Whether the reader took the hint, and had the answer shown.
    """

    def __init__(self, name: str, text: str, answer: Any, hint: str, because: str) -> None:
        self.name, self.text, self.answer, self.hint, self.because = name, text, answer, hint, because
        self.rules: list[Rule] = []
        self.right = self.hinted = self.shown = False
        self.said, self.tries = "", 0
        self._read: Callable[[Fields | None], Fields] = lambda _: {}

    def bind(self, rules: list[Rule], read: Callable[[Fields | None], Fields]) -> None:
        """Take the rules as they are judged, and what reads a selection in the widget's words."""
        self.rules, self._read = rules, read

    def accepts(self, selection: Fields | None = None) -> bool:
        """Return whether a selection answers the question.

        Parameters
        ----------
        selection : mapping, optional
            Fields of the selection, as the widget takes them: ``{"heads": "L3-H0", "keys": "animal"}``; what it does
            not name is as it is in the widget. Without it, what is selected there now.

        Raises
        ------
        ValueError, TypeError, IndexError
            If there is no such thing in the text on screen.
        """
        return not failing(self.rules, self._read(selection))

    def note(self, selection: Fields, sides: Mapping[str, Sequence[str]]) -> None:
        """Note an answer that was checked, and say it in words; `sides` has the tokens that may be pinned."""
        self.tries += 1
        self.right = self.right or not failing(self.rules, selection)
        names = dict.fromkeys(name for rule in self.rules for name in rule)
        self.said = "; ".join(in_words(name, selection.get(name), sides) for name in FIELDS if name in names)

    @property
    def row(self) -> tuple[str, str, int, bool, bool]:
        """The answer in words, how it went, tries, and whether the hint and the answer were looked at."""
        state = "right" if self.right else "not yet" if self.tries else "not tried"
        return self.said, state, self.tries, self.hinted, self.shown

    def __repr__(self) -> str:
        return f"Question({self.name!r}: {self.text!r}, {self.row[1]})"


def in_words(name: str, value: Any, sides: Mapping[str, Sequence[str]]) -> str:
    """Say what is selected."""
    label = name.replace("_", " ")
    if name in {"heads", "off"}:
        told = ", ".join(str(HeadId(*one)) for one in value or [])
    elif name in sides:
        told = " ".join(sides[name][at].strip() for at in value or [] if at < len(sides[name]))
    elif name == "what_if":
        told = ", ".join(_changed(part, one, sides["keys"]) for part, one in (value or {}).items())
    elif isinstance(value, dict):
        told = ", ".join(f"{key.replace('_', ' ')} {one}" for key, one in value.items())
    elif isinstance(value, list):
        told = "painted"
    else:
        told = "" if value is None else str(value)
    return f"{label}: {told or 'none'}"


def _changed(part: str, one: Any, keys: Sequence[str]) -> str:
    if part == "scaled":
        return "scaled" if one else "not scaled"
    if part in {"masked", "removed"}:
        return f"{part} {' '.join(keys[at].strip() for at in one if at < len(keys)) or 'none'}"
    return f"{part} {one:g}" if part == "temperature" else f"{part} {one}"
