"""How far all heads are apart, as the heads view maps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attnwidget.heads import head_distances
from attnwidget.wire.envelope import pack
from attnwidget.wire.schema import DistancesReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Distances


def distances(
    trace: AttentionTrace, attention: str, _ask: Distances, run: int, alive: Callable[..., None]
) -> tuple[DistancesReply, bytes]:
    """Answer how far each two heads are apart, in which order alike ones stand together, and where in a plane."""
    found = head_distances(trace, attention, alive=alive)
    array = pack(found.values)
    places: list[list[float]] = []
    stress, no_map = None, ""
    alive()
    try:
        drawn = found.map()
    except ImportError as error:
        no_map = str(error)
    else:
        by_name = dict(zip(drawn.heads, drawn.places.tolist(), strict=True))
        places, stress = [by_name.get(name, []) for name in found.heads], drawn.stress
    about: dict[str, Any] = {"order": found.order(), "places": places, "stress": stress, "no_map": no_map}
    sampled = found.queries if found.queries < found.of else None
    return DistancesReply(run=run, dtype=array["dtype"], shape=array["shape"], sampled=sampled, **about), array["data"]
