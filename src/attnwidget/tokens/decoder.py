"""A decoder's tokens: each row reads one of them and writes the next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attnwidget.tokens import Tokens

START = "start"
_PADS = {"<pad>", "[PAD]", "</s>"}  # what begins a decoder's text only because something must: T5 and Marian, BART
_OPEN = "…"  # the last row writes what is not there yet, perhaps the end


def with_start(tokens: Tokens) -> Tokens:
    """Call the mark that begins a decoder's text "start": models take a padding or an end mark for want of another."""
    if not tokens.raw or tokens.raw[0] not in _PADS or not tokens.special[0]:
        return tokens
    words = [START, *tokens.word_texts[1:]] if tokens.words.count(0) == 1 else tokens.word_texts
    return replace(tokens, text=[START, *tokens.text[1:]], word_texts=words)


def writing(labels: Sequence[str]) -> list[str]:
    """Label a decoder's rows with what each reads and what it writes: "the ▸ black"."""
    return [f"{label} ▸ {after}" for label, after in zip(labels, [*labels[1:], _OPEN], strict=True)]
