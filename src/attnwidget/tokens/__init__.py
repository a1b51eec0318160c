"""What a reader sees of a token, and which word it belongs to.

A vocabulary writes its tokens for the machine: ``Ġcat``, ``##ing``, ``▁the``, ``<0xF0>``.
:func:`describe` turns them into labels that are never empty and never half a character,
and numbers the words, so that sub-words can be shown together.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from operator import index
from typing import TYPE_CHECKING, Any

from attnwidget.tokens.find import find
from attnwidget.tokens.labels import visible
from attnwidget.tokens.parts import parts_by_marks, parts_by_spans
from attnwidget.tokens.spelling import SCHEMES, Piece, content, decode, guess_scheme
from attnwidget.tokens.words import number_words

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPECIAL = re.compile(
    r"\[(?:CLS|SEP|PAD|MASK|UNK)\]|</?s>|<(?:pad|unk|mask|bos|eos|cls|sep)>|<[|｜].+[|｜]>"  # noqa: RUF001
)

_NAMED = 10  # tokens that an error names


@dataclass(frozen=True)
class Tokens:
    """Tokens as a reader sees them; all lists but `word_texts` have one entry per token."""

    text: list[str]
    """Readable form, never empty."""
    raw: list[str]
    """As the vocabulary writes it."""
    special: list[bool]
    """Added by the tokenizer (``[CLS]``, ``<s>``), not by the text."""
    words: list[int]
    """Number of the token's word: from 0, without gaps, never falling."""
    word_texts: list[str]
    """Readable form of each word, never empty: one entry per word."""
    parts: list[str]
    """The text as it was written, cut at the tokens; see `tokens.parts`."""
    ids: list[int] | None = None
    """Its number in the vocabulary, −1 for a virtual token; None where they are not known."""

    def find(self, wanted: str) -> list[list[int]]:
        """Return the positions of every place that reads so; see `tokens.find`."""
        return find(self, wanted)

    def where(self, wanted: int | str) -> list[int]:
        """Return the positions that a user means: of every token, or else every word, that reads so; or a number's own.

        Raises
        ------
        IndexError
            For a number out of range.
        ValueError
            If nothing reads so; the message names what comes near.
        TypeError
            If it is neither a number nor a string.
        """
        if not isinstance(wanted, str):
            at, count = index(wanted), len(self.text)
            if not -count <= at < count:
                raise IndexError(f"token {at} is out of range: 0 to {count - 1}")
            return [at % count]
        found = [at for at, text in enumerate(self.text) if text == wanted]
        if not found:
            words = {number for number, text in enumerate(self.word_texts) if text == wanted}
            found = [at for at, number in enumerate(self.words) if number in words]
        if not found:
            there = list(dict.fromkeys([*self.text, *self.word_texts]))
            folded = [text for text in there if text.casefold() == wanted.casefold()]
            near = folded or get_close_matches(wanted, there) or there[:_NAMED]
            more = ", …" if near == there[:_NAMED] and len(there) > _NAMED else ""
            raise ValueError(f"no token or word reads {wanted!r}; there are {', '.join(map(repr, near))}{more}")
        return found


def describe(
    tokens: Sequence[str],
    *,
    scheme: str | None = None,
    spans: Sequence[tuple[int, int]] | None = None,
    special: Sequence[bool] | None = None,
    text: str | None = None,
) -> Tokens:
    """Give every token a readable label and the number of its word.

    Parameters
    ----------
    tokens
        Tokens as in the vocabulary (``tokenizer.convert_ids_to_tokens``), or plain words.
    scheme
        How the vocabulary writes them: "byte", "wordpiece" or "sentencepiece".
        Without it, the tokens' own marks decide; tokens without marks are plain.
    spans
        Where each token lies in the text (start, end), in characters. Without it, words
        are found from the marks alone.
    special
        Which tokens the tokenizer added. Without it, the usual spellings decide.
    text
        What the spans are of. Without it, the text is put together from the tokens.

    Raises
    ------
    ValueError
        For an unknown scheme, or when the lengths differ.
    """
    if isinstance(tokens, str):
        raise TypeError(f"tokens must be a list of strings, got one string: {tokens[:40]!r}; pass tokens.split(), say")
    raw = list(tokens)
    strange = next((token for token in raw if not isinstance(token, str)), None)
    if strange is not None:
        kind = type(strange).__name__
        raise TypeError(f"tokens must be strings, got {kind}: tokenizer.convert_ids_to_tokens makes them from ids")
    if special is None:
        special = [_SPECIAL.fullmatch(token) is not None for token in raw]
    for name, values in (("spans", spans), ("special", special)):
        if values is not None and len(values) != len(raw):
            message = f"{name} has {len(values)} entries for {len(raw)} tokens"
            raise ValueError(message)
    scheme = scheme or guess_scheme([t for t, s in zip(raw, special, strict=True) if not s])
    if scheme is not None and scheme not in SCHEMES:
        message = f"scheme must be one of {', '.join(SCHEMES)} or None, got {scheme!r}"
        raise ValueError(message)
    contents = [t if s else content(t, scheme) for t, s in zip(raw, special, strict=True)]
    pieces = decode(contents)
    touching = _touching(raw, special, scheme, spans)
    words = number_words(
        [piece.source for piece in pieces],
        touching=touching,
        halved=[piece.shared for piece in pieces],
    )
    members = [[piece for _, piece in word] for _, word in groupby(zip(words, pieces, strict=True), lambda one: one[0])]
    return Tokens(
        text=[piece.label for piece in pieces],
        raw=raw,
        special=[bool(flag) for flag in special],
        words=words,
        word_texts=[_word_text(word) for word in members],
        parts=parts_by_marks(pieces, special, scheme, touching)
        if text is None or spans is None
        else parts_by_spans(text, spans),
    )


def after_prompt(tokens: Tokens, count: int) -> Tokens:
    """Put virtual tokens before a text's, as prompt tuning does: each is a word of its own, and none is the text's."""
    names = [f"[prompt {number}]" for number in range(1, count + 1)]
    return Tokens(
        text=names + tokens.text,
        raw=names + tokens.raw,
        special=[True] * count + tokens.special,
        words=[*range(count), *(word + count for word in tokens.words)],
        word_texts=names + tokens.word_texts,
        parts=[""] * count + tokens.parts,
        ids=None if tokens.ids is None else [-1] * count + tokens.ids,
    )


def _word_text(pieces: list[Piece]) -> str:
    """Join a word's tokens, with every split character once."""
    whole = "".join(piece.source[1:] if piece.shared else piece.source for piece in pieces)
    return visible(whole) if whole else "".join(piece.label for piece in pieces)


def scheme_of(tokenizer: Any) -> str | None:
    """Return the scheme of a transformers tokenizer, None if it has none of the three."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:  # slow tokenizers, by the part that each kind is built around
        for attribute, scheme in (
            ("byte_encoder", "byte"),
            ("wordpiece_tokenizer", "wordpiece"),
            ("sp_model", "sentencepiece"),
        ):
            if hasattr(tokenizer, attribute):
                return scheme
        return None
    # The parts one by one (their pickled state is JSON): the whole would include the vocabulary.
    text = ""
    for part in (backend.decoder, backend.pre_tokenizer, backend.normalizer):
        with contextlib.suppress(Exception):  # one written in Python cannot be pickled
            text += part.__getstate__().decode() if part is not None else ""
    if '"ByteLevel"' in text:
        return "byte"
    if getattr(backend.model, "continuing_subword_prefix", None) == "##":
        return "wordpiece"
    if any(mark in text for mark in ('"Metaspace"', '"ByteFallback"', "▁")):
        return "sentencepiece"
    return None


def _touching(
    raw: list[str],
    special: Sequence[bool],
    scheme: str | None,
    spans: Sequence[tuple[int, int]] | None,
) -> list[bool]:
    """Tell for each token whether the one before it may touch it in the text.

    Byte and sentencepiece tokens carry their own spaces, so all of them may.
    """
    touching = [False] * len(raw)
    for i in range(1, len(raw)):
        if special[i] or special[i - 1]:
            continue
        if spans is not None:
            (start, end), before = spans[i], spans[i - 1]
            # One character may have become two tokens by normalisation (ﬁ → f, i).
            touching[i] = start == before[1] or ((start, end) == before and end - start == 1)
        elif scheme == "wordpiece":
            touching[i] = raw[i].startswith("##")
        else:
            touching[i] = scheme is not None
    return touching
