"""How far every head is from its counterpart beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.comparison import divergences
from attnwidget.wire.envelope import pack
from attnwidget.wire.schema import ApartReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Apart


def apart(
    trace: AttentionTrace,
    attention: str,
    ask: Apart,  # noqa: ARG001 - the order is that of all builders
    run: int,
    alive: Callable[..., None],
) -> tuple[ApartReply, bytes]:
    """Answer with every head's divergence; `alive` may raise between two pieces of work."""
    if trace.beside is None:
        raise ValueError("nothing stands beside")
    found = divergences(trace, trace.beside, attention, alive=alive)
    array = pack(found.grid)
    reply = ApartReply(run=run, dtype=array["dtype"], shape=array["shape"], rows=found.queries, of=found.of)
    return reply, array["data"]
