"""Bytes as text, for a page: 15 bits a character, in an encoding of two bytes a character."""

from __future__ import annotations

import numpy as np

FIRST = 0x3400  # from here on 2¹⁵ characters in a row, none of which means anything to HTML, and no halves of others
_BYTES, _UNITS = 15, 8  # so many bytes are so many characters


def dense(data: bytes) -> str:
    """Write bytes as text of 16-bit characters; `page/dense.ts` reads it.

    Base64 in UTF-8 takes 4 bytes for 3; this, in UTF-16, 16 for 15. The bits go into the characters lowest first; at
    the end stand zeros, and as the first character how many bytes they are (0 … 14).
    """
    short = -len(data) % _BYTES
    rows = np.frombuffer(data + bytes(short), np.uint8).reshape(-1, _BYTES).astype(np.uint32)  # (blocks, 15)
    rows = np.pad(rows, ((0, 0), (0, 2)))  # room to look beyond the last
    units = np.empty((len(rows), _UNITS), "<u2")  # (blocks, 8)
    for at in range(_UNITS):
        first, shift = divmod(15 * at, 8)
        three = rows[:, first] | rows[:, first + 1] << 8 | rows[:, first + 2] << 16  # (blocks,)
        units[:, at] = (three >> shift & 0x7FFF) + FIRST
    return chr(FIRST + short) + units.tobytes().decode("utf-16-le")
