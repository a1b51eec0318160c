"""A head's weights between the words of an annotated sentence, and how much better than chance its choices are.

Attention to a split word is the sum over its pieces, attention from it the mean (Clark et al. 2019, "What does BERT
look at?", section 4.1). Special tokens and what belongs to no word are left out.
"""

from __future__ import annotations

import unicodedata
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from attnwidget.maths import merge_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from attnwidget.tokens import Tokens
    from attnwidget.trace import AttentionTrace

ENOUGH = 20  # choices that an accuracy is told from


class Words(NamedTuple):
    """Those words of a sentence that have tokens."""

    number: dict[int, int]
    """Each one's row, by its place in the sentence."""
    tokens: list[int]
    """Their tokens, in the order of the text."""
    of_word: list[int]
    """The row of each token's word."""


def placed(words: Sequence[Sequence[int]]) -> Words:
    """Give numbers to the words that have tokens; `words` are the tokens of each, as `align` finds them."""
    number: dict[int, int] = {}
    positions = sorted((token, word) for word, those in enumerate(words) for token in those)
    for _, word in positions:
        number.setdefault(word, len(number))
    return Words(number, [token for token, _ in positions], [number[word] for _, word in positions])


def weights_by_word(trace: AttentionTrace, words: Words, attention: str | None) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield each layer's weights between words and which pairs the mask allows, both (heads, words, words).

    A layer that was left out of the trace has no weights, NaN, and forbids nothing.
    """
    there, size = trace.kept(attention), (trace.n_heads(attention), len(words.number), len(words.number))
    where: dict[str, Any] = {"attention": attention, "queries": words.tokens, "keys": words.tokens}
    for layer in range(trace.n_layers(attention)):
        if layer not in there:
            yield torch.full(size, torch.nan), torch.ones(size, dtype=torch.bool)
            continue
        weights = trace.weights(layer, **where).cpu()  # (heads, tokens, tokens)
        allowed = trace.allowed(layer, **where).cpu()  # (heads, tokens, tokens)
        yield merge_words(weights, allowed, words.of_word, words.of_word)


def margin(accuracy: Tensor, baseline: Tensor, counts: Tensor, needed: Tensor | int = ENOUGH) -> Tensor:
    """Return what an accuracy is above that of the best simple rule; NaN where it is told from fewer than needed."""
    return (accuracy - baseline).masked_fill(counts < needed, torch.nan)


def align(words: Sequence[str], tokens: Tokens) -> list[list[int]]:
    """Find the tokens of each word, by the letters of both.

    Case, accents and spaces count for nothing; a token that holds letters of two words goes to the first. A word
    none of whose letters is found has no tokens.
    """
    theirs = [(letter, word) for word, text in enumerate(words) for letter in _letters(text)]
    ours = [
        (letter, at)
        for at, (text, special) in enumerate(zip(tokens.text, tokens.special, strict=True))
        if not special
        for letter in _letters(text)
    ]
    left, right = "".join(letter for letter, _ in theirs), "".join(letter for letter, _ in ours)
    found: dict[int, int] = {}
    blocks = [(0, 0, len(left))] if left == right else SequenceMatcher(None, left, right, False).get_matching_blocks()  # noqa: FBT003
    for start, other, size in blocks:
        for step in range(size):
            found.setdefault(ours[other + step][1], theirs[start + step][1])
    aligned: list[list[int]] = [[] for _ in words]
    for token, word in sorted(found.items()):
        aligned[word].append(token)
    return aligned


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if not letter.isspace() and not unicodedata.combining(letter))
