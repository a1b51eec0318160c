"""What is pinned, and everything that it attends to, or that attends to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from attnwidget import maths, measures
from attnwidget.trace.ranking import pair_numbers
from attnwidget.wire.envelope import pack
from attnwidget.wire.schema import ProfileReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Profile


def profile(
    trace: AttentionTrace, attention: str, ask: Profile, run: int, alive: Callable[..., None]
) -> tuple[ProfileReply, bytes]:
    """Answer how much what is pinned attends to everything, or everything to it; see `profile_rows`."""
    array = pack(profile_rows(trace, attention, ask, alive))
    return ProfileReply(run=run, dtype=array["dtype"], shape=array["shape"]), array["data"]


def profile_rows(trace: AttentionTrace, attention: str, ask: Profile, alive: Callable[..., None]) -> Tensor:
    """Compute the numbers of a profile, (heads, units of the open side), or of heads together (1 or 2, units).

    `alive` may raise between two layers.

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
        one, strongest = maths.as_one(rows, ask.together, adds_up=measures.get(ask.measure).adds_up)  # (units,)
        rows = (
            torch.stack([one, strongest.to(one.dtype)]) if ask.together == "maximum" else one[None]
        )  # (1 or 2, units)
    if ask.combine == "sum" and len(ask.queries) > 1:
        blind = {*trace.blind_rows(ask.heads[0].layer, attention=attention)}
        rows[: 1 if ask.together else None] *= len({*ask.queries} - blind)  # −∞ stays
    return rows
