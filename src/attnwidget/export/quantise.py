"""Tensors in few bits, as a page carries them: each dimension in steps of its own, written close to its entropy.

A number is a whole count of steps, beside its dimension's offset. Its low bits, which look like noise to every
compressor, are packed as they are; what is above them is of the same size in all dimensions, and left to gzip.
`page/numbers.ts` reads this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

OCTAVE = 8  # steps are powers of 2^(1/8)
_FINEST, _COARSEST = -127, 127  # exponents, so many eighths of an octave
_SPREAD = 16  # what is left above the low bits has a standard deviation of this to twice this
_WORTH = 24  # bits that an offset costs
_LARGEST = 1 << 22  # counts of steps that are written
GAUSS = 0.5 * np.log2(2 * np.pi * np.e)  # entropy of a normal distribution, beside log2 of its deviation in steps


class Quantised(NamedTuple):
    """A tensor of (blocks, dimensions, entries) in whole steps."""

    exponents: Tensor
    """int64 (blocks, dimensions): the step is 2^(exponent / OCTAVE)."""
    counts: Tensor
    """int64 (blocks, dimensions, entries)."""

    def numbers(self) -> Tensor:
        """Return what a reader will compute with, float32 (blocks, dimensions, entries)."""
        return (self.counts * steps(self.exponents)[..., None]).float()


def steps(exponents: Tensor) -> Tensor:
    """Return the steps, float64, of their exponents."""
    return torch.exp2(exponents.double() / OCTAVE)


def exponents_of(step: Tensor) -> Tensor:
    """Choose exponents whose steps are as large as wanted, or a little smaller."""
    wanted = (step.double().clamp(min=1e-30).log2() * OCTAVE).floor()
    return wanted.clamp(_FINEST, _COARSEST).long()


def quantise(numbers: Tensor, exponents: Tensor) -> Quantised | None:
    """Count steps.

    Parameters
    ----------
    numbers : Tensor
        (blocks, dimensions, entries).
    exponents : Tensor
        int64 (blocks, dimensions).

    Returns
    -------
    Quantised or None
        None where a number is not finite, or takes too many steps.
    """
    if not numbers.isfinite().all():
        return None
    counts = (numbers.double() / steps(exponents)[..., None]).round()  # (blocks, dimensions, entries)
    if counts.numel() and counts.abs().max() > _LARGEST:
        return None
    return Quantised(exponents, counts.long())


def write(quantised: Quantised) -> bytes:
    """Write a tensor, to be packed by gzip with others: see `page/numbers.ts` for the order."""
    counts = quantised.counts.numpy()  # (blocks, dimensions, entries)
    blocks, _, entries = counts.shape
    size = np.sqrt((counts.astype(np.float64) ** 2).mean(-1))  # (blocks, dimensions)
    spread = counts.std(-1)  # (blocks, dimensions)
    saved = entries * np.log2(np.maximum(size, 0.5) / np.maximum(spread, 0.5))
    offsets = np.where(saved > _WORTH, counts.mean(-1).round(), 0).astype("<i4")  # (blocks, dimensions)
    left = counts - offsets[..., None]
    kept = np.sqrt((left.astype(np.float64) ** 2).mean(-1))  # (blocks, dimensions)
    low = np.floor(np.log2(np.maximum(kept, 1) / _SPREAD)).clip(0, 16).astype(np.uint8)  # (blocks, dimensions)
    high = (left >> low[..., None]) + 128  # (blocks, dimensions, entries)
    parts = [quantised.exponents.numpy().astype(np.int8), _planes(offsets), low]
    parts += [(high & 255).astype(np.uint8), _planes((high >> 8).astype("<i2"))]
    for block in range(blocks):
        for bit in range(int(low[block].max(initial=0))):
            some = left[block][low[block] > bit]  # (dimensions with that bit, entries)
            parts.append(np.packbits((some >> bit & 1).astype(np.uint8).ravel(), bitorder="little"))
    return b"".join(part.tobytes() for part in parts)


def _planes(numbers: np.ndarray) -> np.ndarray:
    """Put first all lowest bytes, then all next ones …: bytes of one kind pack better."""
    return np.ascontiguousarray(np.moveaxis(numbers[..., None].view(np.uint8), -1, 0))


def bits(numbers: Tensor, step: Tensor) -> float:
    """Estimate how many bits a tensor takes in steps (blocks, dimensions)."""
    deviation = numbers.double().std(-1, correction=0)  # (blocks, dimensions)
    return float(((deviation / step).log2() + GAUSS).clamp(min=0).sum() * numbers.shape[-1])
