"""Which tokens make up one word.

Two tokens are of one word when they touch in the text and a word goes on from one to the
other: letters, digits and what changes them (accents, emoji joiners), and the apostrophe
of *didn't*. Punctuation, hyphens, ideographs and kana stand by themselves.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def number_words(sources: Sequence[str], *, touching: Sequence[bool], halved: Sequence[bool]) -> list[int]:
    """Return the number of each token's word: from 0, without gaps, never falling.

    Parameters
    ----------
    sources
        Each token's characters in the text, its space included.
    touching
        Whether the token may touch the one before it in the text.
    halved
        Whether the token begins inside a character of the one before it.
    """
    words: list[int] = []
    head = ""  # the end of the text before this token, as far as it touches
    for i, source in enumerate(sources):
        head = head if touching[i] else ""
        tail = source  # and what follows it, by which an apostrophe is judged
        if i + 1 < len(sources) and touching[i + 1]:
            tail += sources[i + 1]
        joins = halved[i] or (bool(head and source) and _continues(head, tail))
        words.append(words[-1] + (not joins) if words else 0)
        head = (head + source)[-_LONGEST_HEAD:]
    return words


_LONGEST_HEAD = 64  # enough for a letter under many combining marks
_APOSTROPHES = "'\N{RIGHT SINGLE QUOTATION MARK}"
# Ideographs and kana: isalnum() calls them letters, but a word of theirs has no visible end.
_CJK = re.compile(
    "[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00016fe0-\U00018d8f"
    "\U0001aff0-\U0001b2ff\U00020000-\U0003ffff]"
)


def _continues(head: str, tail: str) -> bool:
    """Tell whether a word goes on from the end of one text to the start of the next."""
    if _is_mark(tail[0]) or head[-1] == "\N{ZERO WIDTH JOINER}":
        return not (head[-1].isspace() or tail[0].isspace())
    while head and _is_mark(head[-1]):
        head = head[:-1]
    if _is_letter(head[-1:]) and tail[0] in _APOSTROPHES:
        return _is_letter(tail[1:2])
    if head[-1:] in _APOSTROPHES and _is_letter(head[-2:-1]):
        return _is_letter(tail[0])
    return _is_letter(head[-1:]) and _is_letter(tail[0])


def _is_letter(char: str) -> bool:
    return char.isalnum() and _CJK.match(char) is None


def _is_mark(char: str) -> bool:
    """Tell whether the character changes the one before: accents, joiners, skin tones."""
    return (
        unicodedata.category(char).startswith("M")
        or char in "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
    )
