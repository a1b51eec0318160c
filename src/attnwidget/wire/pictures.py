"""Every head's pattern as a small picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from attnwidget import maths, measures
from attnwidget.wire.envelope import pack
from attnwidget.wire.schema import Pictures

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.trace import AttentionTrace

PICTURE_SIZE = 16  # cells a side of a head's small picture
PICTURE_ROWS = 512  # beyond so many tokens the pictures are drawn from evenly spread queries


def pictures(
    trace: AttentionTrace,
    attention: str | None = None,
    measure: str = "weights",
    run: int = 0,
    alive: Callable[[], None] = lambda: None,
) -> Pictures:
    """Draw every head, pooled by maximum so that no single strong pair is lost.

    Parameters
    ----------
    trace : AttentionTrace
        Texts beyond `PICTURE_ROWS` tokens are pooled over that many evenly spread queries.
    attention : str, optional
        Which attention, the first by default.
    measure : str
        Which number of a pair.
    run : int
        Which run this is of.
    alive : function
        Called before each layer; what it raises stops the work.
    """
    n, m = (len(side.text) for side in trace.sides(attention))
    rows = torch.linspace(0, n - 1, min(n, PICTURE_ROWS)).round().long().tolist() if n > PICTURE_ROWS else range(n)

    def tiles_of(layer: int) -> Callable[[slice, slice], tuple[Tensor, Tensor]]:
        def tile(heads: slice, queries: slice) -> tuple[Tensor, Tensor]:
            chosen = rows[queries]
            at = slice(chosen.start, chosen.stop) if isinstance(chosen, range) else chosen  # a slice takes a view
            where: dict[str, Any] = {"attention": attention, "queries": at}
            return trace.measure(measure, layer, heads, **where), trace.allowed(layer, heads, **where)

        return tile

    drawn = {}
    for layer in trace.kept(attention):
        alive()
        shape = trace.n_heads(attention), len(rows), m
        pooled, seen = maths.max_pool_tiles(tiles_of(layer), shape, PICTURE_SIZE)  # (heads, size, size)
        drawn[layer] = pooled.masked_fill(~seen, -torch.inf).cpu()
    nothing = torch.full_like(next(iter(drawn.values())), -torch.inf)  # (heads, size, size), of a layer left out
    layers = [drawn.get(layer, nothing) for layer in range(trace.n_layers(attention))]
    return Pictures(run=run, **_inked(torch.stack(layers), measure))


def no_pictures(measure: str, run: int, why: Exception) -> Pictures:
    """Say that the heads could not be drawn."""
    empty = torch.empty(0, 0, 0, 0, dtype=torch.uint8)
    problem = f"no small pictures: {str(why) or type(why).__name__}"
    about: dict[str, Any] = {"measure": measure, "domain": measures.get(measure).domain, "limit": 1.0}
    return Pictures(run=run, problem=problem, **about, **pack(empty))


def _inked(pooled: Tensor, measure: str) -> dict[str, Any]:
    """Write numbers, −∞ where forbidden, as shades; see `wire.schema.Pictures`."""
    domain = measures.get(measure).domain
    forbidden = pooled == -torch.inf
    known = pooled.nan_to_num(0, posinf=0, neginf=0)  # (layers, heads, rows, columns)
    limit = 1.0 if domain == "share" else float(known.abs().max()) or 1.0
    share = known / limit if domain != "real" else (known / limit + 1) / 2
    shades = (1 + 254 * share).round().masked_fill(forbidden, 0).to(torch.uint8)
    return {"measure": measure, "domain": domain, "limit": limit, **pack(shades)}
