"""Flash attention as it runs: tile by tile, with a running maximum and sum, and the bytes of each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attnwidget.maths.softmax import scores, weighted_sum
from attnwidget.variants.attend import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from attnwidget.variants.attend import MaskLike


@dataclass(frozen=True, eq=False)
class Step:
    """One tile, and what is known after it; the same tile of every head at once.

    Attributes
    ----------
    number : int
        Which step this is, from 0.
    queries, keys : range
        Which rows and columns the tile has.
    skipped : bool
        Whether the mask forbids the whole tile, so that nothing is read or computed.
    scores : Tensor or None
        (heads, rows, columns), the tile's scores; None if skipped.
    maximum : Tensor
        (heads, rows), the largest score so far; −∞ before there is one.
    total : Tensor
        (heads, rows), Σ exp(score − maximum) so far.
    rescaled : Tensor
        (heads, rows), what sum and output so far were multiplied with, because the maximum grew; 1 where it did not.
    output : Tensor
        (heads, rows, d_v), attention over the keys so far: exact if there were no others.
    read, written : int
        Bytes moved in this step, all heads together.
    last : bool
        Whether these rows are done, and written.
    """

    number: int
    queries: range
    keys: range
    skipped: bool
    scores: Tensor | None
    maximum: Tensor
    total: Tensor
    rescaled: Tensor
    output: Tensor
    read: int
    written: int
    last: bool


def flash_steps(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    block_q: int = 64,
    block_k: int = 64,
    mask: MaskLike = None,
    scale: float | None = None,
) -> Iterator[Step]:
    """Run flash attention tile by tile: for each block of queries, all blocks of keys from left to right.

    Parameters
    ----------
    q, k, v, mask, scale
        As of `scaled_dot_product`.
    block_q, block_k : int
        Queries and keys in a tile, 1 or more.

    Yields
    ------
    Step
        After each tile. Bytes are counted in the operands' own dtype: a block of queries is read once, keys and values
        are read for each tile and each query head, outputs and log-sum-exps are written when a block of rows is done.

    Raises
    ------
    ValueError
        If a block is under 1.
    """
    if block_q < 1 or block_k < 1:
        raise ValueError(f"block_q and block_k must be 1 or more, got {block_q} and {block_k}")
    itemsize = q.element_size()
    q, k, v, allowed = prepare(q, k, v, mask)
    return _steps(q, k, v, allowed, (block_q, block_k), q.shape[2] ** -0.5 if scale is None else scale, itemsize)


def _steps(  # noqa: PLR0917 - checked operands
    q: Tensor, k: Tensor, v: Tensor, allowed: Tensor, blocks: tuple[int, int], scale: float, itemsize: int
) -> Iterator[Step]:
    (heads, n, d_k), m, d_v = q.shape, k.shape[1], v.shape[2]
    number = 0
    for start in range(0, n, blocks[0]):
        rows = range(start, min(start + blocks[0], n))
        some = q[:, rows.start : rows.stop]  # (heads, rows, d_k)
        maximum = some.new_full(some.shape[:2], -torch.inf)  # (heads, rows)
        total = torch.zeros_like(maximum)  # (heads, rows)
        summed = some.new_zeros(heads, len(rows), d_v)  # (heads, rows, d_v), not divided yet
        for at in range(0, m, blocks[1]):
            columns = range(at, min(at + blocks[1], m))
            open_pairs = allowed[:, rows.start : rows.stop, columns.start : columns.stop]  # (1 or heads, rows, columns)
            skipped, tile = not bool(open_pairs.any()), None
            factor = torch.ones_like(maximum)  # (heads, rows)
            read = heads * len(rows) * d_k * itemsize if not at else 0
            if not skipped:
                tile = scores(some, k[:, at : columns.stop], scale=scale, allowed=open_pairs)  # (heads, rows, columns)
                largest = torch.maximum(maximum, tile.amax(-1))  # (heads, rows)
                base = largest.masked_fill(largest == -torch.inf, 0)  # −∞ − (−∞) would be NaN
                factor = torch.where(maximum == largest, 1, (maximum - base).exp())  # (heads, rows)
                exponentials = (tile - base[..., None]).exp()  # (heads, rows, columns)
                total = total * factor + exponentials.sum(-1)  # (heads, rows)
                summed = summed * factor[..., None] + weighted_sum(exponentials, v[:, at : columns.stop])
                maximum = largest
                read += heads * len(columns) * (d_k + d_v) * itemsize
            last = columns.stop == m
            yield Step(
                number,
                rows,
                columns,
                skipped,
                tile,
                maximum,
                total,
                factor,
                summed / total.masked_fill(total == 0, 1)[..., None],  # (heads, rows, d_v)
                read,
                heads * len(rows) * (d_v + 1) * itemsize if last else 0,
                last,
            )
            number += 1
