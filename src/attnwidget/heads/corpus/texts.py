"""The texts of a corpus: out of whatever they come in, and a bounded number of them at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

WINDOW = 256  # texts that are read ahead and sorted by length; at most this many are held
LETTERS = 1 << 20  # and so many letters of them
_START = 60  # letters of a skipped text that are told
NO_TEXT = "there is no text"


@dataclass(frozen=True, slots=True)
class Given:
    """A text, and where in the corpus it is."""

    index: int
    text: str

    @property
    def key(self) -> str:
        """What tells this text from every other one: its SHA-256."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    def skipped(self, reason: object) -> SkippedText:
        """Say that it could not be measured."""
        return SkippedText(self.index, self.text[:_START], str(reason))


@dataclass(frozen=True, slots=True)
class SkippedText:
    """A text that could not be measured."""

    index: int
    """Its place in the corpus, from 0."""
    start: str
    """How it begins."""
    reason: str
    """Why."""


def given_texts(texts: Any, column: str) -> Iterator[Given]:
    """Go through a corpus once.

    Parameters
    ----------
    texts : iterable
        Of strings, or of rows: a `datasets.Dataset` or anything else that gives mappings. None, and pandas' NaN, stand
        for a text that is missing, and come out empty.
    column : str
        Which of a row's columns is the text.

    Raises
    ------
    TypeError
        If it is one string, a table or a set of splits, or if one of its items is neither a string nor a row.
    KeyError
        If a row has no such column.
    """
    if isinstance(texts, str):
        raise TypeError(f"texts must be a list of texts, got one string, {texts[:40]!r}; pass [text]")
    if isinstance(texts, Mapping):
        names = ", ".join(map(str, list(texts)[:5]))
        raise TypeError(f"texts must be one list of texts, got {type(texts).__name__} of {names}; pass one of them")
    if hasattr(texts, "iloc") and hasattr(texts, "columns"):
        raise TypeError(f"texts must be a list of texts, got a table; pass its column, texts[{column!r}]")
    if not isinstance(texts, Iterable):
        raise TypeError(f"texts must be a list of texts, got {type(texts).__name__}")
    known = getattr(texts, "column_names", None)
    if known and column in known and hasattr(texts, "select_columns"):
        texts = texts.select_columns([column])  # pictures and sounds beside it need not be decoded
    return (Given(index, _text(one, index, column)) for index, one in enumerate(texts))


def _text(one: Any, index: int, column: str) -> str:
    if isinstance(one, Mapping):
        if column not in one:
            raise KeyError(f"row {index} has no column {column!r}, but {', '.join(map(str, one))}; pass column=")
        one = one[column]
    if one is None or (isinstance(one, float) and one != one):  # noqa: PLR0124 - pandas' NaN
        return ""
    if not isinstance(one, str):
        raise TypeError(f"texts must be strings, got {type(one).__name__} at {index}")
    return one


def windows(given: Iterable[Given]) -> Iterator[list[Given]]:
    """Read some hundred texts ahead at a time, the shortest first: texts of one length stand together."""
    window: list[Given] = []
    letters = 0
    for one in given:
        window.append(one)
        letters += len(one.text)
        if len(window) == WINDOW or letters >= LETTERS:
            yield by_length(window)
            window, letters = [], 0
    if window:
        yield by_length(window)


def by_length(window: list[Given]) -> list[Given]:
    """Sort, the shortest first."""
    return sorted(window, key=lambda one: len(one.text))


def batches(given: Iterable[Given], letters: int) -> Iterator[list[Given]]:
    """Put texts of like length together, as many as have so many letters when all are as long as the longest.

    Parameters
    ----------
    given : iterable of Given
        The shortest first.
    letters : int
        A longer text is a batch by itself.
    """
    batch: list[Given] = []
    for one in given:
        if batch and (len(batch) + 1) * len(one.text) > letters:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def peeked(some: Iterator[list[Given]]) -> Iterator[list[Given]]:
    """Read the first window now, so that what is wrong with the texts is said before any work.

    Raises
    ------
    ValueError
        If there is no text.
    """
    first = next(some, None)
    if first is None:
        raise ValueError("a report needs at least one text")
    return chain([first], some)
