"""Which token of one text stands where another token of another text stands, and which has no partner there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from attnwidget.tokens import Tokens

_ATOM = re.compile(r"\w+|[^\w\s]")
_LONG = 4096  # tokens from which on difflib leaves out what is frequent, as it does by itself


@dataclass(frozen=True)
class Alignment:
    """Pairs of positions of two texts, in the order of both.

    Attributes
    ----------
    pairs : list of (int, int)
        A position in the one text and its partner in the other; each stands in one pair at most.
    sizes : (int, int)
        How many tokens either has.
    """

    pairs: list[tuple[int, int]]
    sizes: tuple[int, int]

    @property
    def reverse(self) -> Alignment:
        """The same, seen from the other text."""
        return Alignment([(there, here) for here, there in self.pairs], (self.sizes[1], self.sizes[0]))

    @property
    def partners(self) -> Tensor:
        """The partner of each position of the one text, int64 (tokens,); −1 where it has none."""
        found = torch.full((self.sizes[0],), -1)
        if self.pairs:
            here, there = torch.tensor(self.pairs).unbind(1)  # (pairs,) each
            found[here] = there
        return found

    @property
    def stretches(self) -> list[list[int]]:
        """The pairs, written small: a position, its partner's, and how many follow each other so."""
        found: list[list[int]] = []
        for here, there in self.pairs:
            last = found[-1] if found else [-1, -1, 0]
            if (here, there) == (last[0] + last[2], last[1] + last[2]):
                last[2] += 1
            else:
                found.append([here, there, 1])
        return found

    @property
    def alone(self) -> tuple[list[int], list[int]]:
        """The positions without a partner, of either text."""
        paired = [{*side} for side in zip(*self.pairs, strict=True)] or [set(), set()]
        a, b = ([at for at in range(size) if at not in those] for size, those in zip(self.sizes, paired, strict=True))
        return a, b

    def across(self, positions: Sequence[int]) -> list[int]:
        """Return the partners of some positions of the one text, without those that have none."""
        known = dict(self.pairs)
        return [known[at] for at in positions if at in known]


def align(a: Tokens, b: Tokens) -> Alignment:
    """Pair the tokens of two texts.

    Of one vocabulary those are partners that read the same and that a diff (`difflib.SequenceMatcher`) keeps. Where the
    vocabularies differ, both texts are cut into words, the diff is over these, and two tokens are partners if they
    stand for the same characters of the same words: ``playing`` and ``play`` are none. Marks that a tokenizer added
    are then paired from both ends of the text.

    Parameters
    ----------
    a, b : Tokens
        The two texts.
    """
    sizes = len(a.text), len(b.text)
    if _share_vocabulary(a, b):
        labels = [list(zip(side.special, side.text, strict=True)) for side in (a, b)]
        return Alignment(_diff(*labels), sizes)
    return Alignment(sorted(_by_characters(a, b) + _marks(a, b)), sizes)


def _share_vocabulary(a: Tokens, b: Tokens) -> bool:
    """Whether the same token has the same number in both; without numbers, whether the same text is cut alike."""
    if a.ids is not None and b.ids is not None:
        known = dict(zip(a.raw, a.ids, strict=True))
        shared = [(known[raw], number) for raw, number in zip(b.raw, b.ids, strict=True) if raw in known]
        return bool(shared) and all(one == other for one, other in shared)
    return a.raw == b.raw or "".join(a.parts).split() != "".join(b.parts).split()


def _diff(a: Sequence[object], b: Sequence[object]) -> list[tuple[int, int]]:
    """Pair what is the same in two sequences; what they begin and end with alike is always paired."""
    least = min(len(a), len(b))
    start = next((at for at in range(least) if a[at] != b[at]), least)
    left = least - start
    end = next((at for at in range(left) if a[-1 - at] != b[-1 - at]), left)
    middle = a[start : len(a) - end], b[start : len(b) - end]
    blocks = SequenceMatcher(None, *middle, autojunk=max(map(len, middle)) > _LONG).get_matching_blocks()
    return [
        *((at, at) for at in range(start)),
        *((start + one + at, start + other + at) for one, other, size in blocks for at in range(size)),
        *((len(a) - at, len(b) - at) for at in range(end, 0, -1)),
    ]


def _by_characters(a: Tokens, b: Tokens) -> list[tuple[int, int]]:
    """Pair tokens that stand for the same characters of words that a diff keeps."""
    texts = "".join(a.parts), "".join(b.parts)
    atoms = [list(_ATOM.finditer(text)) for text in texts]
    there: dict[int, int] = {}  # where each character of the one text stands in the other
    for one, other in _diff(*([atom.group() for atom in some] for some in atoms)):
        (first, last), second = atoms[0][one].span(), atoms[1][other].start()
        there |= {at: second + at - first for at in range(first, last)}
    ends = {span: at for at, span in enumerate(_spans(b)) if span is not None}
    found = []
    for at, span in enumerate(_spans(a)):
        if span is not None and all(one in there for one in range(*span)):
            partner = ends.get((there[span[0]], there[span[1] - 1] + 1))
            if partner is not None:
                found.append((at, partner))
    return found


def _spans(tokens: Tokens) -> list[tuple[int, int] | None]:
    """Say where each token lies in its text, without white space; None for what is not in the text."""
    spans: list[tuple[int, int] | None] = []
    at = 0
    for part in tokens.parts:
        start = at + len(part) - len(part.lstrip())
        stop = at + len(part.rstrip())
        spans.append((start, stop) if stop > start else None)
        at += len(part)
    return spans


def _marks(a: Tokens, b: Tokens) -> list[tuple[int, int]]:
    """Pair the tokenizers' marks before both texts, and those behind them."""
    (before, after), (others_before, others_after) = _ends(a), _ends(b)
    first = list(zip(range(before), range(others_before), strict=False))
    last = zip(range(after), range(others_after), strict=False)
    return first + [(len(a.text) - 1 - one, len(b.text) - 1 - other) for one, other in last]


def _ends(tokens: Tokens) -> tuple[int, int]:
    """Count the marks before a text and behind it."""
    count = len(tokens.special)
    before = next((at for at, special in enumerate(tokens.special) if not special), count)
    after = next((at for at, special in enumerate(reversed(tokens.special)) if not special), 0)
    return before, after
