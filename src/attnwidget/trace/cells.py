"""A part of a picture too large to be made, in cells: of some heads, any measure, tokens or words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch

from attnwidget.maths import QKVLayer, as_one, columns_of, merge_words, pool_cells, rows_of, weight_columns
from attnwidget.maths.cells import BAND
from attnwidget.measures import get as get_measure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from attnwidget.maths import Layer
    from attnwidget.maths.cells import Columns
    from attnwidget.tokens import Tokens
    from attnwidget.trace.core import AttentionTrace

SAMPLE = 1 << 25  # pairs × heads that an overview may cost: a quarter of a second on two cores
_DEARER = 8  # how much more a pair costs where it is not a weight of one head
_AT_ONCE = 1 << 24  # numbers of all heads together: 64 MB


class About(NamedTuple):
    """What is pooled."""

    heads: Sequence[tuple[int, int]]
    attention: str
    measure: str = "weights"
    together: Literal["mean", "maximum"] = "mean"
    words: bool = False


class Square(NamedTuple):
    """Where: units (tokens, or words) of each side, first and one after the last; and how many units a cell has."""

    queries: tuple[int, int]
    keys: tuple[int, int]
    cell: int
    sampled: bool = False


class Pooled(NamedTuple):
    """Cells, and from how many queries."""

    cells: Tensor
    """float32 (2, cells of queries, cells of keys): the largest number and the mass; see `maths.pool_cells`."""
    step: int
    """One query of so many was looked at; 1 for all."""


def pool(
    trace: AttentionTrace, layers: Mapping[int, Layer], about: About, square: Square, alive: Callable[..., None]
) -> Pooled:
    """Pool a square.

    Parameters
    ----------
    trace : AttentionTrace
        Where the numbers come from.
    layers : mapping
        Its layers that the heads are of.
    about, square
        What, and where. Sampled, as few queries of each cell as it takes to stay below `SAMPLE`, evenly spread: a
        largest number is then one that was seen, and there may be a larger one.
    alive : function
        Called about every 30 ms of work, with how many rows are done of how many where that is known; may raise.
    """
    (query, last_query), (key, last_key), cell, sampled = square
    measure = get_measure(about.measure)
    fast = len(about.heads) == 1 and about.measure == "weights" and not about.words and _is_plain(layers)
    step = _step(trace, about, square, fast=fast) if sampled else 1
    rows = rows_of(query, last_query, cell, step)  # (cells, rows)
    attending, attended = trace.sides(about.attention)
    blind = trace.blind_rows(about.heads[0][0], attention=about.attention)
    sees = torch.ones(len(attending.text), dtype=torch.bool)  # (tokens,)
    sees[blind] = False
    if about.words:
        by_word = torch.tensor(attending.words)
        enters = torch.zeros(len(attending.word_texts)).index_add_(0, by_word, sees.float()) > 0  # (words,)
    else:
        enters = sees

    done, total = 0, int((rows >= 0).sum())

    def begin(some: Tensor) -> None:
        nonlocal done
        alive(done, total)
        done += len(some)

    def weights(some: Tensor) -> Columns:
        begin(some)
        ((number, head),) = about.heads
        layer = layers[number]
        head %= layer.shape[0]
        assert isinstance(layer, QKVLayer)  # noqa: S101 - plain
        found = weight_columns(layer, head, some, (key, last_key), cell, alive=alive)
        return type(found)(found.largest.cpu(), found.total.cpu())

    def numbers(some: Tensor) -> Columns:
        begin(some)
        width = max(1, min(BAND, _AT_ONCE // len(about.heads)) // (len(some) * cell)) * cell
        parts = []
        for first in range(key, last_key, width):
            alive()
            keys = first, min(first + width, last_key)
            one = _numbers(trace, layers, about, (some, keys), (attending, attended), sees, alive)  # (rows, keys)
            parts.append(columns_of(one, cell, has_signs=measure.has_signs, adds_up=measure.adds_up))
        largest, total, count, _ = zip(*parts, strict=True)
        counted = None if measure.adds_up else torch.cat(count, 1)
        return type(parts[0])(torch.cat(largest, 1), torch.cat(total, 1), counted, measure.has_signs)

    cells = pool_cells(weights if fast else numbers, rows, attending=enters)  # (2, rows, columns)
    return Pooled(cells.float(), step)


def _is_plain(layers: Mapping[int, Layer]) -> bool:
    """Whether scores are products and nothing else."""
    return all(isinstance(one, QKVLayer) and one.softcap is None and one.bias is None for one in layers.values())


def _step(trace: AttentionTrace, about: About, square: Square, *, fast: bool) -> int:
    """Choose how many queries stand for one another, a power of two: as few as `SAMPLE` allows."""
    _, attended = trace.sides(about.attention)
    queries = square.queries[1] - square.queries[0]
    cost = queries * len(attended.text) * len(about.heads) * (1 if fast else _DEARER)  # a row's sum is of all its keys
    step = 1
    while step < square.cell and cost / step > SAMPLE:
        step *= 2
    return step


def _numbers(  # noqa: PLR0917 - what, where, and of which tokens
    trace: AttentionTrace,
    layers: Mapping[int, Layer],
    about: About,
    where: tuple[Tensor, tuple[int, int]],
    sides: tuple[Tokens, Tokens],
    sees: Tensor,
    alive: Callable[[], None],
) -> Tensor:
    """Compute the numbers of some rows and a range of keys, all heads as one: (rows, keys), −∞ where forbidden."""
    units, (first, last) = where
    row_words, column_words = torch.empty(0), torch.empty(0)
    rows, columns = units, slice(first, last)
    if about.words:
        by_word = [torch.tensor(side.words) for side in sides]
        rows = torch.isin(by_word[0], units).nonzero()[:, 0]  # (pieces,)
        row_words = torch.searchsorted(units, by_word[0][rows])  # (pieces,)
        inside = ((by_word[1] >= first) & (by_word[1] < last)).nonzero()[:, 0]
        columns = slice(int(inside[0]), int(inside[-1]) + 1)
        column_words = by_word[1][columns] - first  # (pieces,)
    reach = (int(rows[0]), int(rows[-1]) + 1), (columns.start, columns.stop)
    if all(one.mask.over(*reach) is False for one in layers.values()):
        return torch.full((len(units), last - first), -torch.inf)
    found = []
    for layer, head in about.heads:
        alive()
        where_: dict[str, Any] = {"attention": about.attention, "queries": rows.tolist(), "keys": columns}
        tile = trace.measure(about.measure, layer, [head], **where_).float().cpu()  # (1, rows, keys)
        if about.words:
            how: dict[str, Any] = {"over_keys": get_measure(about.measure).over_keys, "attending": sees[rows][:, None]}
            tile, _ = merge_words(tile, tile != -torch.inf, row_words, column_words, **how)
        found.append(tile[0])
    if len(found) == 1:
        return found[0]
    return as_one(torch.stack(found), about.together, adds_up=get_measure(about.measure).adds_up)[0]
