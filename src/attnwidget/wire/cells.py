"""A tile of the picture's pyramid: cells of 2^level × 2^level pairs, each with its largest number and its mass."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from attnwidget.trace.cells import About, Square
from attnwidget.wire.envelope import pack
from attnwidget.wire.schema import CellsReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Cells

TILE = 256  # cells a side


def cells(
    trace: AttentionTrace, attention: str, ask: Cells, run: int, alive: Callable[..., None]
) -> tuple[CellsReply, bytes]:
    """Answer a tile of the pyramid; `alive` may raise between two pieces of work.

    Raises
    ------
    ValueError
        If no head is named, several are not to be one, or there is no such tile.
    """
    if not ask.heads or (len(ask.heads) > 1 and ask.together is None):
        raise ValueError("cells are of one head, or of several that are taken together as their mean or maximum")
    counts = [len(side.word_texts if ask.words else side.text) for side in trace.sides(attention)]
    if not 0 <= ask.level <= max(counts).bit_length():
        raise ValueError(f"level {ask.level} does not exist: {max(counts)} rows have 0 … {max(counts).bit_length()}")
    side = TILE << ask.level
    spans = [(at * side, min((at + 1) * side, count)) for at, count in zip((ask.row, ask.column), counts, strict=True)]
    if any(not 0 <= start < stop for start, stop in spans):
        raise ValueError(
            f"tile {ask.row}, {ask.column} of level {ask.level} does not exist in {counts[0]} × {counts[1]}"
        )
    began = perf_counter()
    about = About(ask.heads, attention, ask.measure, ask.together or "mean", ask.words)
    pooled = trace.cells(about, Square(spans[0], spans[1], 1 << ask.level, ask.sampled), alive)
    array = pack(pooled.cells)
    seconds = perf_counter() - began
    reply = CellsReply(run=run, dtype=array["dtype"], shape=array["shape"], step=pooled.step, seconds=seconds)
    return reply, array["data"]
