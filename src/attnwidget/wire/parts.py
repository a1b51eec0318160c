"""The text between the tokens and in them, small enough for every saved notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attnwidget.tokens import Tokens


def gaps_of(tokens: Tokens) -> tuple[str, list[str]]:
    """Return `TokenList.gaps` and `TokenList.odd`: a letter a token, and the parts that no letter stands for."""
    gaps, odd = "", []
    for part, label in zip(tokens.parts, tokens.text, strict=True):
        letter = {label: ".", f" {label}": " ", f"\n{label}": "/", "": "0"}.get(part, "*")
        gaps += letter
        if letter == "*":
            odd.append(part)
    return gaps, odd
