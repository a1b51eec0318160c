"""Finding places in a text by what stands there. `js/src/layout/find.ts` follows the same rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attnwidget.tokens import Tokens

_POSITION = re.compile(r"(#?)([0-9]+)")


def find(tokens: Tokens, wanted: str) -> list[list[int]]:
    """Return the token positions of every place where a text has these letters.

    Upper and lower case are the same, and so is all white space, however much of it. A place may begin and end within a
    token. Marks such as ``[SEP]`` are found by their names. Places do not overlap. ``"#12"`` is position 12, and a
    number by itself is that position besides, as the last place.

    Raises
    ------
    ValueError
        If there is nothing to look for.
    TypeError
        If it is no string.
    """
    if not isinstance(wanted, str):
        raise TypeError(f"what is to be found must be a string, got {type(wanted).__name__}")
    needle = _folded(wanted).strip(" ")
    if not needle:
        raise ValueError("there is nothing to find in an empty string: give a word, a part of one, a phrase, or '#12'")
    number = _POSITION.fullmatch(needle)
    found = [] if number and number[1] else _places(tokens, needle)
    at = int(number[2]) if number else len(tokens.text)
    return [*found, [at]] if at < len(tokens.text) else found


def _places(tokens: Tokens, needle: str) -> list[list[int]]:
    text, spans = _haystack(tokens)
    found, token = [], 0
    start = text.find(needle)
    while start >= 0:
        stop = start + len(needle)
        while spans[token][1] <= start:
            token += 1
        place = []
        while token < len(spans) and spans[token][0] < stop:
            place.append(token)
            token += 1
        rest = token
        while rest < len(spans) and not tokens.parts[rest] and not tokens.special[rest]:  # of the same character
            place.append(rest)
            rest += 1
        token = place[0]  # the next place may begin in the same token
        found.append(place)
        start = text.find(needle, stop)
    return found


def _haystack(tokens: Tokens) -> tuple[str, list[tuple[int, int]]]:
    """Return the text to look through, and where each token lies in it, without the space before it."""
    pieces: list[str] = []
    spans = []
    at, after_space = 0, True
    for part, label, is_mark in zip(tokens.parts, tokens.text, tokens.special, strict=True):
        piece = _folded(part or (f" {label} " if is_mark else ""))
        if after_space:
            piece = piece.removeprefix(" ")
        pieces.append(piece)
        spans.append((at + (len(piece) > 1 and piece.startswith(" ")), at + len(piece)))
        at += len(piece)
        after_space = piece.endswith(" ") if piece else after_space
    return "".join(pieces), spans


def _folded(text: str) -> str:
    """Fold case letter by letter, so that none depends on its neighbours, and white space to one space."""
    return re.sub(r"\s+", " ", "".join(map(str.lower, text)))
