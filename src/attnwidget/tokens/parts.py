"""The text as it was written, cut at its tokens: joined, the parts are that text again.

A token's part is all from the end of the token before to its own end, so a space stands at the head of what follows it.
Marks that the tokenizer added have an empty part, and so have all tokens of a split character but the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attnwidget.tokens.spelling import Piece

_CLOSING = ".,!?;:%)]}…’”»"  # what stands right behind a word


def parts_by_spans(text: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    """Cut a text where its tokens end: each lies at (start, end), one that was added at an empty span."""
    parts, at, last = [], 0, -1
    for number, (start, end) in enumerate(spans):
        stop = max(at, end) if end > start else at
        parts.append(text[at:stop])
        if stop > at:
            at, last = stop, number
    if last >= 0:
        parts[last] += text[at:]  # of what follows no token was made
    return parts


def parts_by_marks(
    pieces: Sequence[Piece], special: Sequence[bool], scheme: str | None, touching: Sequence[bool]
) -> list[str]:
    """Write a text from what the vocabulary's marks tell: where nothing is known, with a space between two words."""
    sources = [piece.source[1:] if piece.shared else piece.source for piece in pieces]
    # Of "plain" tokens some carry their spaces as well, as in ["The", " cat"].
    carries = scheme in {"byte", "sentencepiece"} or any(source[:1].isspace() for source in sources[1:])
    parts: list[str] = []
    is_start = True
    for source, is_mark, touches in zip(sources, special, touching, strict=True):
        if is_mark:
            parts.append("")
            continue
        if carries:
            # SentencePiece puts a space before the first word that nobody has written.
            part = source.removeprefix(" ") if is_start and scheme == "sentencepiece" else source
        else:
            close = is_start or touches or (scheme == "wordpiece" and source in _CLOSING)
            part = source if close else f" {source}"
        parts.append(part)
        is_start = False
    return parts
