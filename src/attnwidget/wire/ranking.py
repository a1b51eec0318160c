"""Every head's number of the pinned pair, as the browser ranks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from attnwidget.wire.envelope import pack
from attnwidget.wire.schema import RankReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Rank

_LONGEST = 4096  # queries, all of whose rows are looked through when no query is pinned


def ranking(
    trace: AttentionTrace, attention: str, ask: Rank, run: int, _alive: Callable[..., None]
) -> tuple[RankReply, bytes]:
    """Answer which head has which number of a pair, and where on an open side.

    Raises
    ------
    ValueError
        If no query is pinned in a long text: then every row of every head would have to be computed.
    """
    queries, keys = ask.queries or None, ask.keys or None
    if queries is None and len(trace.sides(attention)[0].text) > _LONGEST:
        n, m = (len(side.text) for side in trace.sides(attention))
        heads = len(trace.kept(attention)) * trace.n_heads(attention)
        raise ValueError(
            f"all {n:,} rows of {heads:,} heads would have to be computed, {n * m * heads:.0e} numbers: "
            "pin a query too, then one row of each head says it"
        )
    grid = trace.pair_grid(queries, keys, measure=ask.measure, attention=attention, words=ask.words)
    numbers, strongest = grid
    places = torch.full(numbers.shape, -1) if strongest is None else strongest  # (layers, heads)
    array = pack(torch.stack([numbers, places.float()]))
    why = trace.why_forbidden(queries, keys, attention=attention) if grid.is_forbidden else ""
    return RankReply(run=run, dtype=array["dtype"], shape=array["shape"], why=why), array["data"]
