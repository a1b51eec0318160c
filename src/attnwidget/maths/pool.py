"""Smaller pictures of weights: sub-words merged into words, blocks reduced to their maximum."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def merge_words(
    weights: Tensor,
    allowed: Tensor,
    query_words: Sequence[int] | Tensor,
    key_words: Sequence[int] | Tensor,
) -> tuple[Tensor, Tensor]:
    """Merge the pieces of a word: sum over pieces attended to, mean over pieces attending.

    The rule of Clark et al. 2019, "What does BERT look at?", section 4.1; rows keep their sum.
    A piece that may attend to nothing (padding) is not attending and does not enter the mean.

    Parameters
    ----------
    weights : Tensor
        (heads, queries, keys).
    allowed : Tensor
        bool, broadcast to the shape of `weights`.
    query_words, key_words : sequence of int
        Word number of each query and key, from 0 without gaps.

    Returns
    -------
    weights : Tensor
        (heads, query words, key words).
    allowed : Tensor
        bool, same shape: True if any pair of pieces may attend.

    Raises
    ------
    ValueError
        If there is not one word number per query and key.
    """
    rows = torch.as_tensor(query_words, device=weights.device)  # (queries,)
    columns = torch.as_tensor(key_words, device=weights.device)  # (keys,)
    if (len(rows), len(columns)) != tuple(weights.shape[1:]):
        raise ValueError(
            f"expected a word number for each of {weights.shape[1]} queries and "
            f"{weights.shape[2]} keys, got {len(rows)} and {len(columns)}"
        )
    allowed = allowed.to(weights.device).expand_as(weights)  # (heads, queries, keys)
    pieces = allowed.any(-1, keepdim=True).to(weights)  # (heads, queries, 1)
    merged = _sum_by(_sum_by(weights, 2, columns), 1, rows)  # (heads, query words, key words)
    count = _sum_by(pieces, 1, rows).clamp(min=1)  # (heads, query words, 1)
    pairs = _sum_by(_sum_by(allowed.to(weights), 2, columns), 1, rows)  # (heads, words, words)
    return merged / count, pairs > 0


def _sum_by(tensor: Tensor, dim: int, group: Tensor) -> Tensor:
    shape = list(tensor.shape)
    shape[dim] = int(group.max()) + 1 if len(group) else 0
    return tensor.new_zeros(shape).index_add_(dim, group, tensor)


def max_pool(weights: Tensor, allowed: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Reduce a picture to at most `size` cells a side, keeping the maximum of every block.

    Position *p* of *n* falls into cell ``p * size // n``, so blocks do not overlap and differ by
    at most one position. A mean would hide single peaks.

    Parameters
    ----------
    weights : Tensor
        (heads, queries, keys).
    allowed : Tensor
        bool, broadcast to the shape of `weights`.
    size : int
        Cells a side; a side that is not longer stays as it is.

    Returns
    -------
    weights : Tensor
        (heads, min(queries, size), min(keys, size)). NaN wins, so that it is not hidden.
    allowed : Tensor
        bool, same shape: True if any pair of the block may attend.

    Raises
    ------
    ValueError
        If `size` is not positive.
    """
    if size < 1:
        raise ValueError(f"expected a size of at least 1, got {size}")
    allowed = allowed.to(weights.device).expand_as(weights)  # (heads, queries, keys)
    for dim in (2, 1):
        if weights.shape[dim] > size:
            weights = _max_by(weights, dim, size)
            allowed = _max_by(allowed.to(torch.uint8), dim, size) > 0
    return weights, allowed


def _max_by(tensor: Tensor, dim: int, size: int) -> Tensor:
    n = tensor.shape[dim]
    starts = [-(-cell * n // size) for cell in range(size + 1)]  # first p with p * size // n = cell
    blocks = (tensor.narrow(dim, a, b - a) for a, b in pairwise(starts))
    return torch.stack([block.amax(dim) for block in blocks], dim)
