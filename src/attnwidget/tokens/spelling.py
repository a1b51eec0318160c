"""From the vocabulary's spelling of a token to its characters.

"byte" is GPT-2's alphabet, one character for each of the 256 bytes (``Ġ`` is a space);
"wordpiece" marks what continues a word with ``##``; "sentencepiece" writes a space as ``▁``
and a character that it does not know as bytes, ``<0xF0>``.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from attnwidget.tokens.labels import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMES = ("byte", "wordpiece", "sentencepiece")
_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


@dataclass
class Piece:
    """One token, decoded."""

    source: str  # the characters of the text, a split character in each of its tokens
    label: str
    shared: bool = False  # its first character began in the token before


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's alphabet: printable bytes stand for themselves, the others from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {
        **{chr(byte): byte for byte in printable},
        **{chr(0x100 + i): byte for i, byte in enumerate(others)},
    }


_BYTES = _byte_alphabet()


def guess_scheme(tokens: list[str]) -> str | None:
    """Return the scheme that the tokens' own marks show without doubt, or None."""
    if any(re.match(r"##\w", token) for token in tokens[1:]):  # no word starts in its middle
        return "wordpiece"
    if any(token.startswith("▁") or _BYTE_TOKEN.fullmatch(token) for token in tokens):
        return "sentencepiece"
    # Ġ is also a letter (Maltese): believe it only where all of it is UTF-8 without controls.
    text = "".join(tokens)
    if any(token[:1] in ("Ġ", "Ċ") for token in tokens) and all(c in _BYTES for c in text):
        data = bytes(_BYTES[c] for c in text).lstrip(bytes(range(0x80, 0xC0)))
        try:  # an incremental decoder, because the last character may be cut off
            decoded = codecs.getincrementaldecoder("utf-8")().decode(data)
        except UnicodeDecodeError:
            return None
        return None if "\x7f" in decoded else "byte"
    return None


def content(token: str, scheme: str | None) -> str | bytes:
    """Return the token's text, or its bytes where they are not whole characters."""
    if scheme == "wordpiece":
        return token[2:] if token.startswith("##") and len(token) > len("##") else token
    if scheme == "sentencepiece":
        match = _BYTE_TOKEN.fullmatch(token)
        if match is None:
            return token.replace("▁", " ")
        data = bytes.fromhex(match[1])
    elif scheme == "byte" and all(c in _BYTES for c in token):
        data = bytes(_BYTES[c] for c in token)
    else:  # plain, or text added to a byte vocabulary as it is
        return token
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def decode(contents: list[str | bytes]) -> list[Piece]:
    """Join neighbouring bytes to characters. UTF-8 lets no whole text be part of one."""
    pieces: list[Piece] = []
    for is_bytes, run in groupby(contents, key=lambda content: isinstance(content, bytes)):
        if is_bytes:
            pieces += _join_bytes([content for content in run if isinstance(content, bytes)])
        else:
            pieces += [Piece(text, visible(text)) for text in run if isinstance(text, str)]
    return pieces


def _join_bytes(run: list[bytes]) -> list[Piece]:
    pieces = [Piece("", "") for _ in run]
    owner = [i for i, data in enumerate(run) for _ in data]
    at = 0
    for char, data in _characters(b"".join(run)):
        first, last = owner[at], owner[at + len(data) - 1]
        at += len(data)
        for i in range(first, last + 1):
            pieces[i].source += char
            pieces[i].shared |= i > first
            if first < last:
                pieces[i].label += f" {visible(char)} {i - first + 1}/{last - first + 1} "
            else:
                pieces[i].label += char if data.isascii() or len(data) > 1 else rf"\x{data[0]:02x}"
    for piece in pieces:
        piece.label = visible(piece.label.strip(" "))
    return pieces


def _characters(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each character with its bytes, and each byte that belongs to none by itself."""
    at = 0
    while at < len(data):
        size = 1 + sum(data[at] >= lead for lead in (0xC0, 0xE0, 0xF0))
        try:
            char = data[at : at + size].decode()
        except UnicodeDecodeError:
            char, size = "\N{REPLACEMENT CHARACTER}", 1
        yield char, data[at : at + size]
        at += size
