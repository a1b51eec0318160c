"""What the measure "norms" needs of a layer, for a page: the length of what each head would write for each key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

_CODES = 65534  # of 16 bits; 0 stands for no length at all


def write_norms(norms: Tensor) -> bytes:
    """Write lengths, (heads, keys), in 16 bits each: to one part in ten thousand, as their logarithms are spaced evenly.

    First each head's smallest and largest logarithm, float32 (heads, 2); then the codes' low bytes, and their high ones.
    """
    with np.errstate(divide="ignore"):
        logs = np.log(norms.numpy().astype(np.float64))  # (heads, keys)
    some = np.isfinite(logs)
    low = np.where(some, logs, np.inf).min(1, initial=np.inf)
    high = np.where(some, logs, -np.inf).max(1, initial=-np.inf)
    ends = np.stack([low, high], 1).astype("<f4")  # (heads, 2)
    ends[~np.isfinite(ends)] = 0
    wide = np.maximum(ends[:, 1:] - ends[:, :1], 1e-6)
    codes = np.where(some, 1 + np.round((np.where(some, logs, 0) - ends[:, :1]) / wide * _CODES), 0).clip(0, 65535)
    both = codes.astype("<u2")
    return ends.tobytes() + (both & 255).astype(np.uint8).tobytes() + (both >> 8).astype(np.uint8).tobytes()
