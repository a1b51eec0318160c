"""A picture in cells: of each square of pairs the largest number and the mass, from bands seen once and dropped.

The mass of a cell is its sum over the keys and its mean over the queries, so that rows of weights still add up to 1.
Scores have no sum that means anything: there it is the mean over the pairs that may attend. Of numbers with a sign the
largest is the one farthest from 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from attnwidget.maths.pool import farthest
from attnwidget.maths.softmax import product, upcast

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.maths.layers import QKVLayer

BAND = 1 << 18  # numbers that exist at once: 1 MB, which stay in a processor's cache
_ROWS = 256  # at most, of a band


class Columns(NamedTuple):
    """Rows of pairs in cells of keys, each (rows, cells): stage one of two."""

    largest: Tensor
    """−∞ where the mask forbids all; NaN wins."""
    total: Tensor
    """Sum over the keys."""
    allowed: Tensor | None = None
    """How many pairs may attend; only of numbers that do not add up."""
    has_signs: bool = False
    """Whether the largest is the one farthest from 0."""


def rows_of(start: int, stop: int, cell: int, step: int = 1) -> Tensor:
    """Choose rows of each cell: all, or of every `step` the last.

    The last sees most where attention is causal, so that what such a mask forbids altogether is known from it alone.

    Returns
    -------
    Tensor
        int64 (cells, rows of a cell); −1 where a cell that is cut short has no such row.
    """
    cells = -(-(stop - start) // cell)
    rows = torch.arange(cells * cell).view(cells, cell // step, step)[..., -1]  # (cells, rows)
    short = rows >= stop - start
    rows = rows.masked_fill(short, -start - 1)
    if cells and bool((rows[-1] < 0).all()):
        rows[-1, 0] = stop - start - 1
    return rows + start


def pool_cells(band: Callable[[Tensor], Columns], rows: Tensor, *, attending: Tensor | None = None) -> Tensor:
    """Pool a picture that is never whole: bands of rows, already in cells of keys, become cells.

    Parameters
    ----------
    band : function
        From rows, int64 (rows,) and never more than a few hundred, to their cells of keys.
    rows : Tensor
        (cells, rows of a cell), −1 for none: see `rows_of`.
    attending : Tensor, optional
        bool (all rows,): which may attend to anything at all; the others do not enter a mean.

    Returns
    -------
    Tensor
        (2, cells of queries, cells of keys): the largest number and the mass. Both are −∞ where all pairs of a cell are
        forbidden, and NaN with NaN among them.
    """
    cells, size = rows.shape
    together = max(1, _ROWS // size)  # cells of a band
    slices = [rows[at : at + together] for at in range(0, cells, together)]
    return torch.cat([_pool(band, some, attending) for some in slices], 1)


def _pool(band: Callable[[Tensor], Columns], rows: Tensor, attending: Tensor | None) -> Tensor:
    """Pool some cells of queries, in bands of at most `_ROWS` rows: (2, cells, cells of keys)."""
    cells = len(rows)
    largest = total = count = None
    for part in torch.split(rows, _ROWS, 1):
        some = part[part >= 0]  # (rows,)
        if not len(some):
            continue
        found = band(some)
        slots = (part >= 0).flatten().nonzero()[:, 0]

        def laid(tensor: Tensor, empty: float, part: Tensor = part, slots: Tensor = slots) -> Tensor:
            whole = tensor.new_full((part.numel(), tensor.shape[1]), empty)
            return whole.index_copy_(0, slots.to(tensor.device), tensor).view(cells, part.shape[1], -1)

        lying = laid(found.largest, -torch.inf)  # (cells, rows, cells of keys)
        here = farthest(lying, 1) if found.has_signs else lying.amax(1)  # (cells, cells of keys)
        largest = here if largest is None else _of_two(largest, here, has_signs=found.has_signs)
        summed = laid(found.total, 0).sum(1)  # (cells, cells of keys)
        total = summed if total is None else total + summed
        if found.allowed is not None:
            counted = laid(found.allowed, 0).sum(1)
            count = counted if count is None else count + counted
    assert largest is not None  # noqa: S101 - a cell has rows
    assert total is not None  # noqa: S101 - the same
    if count is None:
        enters = rows >= 0 if attending is None else (rows >= 0) & attending[rows.clamp(min=0)]
        count = enters.sum(1, keepdim=True).to(total)  # (cells, 1)
    mass = (total / count.clamp(min=1)).masked_fill(largest == -torch.inf, -torch.inf)
    return torch.stack([largest, mass])


def columns_of(numbers: Tensor, cell: int, *, has_signs: bool, adds_up: bool) -> Columns:
    """Take keys together, cell by cell.

    Parameters
    ----------
    numbers : Tensor
        (rows, keys), −∞ where the mask forbids the pair. The last cell may be cut short.
    cell : int
        Keys of a cell.
    has_signs : bool
        Whether numbers may be below 0.
    adds_up : bool
        Whether sums of them mean something.
    """
    rows, keys = numbers.shape
    short = -keys % cell
    padded = torch.nn.functional.pad(numbers, (0, short), value=-torch.inf) if short else numbers
    lying = padded.view(rows, -1, cell)  # (rows, cells, keys)
    allowed = lying != -torch.inf
    total = lying.masked_fill(~allowed, 0).sum(-1)  # (rows, cells)
    largest = farthest(lying, -1) if has_signs else lying.amax(-1)  # (rows, cells)
    return Columns(largest, total, None if adds_up else allowed.sum(-1).to(total), has_signs)


def _of_two(one: Tensor, other: Tensor, *, has_signs: bool) -> Tensor:
    return farthest(torch.stack([one, other]), 0) if has_signs else torch.maximum(one, other)


def weight_columns(
    layer: QKVLayer,
    head: int,
    rows: Tensor,
    keys: tuple[int, int],
    cell: int,
    *,
    alive: Callable[[], None] = lambda: None,
) -> Columns:
    """Take the weights of some rows together, cell by cell of keys, from one product and one exponential of each score.

    The largest score of each row in each cell, and the sum of the exponentials beside it, give the row's log-sum-exp
    and with it the weights (Dao et al. 2022, "FlashAttention", section 3.1); blocks that the mask forbids altogether
    are skipped. Where the cells do not cover all keys, the rest is gone through for rows whose sum is not known.

    Parameters
    ----------
    layer : QKVLayer
        Without a bias and a soft cap.
    head : int
        Which.
    rows : Tensor
        int64 (rows,), ascending.
    keys : tuple of int
        First key of the cells, and one after the last.
    cell : int
        Keys of a cell.
    alive : function
        Called before each block; may raise.
    """
    q = upcast(layer.q[head].index_select(0, rows.to(layer.device))) * layer.scale  # (rows, d_k)
    turned = q.T.contiguous()  # (d_k, rows)
    k = layer.k[layer.group(head)]  # (keys, d_k)
    known = layer.known_sums(head, rows)  # (rows,), NaN where not known
    start, stop = keys
    reach = int(rows[0]), int(rows[-1]) + 1
    cells = -(-(stop - start) // cell)
    largest = q.new_full((cells, len(rows)), -torch.inf)  # (cells, rows): rows side by side, which is quicker
    total = q.new_zeros(cells, len(rows))

    def block(first: int, last: int, size: int) -> tuple[Tensor, Tensor] | None:
        """Largest score and the sum of exponentials beside it, (cells of the block, rows)."""
        alive()
        allowed = layer.mask.over(reach, (first, last))
        if allowed is False:
            return None
        scores = product(upcast(k[first:last]), turned)  # (keys, rows)
        if allowed is None:
            some = slice(head, head + 1)
            seen = layer.mask.allowed(rows.to(k.device), torch.arange(first, last, device=k.device), some)[0]
            scores.masked_fill_(~seen.T, -torch.inf)
        short = -(last - first) % size
        scores = torch.nn.functional.pad(scores, (0, 0, 0, short), value=-torch.inf) if short else scores
        lying = scores.view(-1, size, len(rows))  # (cells, keys, rows)
        most = lying.amax(1)  # (cells, rows)
        return most, lying.sub_(_finite(most)[:, None]).exp_().sum(1)

    width = max(cell, BAND // len(rows) // cell * cell)
    for first in range(start, stop, width):
        found = block(first, min(first + width, stop), cell)
        if found is not None:
            at = slice((first - start) // cell, (first - start) // cell + len(found[0]))
            largest[at], total[at] = found
    if known.isnan().any():
        outside = [
            block(first, min(first + width, end), min(width, end - first))
            for begin, end in ((0, start), (stop, len(k)))
            for first in range(begin, end, width)
        ]
        sums = _lse(largest, total)  # (rows,)
        for found in outside:
            sums = sums if found is None else torch.logaddexp(sums, _lse(*found))
        known = sums if layer.sinks is None else torch.logaddexp(sums, layer.sinks[head].to(sums))
        layer.remember(head, rows, known)
    scaled = (largest - _finite(known)).exp()  # (cells, rows): the largest weights
    nothing = largest == -torch.inf
    return Columns(scaled.masked_fill(nothing, -torch.inf).T, (scaled * total).masked_fill(nothing, 0).T)


def _finite(tensor: Tensor) -> Tensor:
    """Return it with 0 for −∞, where −∞ − (−∞) would be NaN."""
    return tensor.masked_fill(tensor == -torch.inf, 0)


def _lse(largest: Tensor, total: Tensor) -> Tensor:
    """Log-sum-exp of every row, (rows,), from its cells (cells, rows)."""
    return torch.logsumexp(largest + total.log().masked_fill(largest == -torch.inf, 0), 0)
