"""How alike all heads are to one of them, as the heads view orders them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.heads import similar_heads
from attnwidget.wire.envelope import pack
from attnwidget.wire.schema import SimilarReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Similar


def similar(
    trace: AttentionTrace, attention: str, ask: Similar, run: int, alive: Callable[..., None]
) -> tuple[SimilarReply, bytes]:
    """Answer how far every head's rows are from one head's."""
    found = similar_heads(trace, (ask.layer, ask.head), attention=attention, alive=alive)
    array = pack(found.grid)
    sampled = found.queries if found.queries < found.of else None
    return SimilarReply(run=run, dtype=array["dtype"], shape=array["shape"], sampled=sampled), array["data"]
