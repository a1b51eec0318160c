"""The strongest lines of what is in sight of a long text; `layout/strongest.ts` has the same rule for a short one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from attnwidget import maths, measures
from attnwidget.wire.envelope import pack
from attnwidget.wire.schema import LinesReply
from attnwidget.wire.tiles import tile

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Lines

LINES_MAX = 4096  # of one reply: 64 KB
_BAND = 1 << 20  # numbers of a slice: some 30 ms


def lines(
    trace: AttentionTrace, attention: str, ask: Lines, run: int, alive: Callable[..., None]
) -> tuple[LinesReply, bytes]:
    """Answer with the strongest lines of some rows; `alive` may raise between two slices.

    Raises
    ------
    ValueError
        If no head or row is named, a row is out of range, or more than `LINES_MAX` lines could come out.
    """
    rows = sum(max(0, stop - start) for start, stop in ask.spans)
    drawn = 1 if ask.together else len(ask.heads)
    if not ask.heads or not rows or ask.count < 1 or not ask.least >= 0:
        raise ValueError("lines are of some heads and some rows, at least one of each, and not below a negative number")
    if rows * drawn * ask.count > LINES_MAX:
        raise ValueError(f"{rows} rows × {drawn} heads × {ask.count} are more than {LINES_MAX} lines; ask for fewer")
    if ask.side == "key" and (ask.without_self or ask.without_first):
        raise ValueError("what is left out of a row is known of whole rows: ask for the lines of queries")
    measure = measures.get(ask.measure)
    sides = [len(side.word_texts if ask.words else side.text) for side in trace.sides(attention)]
    step = max(1, _BAND // (len(ask.heads) * sides[1])) if ask.side == "query" else rows
    parts, sums, done = [], [], 0
    for start, stop in ask.spans:
        for first in range(start, stop, step):
            span = (first, min(first + step, stop))
            if ask.side == "query":
                alive(done, rows)
                numbers = _tile(trace, attention, ask, span, None)  # (heads, rows, units)
            else:
                numbers = _columns(trace, attention, ask, span, sides, alive)  # (heads, rows, units)
            if ask.without_self or ask.without_first:
                numbers = leave_out(numbers, first, itself=ask.without_self, first=ask.without_first)
            of_head = torch.arange(len(numbers))[:, None, None].expand(numbers.shape)  # (heads, rows, units)
            if ask.together:
                one, strongest = maths.as_one(numbers, ask.together, adds_up=measure.adds_up)  # (rows, units) each
                numbers, of_head = one[None], strongest[None]  # (1, rows, units) each
            (head, row, unit), of_rows = strongest_of(
                numbers, measure.strength(numbers), ask.count, ask.least if measure.adds_up else None
            )
            of_lines = (row + first, unit, of_head[head, row, unit], numbers[head, row, unit])
            parts.append(torch.stack([one.float() for one in of_lines]))  # (4, lines)
            sums.append(of_rows)  # (4, rows)
            done += span[1] - first
    found, sums_of = pack(torch.cat(parts, 1)), pack(torch.cat(sums, 1))
    reply = LinesReply(run=run, dtype=found["dtype"], shape=found["shape"], rows=sums_of["shape"])
    return reply, found["data"] + sums_of["data"]


def _tile(
    trace: AttentionTrace, attention: str, ask: Lines, queries: tuple[int, int], keys: tuple[int, int] | None
) -> Tensor:
    """Compute a tile of all heads, (heads, queries, keys)."""
    return tile(trace, ask.heads, measure=ask.measure, queries=queries, keys=keys, words=ask.words, attention=attention)


def _columns(  # noqa: PLR0917 - of what, where
    trace: AttentionTrace,
    attention: str,
    ask: Lines,
    keys: tuple[int, int],
    sides: list[int],
    alive: Callable[..., None],
) -> Tensor:
    """Compute all queries' numbers of some keys, (heads, keys, queries): each may take its whole row's sum first."""
    n, m = sides
    step = max(1, _BAND // (len(ask.heads) * m))
    parts = []
    for first in range(0, n, step):
        alive(first, n)
        parts.append(_tile(trace, attention, ask, (first, min(first + step, n)), keys))  # (heads, queries, keys)
    return torch.cat(parts, 1).transpose(1, 2)


def leave_out(rows: Tensor, start: int, *, itself: bool, first: bool) -> Tensor:
    """Take keys out of whole rows of weights, and scale the others to the sum that each row had.

    Parameters
    ----------
    rows : Tensor
        (heads, rows, keys), −∞ where forbidden.
    start : int
        Which query the first row is of.
    itself, first : bool
        Whether each query's own weight is taken out, and the first key's.

    Returns
    -------
    Tensor
        (heads, rows, keys); −∞ for what is taken out.
    """
    out = torch.zeros(rows.shape[1:], dtype=torch.bool)  # (rows, keys)
    out[:, 0] = first
    if itself:
        out |= torch.arange(rows.shape[1])[:, None] + start == torch.arange(rows.shape[2])
    before = rows.masked_fill(rows == -torch.inf, 0).sum(-1, keepdim=True)  # (heads, rows, 1)
    left = rows.masked_fill(out, -torch.inf)  # (heads, rows, keys)
    after = left.masked_fill(left == -torch.inf, 0).sum(-1, keepdim=True)  # (heads, rows, 1)
    return left * torch.where(after == 0, 1, before / after)


def strongest_of(
    numbers: Tensor, strength: Tensor, count: int, least: float | None
) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
    """Find the strongest numbers of each row.

    Parameters
    ----------
    numbers : Tensor
        (heads, rows, units), −∞ where forbidden.
    strength : Tensor
        The same shape: what they are ordered by; see `Measure.strength`. What has −∞ is never among the strongest.
    count : int
        So many of each row of each head; of equal ones the first.
    least : float, optional
        What is weaker is no line, and what is not above 0 is none either. None: all are lines.

    Returns
    -------
    kept : tuple of Tensor
        Head, row and unit of each, in this order, int64 (lines,).
    of_rows : Tensor
        (4, rows), over the heads: the sum of those kept, the sum of all, how many units are allowed (in the head that
        allows most), and how many more than `count` were no smaller than `least`.
    """
    allowed = numbers != -torch.inf  # (heads, rows, units)
    fit = strength > -torch.inf if least is None else (strength > 0) & (strength >= least)  # (heads, rows, units)
    found = strength.masked_fill(~fit, -torch.inf)  # (heads, rows, units)
    smallest = found.topk(min(count, found.shape[-1])).values[..., -1:]  # (heads, rows, 1)
    kept = found > smallest  # (heads, rows, units)
    equal = fit & (found == smallest)  # (heads, rows, units)
    room = count - kept.sum(-1, keepdim=True)  # (heads, rows, 1)
    kept |= equal & (equal.cumsum(-1) <= room)
    shown = numbers.masked_fill(~kept, 0).sum((0, -1))  # (rows,)
    total = numbers.masked_fill(~allowed, 0).sum((0, -1))  # (rows,)
    visible = allowed.sum(-1).amax(0)  # (rows,)
    more = (fit.sum(-1) - kept.sum(-1)).sum(0)  # (rows,)
    head, row, unit = kept.nonzero().unbind(1)  # (lines,) each
    return (head, row, unit), torch.stack([shown, total, visible.to(shown), more.to(shown)])
