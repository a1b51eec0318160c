"""Smaller pictures of weights: sub-words merged into words, blocks reduced to their maximum."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

_TILE = 1 << 20  # weights of a tile that is pooled and dropped: 4 MB, of its scores as much again


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
    for dim in (2, 1):
        weights, allowed = _pool(weights, allowed, dim, size)
    return weights, allowed


def max_pool_tiles(
    tile: Callable[[slice, slice], tuple[Tensor, Tensor]], shape: tuple[int, int, int], size: int
) -> tuple[Tensor, Tensor]:
    """Reduce a picture that is never whole, as `max_pool` would: a tile at a time, each seen once and dropped.

    Parameters
    ----------
    tile : function
        From heads and queries, each a slice, to their weights and which pairs may attend, (heads, queries, keys).
    shape : tuple of int
        (heads, queries, keys) of the whole.
    size : int
        Cells a side.

    Returns
    -------
    tuple of Tensor
        As of `max_pool`. What exists at once beside it is a few times `_TILE` numbers, whatever the shape: a tile is
        never less than one row of one head.
    """
    heads, n, m = shape
    rows = max(1, min(n, _TILE // max(1, m)))
    together = max(1, min(heads, _TILE // max(1, rows * m)))
    blocks = []  # of heads
    for head in range(0, heads, together):
        parts = []  # of rows: their keys are pooled at once, the rows at the end
        for row in range(0, n, rows):
            weights, allowed = tile(slice(head, min(head + together, heads)), slice(row, min(row + rows, n)))
            parts.append(_pool(weights, allowed, 2, size))  # (together, rows, cells)
        weights, allowed = (torch.cat(part, 1) for part in zip(*parts, strict=True))  # (together, queries, cells)
        blocks.append(max_pool(weights, allowed, size))  # (together, cells, cells)
    whole, pairs = (torch.cat(block) for block in zip(*blocks, strict=True))
    return whole, pairs


def _pool(weights: Tensor, allowed: Tensor, dim: int, size: int) -> tuple[Tensor, Tensor]:
    """Pool one side, if it is longer than `size`."""
    allowed = allowed.to(weights.device)
    if weights.shape[dim] > size:
        weights = _max_by(weights, dim, size)
        allowed = _max_by(allowed.to(torch.uint8), dim, size) > 0 if allowed.shape[dim] > 1 else allowed
    return weights, allowed.expand_as(weights)


def _max_by(tensor: Tensor, dim: int, size: int) -> Tensor:
    n = tensor.shape[dim]
    starts = [-(-cell * n // size) for cell in range(size + 1)]  # first p with p * size // n = cell
    blocks = (tensor.narrow(dim, a, b - a) for a, b in pairwise(starts))
    return torch.stack([block.amax(dim) for block in blocks], dim)
