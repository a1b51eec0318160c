"""Smaller pictures: sub-words merged into words, blocks reduced to their largest number."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

_TILE = 1 << 20  # weights of a tile that is pooled and dropped: 4 MB, of its scores as much again
_STRETCHES = 16  # rows are taken in as many, at least: under a causal mask each leaves out the keys after its last row


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


def farthest(numbers: Tensor, dim: int) -> Tensor:
    """Of each group the number farthest from 0, −∞ where there is none; NaN wins."""
    high = numbers.amax(dim)
    low = -(-numbers).masked_fill(numbers == -torch.inf, -torch.inf).amax(dim)
    return torch.where((-low > high) | low.isnan(), low, high).masked_fill(high == -torch.inf, -torch.inf)


def max_pool(numbers: Tensor, size: int) -> Tensor:
    """Reduce a picture to at most `size` cells a side, keeping the maximum of every block.

    Position *p* of *n* falls into cell ``p * size // n``, so blocks do not overlap and differ by
    at most one position. A mean would hide single peaks.

    Parameters
    ----------
    numbers : Tensor
        (heads, queries, keys), −∞ where a pair is forbidden.
    size : int
        Cells a side; a side that is not longer stays as it is.

    Returns
    -------
    Tensor
        (heads, min(queries, size), min(keys, size)): −∞ where every pair of the block is. NaN wins, so that it is not
        hidden.

    Raises
    ------
    ValueError
        If `size` is not positive.
    """
    for dim in (2, 1):
        n = numbers.shape[dim]
        numbers = _max_by(numbers, dim, torch.arange(n), size, n)
    return numbers


def max_pool_tiles(
    tile: Callable[[slice, slice], tuple[Tensor, slice]],
    shape: tuple[int, int, int],
    size: int,
    rows: Tensor | None = None,
    *,
    by_size: bool = False,
) -> Tensor:
    """Reduce a picture that is never whole, as `max_pool` would: a tile at a time, each seen once and dropped.

    Parameters
    ----------
    tile : function
        From heads and rows, each a slice, to their numbers, −∞ where a pair is forbidden, (heads, rows, some keys), and
        which keys these are: all others are forbidden to these rows.
    shape : tuple of int
        (heads, queries, keys) of the whole.
    size : int
        Cells a side.
    rows : Tensor, optional
        int64 (rows,), rising: the queries to look at; all by default.
    by_size : bool
        Whether a block keeps its number farthest from 0.

    Returns
    -------
    Tensor
        As of `max_pool`. What exists at once beside it is a few times `_TILE` numbers, whatever the shape: a tile is
        never less than one row of one head.
    """
    heads, n, m = shape
    at = torch.arange(n) if rows is None else rows  # (rows,)
    count = len(at)
    step = max(1, min(count, _TILE // max(1, m * heads), -(-count // _STRETCHES)))
    together = max(1, min(heads, _TILE // max(1, step * m)))
    blocks = []  # of heads
    for head in range(0, heads, together):
        parts = []  # of rows: their keys are pooled at once, the rows at the end
        for row in range(0, count, step):
            numbers, keys = tile(slice(head, min(head + together, heads)), slice(row, min(row + step, count)))
            at_keys = torch.arange(keys.start, keys.stop)
            parts.append(_max_by(numbers, 2, at_keys, size, m, by_size=by_size))  # (together, step, cells)
        blocks.append(_max_by(torch.cat(parts, 1), 1, at, size, n, by_size=by_size))  # (together, cells, cells)
    return torch.cat(blocks)


def spread(n: int, count: int, last: int = 1) -> Tensor:
    """Choose `count` of n positions, if there are more: evenly spread up to the `last` ones; int64, rising."""
    if n <= count:
        return torch.arange(n)
    even = torch.linspace(0, n - last, count - last + 1, dtype=torch.float64).round().long()  # (count - last + 1,)
    return torch.cat([even, torch.arange(n - last + 1, n)])


def _max_by(numbers: Tensor, dim: int, at: Tensor, size: int, n: int, *, by_size: bool = False) -> Tensor:
    """Pool one side, whose entries stand at rising positions of n; −∞ where there is none in a cell."""
    if size < 1:
        raise ValueError(f"expected a size of at least 1, got {size}")
    cells = min(n, size)
    bounds = torch.searchsorted(at * cells // n, torch.arange(cells + 1)).tolist()
    if bounds == list(range(n + 1)):
        return numbers
    blocks = (numbers.narrow(dim, a, b - a) for a, b in pairwise(bounds))
    shape = [length for axis, length in enumerate(numbers.shape) if axis != dim]
    none = numbers.new_full(shape, -torch.inf)
    largest = farthest if by_size else torch.amax
    return torch.stack([largest(block, dim) if block.shape[dim] else none for block in blocks], dim)
