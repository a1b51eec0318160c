"""The tokens of a side, written small: a saved notebook keeps them, with every entry of a list on a line of its own."""

from __future__ import annotations

from itertools import chain, groupby
from typing import TYPE_CHECKING

from attnwidget.tokens.labels import encodable
from attnwidget.wire.parts import gaps_of
from attnwidget.wire.schema import TokenList

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attnwidget.tokens import Tokens

_MARKS = "|^~`{}<>¦"  # one byte each where it can be; in what is left, private characters


def token_list(
    tokens: Tokens,
    *,
    segments: Sequence[int] | None = None,
    generated: Sequence[bool] | None = None,
    writes: bool = False,
) -> TokenList:
    """Write the tokens of one side."""
    sizes = [len(list(group)) for _, group in groupby(tokens.words)]
    labels = iter(tokens.text)
    joined = ["".join(next(labels) for _ in range(size)) for size in sizes]
    own = ["" if text == usual else text for text, usual in zip(tokens.word_texts, joined, strict=True)]
    gaps, odd = gaps_of(tokens)
    return TokenList(
        tokens=in_one(tokens.text),
        special=stretches(tokens.special),
        words=" ".join(map(str, sizes)),
        word_texts=in_one(own) if any(own) else "",
        segments=None if segments is None else changes(segments),
        generated=None if generated is None else stretches(generated),
        writes=writes,
        gaps=gaps,
        odd=odd,
    )


def in_one(texts: Sequence[str]) -> str:
    """Write a list of texts as one: a character that is in none of them stands before each."""
    texts = [encodable(text) for text in texts]
    used = set(chain.from_iterable(texts))
    mark = next(one for one in chain(_MARKS, map(chr, range(0xE000, 0x110000))) if one not in used)
    return "".join(mark + text for text in texts)


def changes(numbers: Sequence[int]) -> list[int]:
    """Write numbers as the positions where another begins, each with that number behind it; first comes 0."""
    before = [0, *numbers]
    found = [(at, now) for at, (last, now) in enumerate(zip(before, numbers, strict=False)) if now != last]
    return list(chain.from_iterable(found))


def stretches(flags: Iterable[bool]) -> list[int]:
    """Write flags as the positions where they turn true and false again."""
    found: list[int] = []
    last, count = False, 0
    for count, flag in enumerate(flags, 1):
        if bool(flag) != last:
            found.append(count - 1)
            last = bool(flag)
    return [*found, count] if last else found
