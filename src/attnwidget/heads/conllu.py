"""Sentences with their syntax: a reader of CoNLL-U, and the sentences that the package ships.

The format is that of Universal Dependencies, https://universaldependencies.org/format.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby

COLUMNS = 10


@dataclass(frozen=True)
class Sentence:
    """One sentence; all lists have one entry per word."""

    text: str
    words: list[str]
    spans: list[tuple[int, int]]
    """Where each word lies in the text (start, end), in characters."""
    heads: list[int]
    """Position of each word's head, from 0; -1 for the root."""
    relations: list[str]
    """Relation of each word to its head, with its subtype: ``nsubj:pass``."""
    tags: list[str]
    """Part of speech of each word (UPOS)."""
    features: list[dict[str, str]]
    """Such as ``{"Gender": "Fem", "Number": "Sing"}``."""
    entities: list[str]
    """What each word names, the same for words that name the same: ``Entity`` in the last column, "" for none."""


@cache
def shipped() -> list[Sentence]:
    """Read the English sentences that come with the package (``probe.conllu``)."""
    return _packaged("probe.conllu")


@cache
def shipped_pronouns() -> list[Sentence]:
    """Read the English sentences with a pronoun that come with the package (``pronouns.conllu``): no trees."""
    return _packaged("pronouns.conllu", trees=False)


def _packaged(name: str, **how: bool) -> list[Sentence]:
    return read(files("attnwidget.heads").joinpath(name).read_text(encoding="utf-8"), **how)


def read(source: str, *, trees: bool = True) -> list[Sentence]:
    """Read sentences from the text of a CoNLL-U file.

    Multiword tokens (``3-4``) and empty nodes (``8.1``) are left out: what counts are the words. Where a sentence has
    no ``# text``, its words make one, with spaces as ``SpaceAfter`` tells.

    Parameters
    ----------
    source : str
        What the file holds.
    trees : bool
        Whether every word needs a head. Otherwise ``_`` may stand for one that is not told, and is read as -1.

    Raises
    ------
    ValueError
        If a line is malformed; the message names it.
    """
    lines = ((number, line.removesuffix("\r")) for number, line in enumerate(source.split("\n"), 1))
    blocks = [list(block) for blank, block in groupby(lines, lambda line: not line[1].strip()) if not blank]
    # A block without words is a comment on the file.
    return [_sentence(block, trees=trees) for block in blocks if any(not line.startswith("#") for _, line in block)]


def _sentence(lines: list[tuple[int, str]], *, trees: bool) -> Sentence:
    """Read the numbered lines of one sentence."""
    text = ""
    rows: list[tuple[int, list[str]]] = []  # the words: number of the line, columns
    spaced: dict[int, bool] = {}  # by the word's ID: what a multiword token tells of its words
    for number, line in lines:
        if line.startswith("#"):
            text = line.partition("=")[2].strip() if re.match(r"#\s*text\s*=", line) else text
            continue
        columns = line.split("\t")
        if len(columns) != COLUMNS:
            raise ValueError(f"line {number}: expected {COLUMNS} columns with tabs between them, got {len(columns)}")
        if multiword := re.fullmatch(r"(\d+)-(\d+)", columns[0]):
            last = int(multiword[2])
            spaced |= dict.fromkeys(range(int(multiword[1]), last), False) | {last: _space_after(columns)}
        elif not re.fullmatch(r"\d+\.\d+", columns[0]):
            if columns[0] != str(len(rows) + 1):
                raise ValueError(f"line {number}: expected the ID {len(rows) + 1}, got {columns[0]!r}")
            rows.append((number, columns))
    spaces = [spaced.get(i, _space_after(columns)) for i, (_, columns) in enumerate(rows, 1)]
    text = text or "".join(row[1] + " " * space for (_, row), space in zip(rows, spaces, strict=True)).rstrip()
    spans: list[tuple[int, int]] = []
    for number, columns in rows:
        rest = text[spans[-1][1] if spans else 0 :].lstrip()
        if not rest.startswith(columns[1]):
            raise ValueError(f"line {number}: expected {columns[1]!r} to come next in the text, got {rest!r}")
        spans.append((len(text) - len(rest), len(text) - len(rest) + len(columns[1])))
        is_left_out = columns[6] == "_" and not trees
        if not is_left_out and (not re.fullmatch(r"[0-9]+", columns[6]) or int(columns[6]) > len(rows)):
            raise ValueError(f"line {number}: expected a head from 0 to {len(rows)}, got {columns[6]!r}")
    _, words, _, tags, _, features, heads, relations, _, others = ([row[i] for _, row in rows] for i in range(COLUMNS))
    return Sentence(
        text,
        words,
        spans,
        [-1 if head == "_" else int(head) - 1 for head in heads],
        relations,
        tags,
        [_named(one) for one in features],
        [_named(one).get("Entity", "") for one in others],
    )


def _named(column: str) -> dict[str, str]:
    """Read ``Gender=Fem|Number=Sing``."""
    return dict(part.split("=", 1) for part in column.split("|") if "=" in part)


def _space_after(columns: list[str]) -> bool:
    return _named(columns[9]).get("SpaceAfter") != "No"
