"""A PNG with few colours: a third of the bytes, for a picture that travels in a notebook's output."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LEVELS = 12  # of each colour channel
_MOST = 256  # colours of a palette


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a part of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the parts of a PNG file: kind and data."""
    at = len(SIGNATURE)
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += 12 + size


def smaller(png: bytes) -> bytes:
    """Return an opaque picture of 8 bits a channel, red, green, blue and opacity, with a palette of similar colours."""
    parts = list(chunks(png))
    width, height = struct.unpack(">II", parts[0][1][:8])
    packed = b"".join(data for kind, data in parts if kind == b"IDAT")
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + 4 * width)
    pixels = _unfiltered(lines[:, 0], lines[:, 1:].reshape(height, width, 4)[:, :, :3])  # (height, width, 3)
    palette, indices = _few_colours(pixels)
    rows = np.zeros((height, 1 + width), np.uint8)  # each behind its filter: none
    rows[:, 1:] = indices
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    others = [chunk(kind, data) for kind, data in parts if kind not in {b"IHDR", b"IDAT", b"IEND"}]
    made = [chunk(b"PLTE", palette.tobytes()), chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)), chunk(b"IEND", b"")]
    return SIGNATURE + chunk(b"IHDR", head) + b"".join([*others, *made])


def _unfiltered(filters: NDArray[np.uint8], given: Pixels) -> Pixels:
    """Undo a PNG's filters, by which a pixel is told by those on its left and above: along diagonals, all rows at once.

    Parameters
    ----------
    filters : NDArray
        (height,), 0 to 4.
    given : NDArray
        (height, width, 3), as they are in the file.

    Returns
    -------
    NDArray
        (height, width, 3).
    """
    height, width, _ = given.shape
    count = width + height - 1
    # Skewed, so that a diagonal is a row; two more before the first, and a row of the picture above it.
    found = np.zeros((count + 2, height + 1, 3), np.int16)
    flat = np.zeros((count, height, 3), np.int16)
    at = np.arange(height)
    flat[at[:, None] + np.arange(width), at[:, None]] = given
    # Paeth's rule, which looks at the left, above and between, is the left alone where the others are 0, and so on.
    looks = np.array([[0, 1, 0, 0, 1], [0, 0, 1, 0, 1], [0, 0, 0, 0, 1]], np.int16)[:, filters]  # (3, height)
    left, above, between = (one[:, None] for one in looks)
    is_mean = (filters == 3)[:, None]
    means = bool(is_mean.any())
    for step in range(count):
        rows = slice(max(0, step - width + 1), min(height, step + 1))
        up = slice(rows.start, rows.stop)
        one = slice(rows.start + 1, rows.stop + 1)
        a, b, c = found[step + 1, one] * left[rows], found[step + 1, up] * above[rows], found[step, up] * between[rows]
        by_a, by_b = b - c, a - c
        by_c = np.abs(by_a + by_b)
        by_a, by_b = np.abs(by_a), np.abs(by_b)
        told = np.where((by_a <= by_b) & (by_a <= by_c), a, np.where(by_b <= by_c, b, c))
        if means:
            told = np.where(is_mean[rows], (found[step + 1, one] + found[step + 1, up]) >> 1, told)
        found[step + 2, one] = (flat[step, rows] + told) & 255
    pixels: Pixels = found[at[:, None] + np.arange(width) + 2, at[:, None] + 1].astype(np.uint8)
    return pixels


def _few_colours(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """Take similar colours together: the mean of each, (colours, 3), and each pixel's number, (height, width)."""
    levels = (pixels.astype(np.uint16) * (_LEVELS - 1) + 127) // 255  # (height, width, 3)
    bins = (levels[..., 0] * _LEVELS + levels[..., 1]) * _LEVELS + levels[..., 2]  # (height, width)
    counts = np.bincount(bins.ravel(), minlength=_LEVELS**3)  # (bins,)
    used = np.argsort(-counts, kind="stable")[: min(_MOST, int((counts > 0).sum()))]  # (colours,)
    flat = bins.ravel()
    sums = [np.bincount(flat, pixels[..., one].ravel(), minlength=_LEVELS**3) for one in range(3)]
    palette: Pixels = (np.stack(sums, 1)[used] / counts[used, None]).round().astype(np.uint8)  # (colours, 3)
    if bins[0, 0] == used[0]:
        palette[0] = pixels[0, 0]  # the ground
    where = np.zeros(_LEVELS**3, np.uint8)
    where[used] = np.arange(len(used))
    rare = np.flatnonzero(counts)
    rare = rare[~np.isin(rare, used)]
    if len(rare):  # the nearest of those that there are
        own = np.stack([rare // _LEVELS**2, rare // _LEVELS % _LEVELS, rare % _LEVELS], 1) * (255 / (_LEVELS - 1))
        where[rare] = np.abs(own[:, None] - palette[None]).sum(-1).argmin(1)
    indices: Pixels = where[bins]
    return palette, indices
