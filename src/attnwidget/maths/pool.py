"""Smaller pictures: sub-words merged into words, blocks reduced to their maximum."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

_TILE = 1 << 20  # weights of a tile that is pooled and dropped: 4 MB, of its scores as much again


def merge_words(
    tile: Tensor,
    allowed: Tensor,
    query_words: Sequence[int] | Tensor,
    key_words: Sequence[int] | Tensor,
    *,
    over_keys: Literal["sum", "logsumexp"] = "sum",
    attending: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Merge the pieces of a word, of weights or of any other measure.

    Weights: the sum over the pieces attended to, the mean over the pieces attending (Clark et al. 2019, "What does
    BERT look at?", section 4.1); rows keep their sum. A piece that may attend to nothing (padding) is not attending
    and does not enter the mean. Numbers whose exponentials add up, as scores, are taken together by their
    log-sum-exp; a piece that does not see the word at all has no number for it, and does not enter the mean either.

    Parameters
    ----------
    tile : Tensor
        (heads, queries, keys). What stands at forbidden pairs does not count.
    allowed : Tensor
        bool, broadcast to the shape of `tile`.
    query_words, key_words : sequence of int
        Word number of each query and key, from 0 without gaps.
    over_keys : "sum" or "logsumexp"
        How the pieces attended to are taken together.
    attending : Tensor, optional
        bool (queries, 1): which pieces may attend to anything at all. By default to anything in the tile: enough
        where it holds whole rows.

    Returns
    -------
    tile : Tensor
        (heads, query words, key words). Forbidden pairs are −∞ if they were so before, otherwise 0; NaN stays NaN.
    allowed : Tensor
        bool, same shape: True if any pair of pieces may attend.

    Raises
    ------
    ValueError
        If there is not one word number per query and key, or `over_keys` is another word.
    """
    if over_keys not in {"sum", "logsumexp"}:
        raise ValueError(f'over_keys must be "sum" or "logsumexp", got {over_keys!r}')
    rows = torch.as_tensor(query_words, device=tile.device)  # (queries,)
    columns = torch.as_tensor(key_words, device=tile.device)  # (keys,)
    if (len(rows), len(columns)) != tuple(tile.shape[1:]):
        raise ValueError(
            f"expected a word number for each of {tile.shape[1]} queries and "
            f"{tile.shape[2]} keys, got {len(rows)} and {len(columns)}"
        )
    allowed = allowed.to(tile.device).expand_as(tile)  # (heads, queries, keys)
    sees = _sum_by(allowed.to(tile), 2, columns) > 0  # (heads, queries, key words)
    pairs = _sum_by(sees.to(tile), 1, rows) > 0  # (heads, query words, key words)
    if over_keys == "sum":
        by_piece = _sum_by(tile.masked_fill(~allowed, 0), 2, columns)  # (heads, queries, key words)
        sees_any = allowed.any(-1, keepdim=True) if attending is None else attending.expand(len(tile), -1, 1)
        counted = sees_any.to(tile)  # (heads, queries, 1)
    else:
        by_piece = _log_sum_exp_by(tile.masked_fill(~allowed, -torch.inf), columns).masked_fill(~sees, 0)
        counted = sees.to(tile)  # (heads, queries, key words)
    merged = _sum_by(by_piece, 1, rows) / _sum_by(counted, 1, rows).clamp(min=1)  # (heads, query words, key words)
    is_marked = bool((tile.isneginf() & ~allowed).any())
    return merged.masked_fill(~pairs, -torch.inf if is_marked else 0), pairs


def _sum_by(tensor: Tensor, dim: int, group: Tensor) -> Tensor:
    shape = list(tensor.shape)
    shape[dim] = _count(group)
    return tensor.new_zeros(shape).index_add_(dim, group, tensor)


def _log_sum_exp_by(tensor: Tensor, group: Tensor) -> Tensor:
    """As `logsumexp` over the last dimension, each group by itself and from its own maximum."""
    largest = tensor.new_full((*tensor.shape[:-1], _count(group)), -torch.inf)  # (heads, queries, groups)
    largest.scatter_reduce_(-1, group.expand(tensor.shape), tensor, "amax")
    largest.masked_fill_(largest.isinf(), 0)  # ∞ − ∞ would be NaN
    return largest + _sum_by((tensor - largest[..., group]).exp(), -1, group).log()


def _count(group: Tensor) -> int:
    return int(group.max()) + 1 if len(group) else 0


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
