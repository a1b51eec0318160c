"""What is pinned, and everything that it attends to, or that attends to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from attnwidget import measures
from attnwidget.trace.ranking import pair_numbers
from attnwidget.wire.envelope import pack
from attnwidget.wire.schema import ProfileReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Profile


def profile(
    trace: AttentionTrace, attention: str, ask: Profile, run: int, alive: Callable[[], None]
) -> tuple[ProfileReply, bytes]:
    """Answer how much what is pinned attends to everything, or everything to it; `alive` may raise between two layers.

    Raises
    ------
    ValueError
        If not exactly one side is pinned, or no head is named.
    """
    if bool(ask.queries) == bool(ask.keys) or not ask.heads:
        raise ValueError("a profile is of some heads, and of pinned queries or pinned keys")
    pair = (ask.queries or None, ask.keys or None)
    by_head: dict[tuple[int, int], Tensor] = {}
    for layer in sorted({layer for layer, _ in ask.heads}):
        alive()
        chosen = [head for at, head in ask.heads if at == layer]
        numbers = pair_numbers(trace, attention, pair, ask.measure, layer, chosen, words=ask.words)  # (chosen, units)
        by_head |= {(layer, head): one for head, one in zip(chosen, numbers, strict=True)}
    rows = torch.stack([by_head[layer, head] for layer, head in ask.heads])  # (heads, units)
    if ask.together is not None:
        rows = _as_one(rows, ask.together, measures.get(ask.measure).domain)  # (1 or 2, units)
    if ask.combine == "sum" and len(ask.queries) > 1:
        blind = {*trace.blind_rows(ask.heads[0].layer, attention=attention)}
        rows[: 1 if ask.together else None] *= len({*ask.queries} - blind)  # −∞ stays
    array = pack(rows)
    return ProfileReply(run=run, dtype=array["dtype"], shape=array["shape"]), array["data"]


def _as_one(rows: Tensor, together: str, domain: str) -> Tensor:
    """Take many heads' numbers together, (heads, units) → (1 or 2, units), by the rule of the browser's `takeTogether`.

    A maximum has a second row: which of the heads it is of.
    """
    allowed = rows != -torch.inf  # (heads, units)
    known = rows.masked_fill(~allowed, 0)  # (heads, units)
    if together == "mean":
        counted = allowed.sum(0).clamp(min=1) if domain == "real" else len(rows)  # (units,)
        one = known.sum(0, keepdim=True) / counted  # (1, units)
        return one.masked_fill(~allowed.any(0), -torch.inf)
    farthest = known.abs().argmax(0, keepdim=True)  # (1, units); NaN wins
    one = known.gather(0, farthest).masked_fill(~allowed.any(0), -torch.inf)  # (1, units)
    return torch.cat([one, farthest.to(one.dtype)])
