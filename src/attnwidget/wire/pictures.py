"""Every head's pattern as a small picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from attnwidget import maths, measures
from attnwidget.wire.envelope import pack
from attnwidget.wire.schema import HeadPicturesReply, Pictures

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import HeadPictures

PICTURE_SIZE = 16  # cells a side of a head's small picture
FINEST = 96  # cells a side that may be asked for
WHOLE = 512  # tokens; of a longer text
FIRST = 64  # so many queries are drawn at once,
THEN = 512  # so many a little later
_LAST = 4  # where most is asked, and answered: the last ones are always drawn
_EACH = 4  # queries to a row of a finer picture


def pictures(  # noqa: PLR0917 - the order is that of all builders
    trace: AttentionTrace,
    attention: str | None = None,
    measure: str = "weights",
    run: int = 0,
    alive: Callable[[], None] = lambda: None,
    queries: int = THEN,
) -> Pictures:
    """Draw every head, pooled by the largest number, or size, so that no single strong pair is lost.

    Parameters
    ----------
    trace : AttentionTrace
        Texts beyond `WHOLE` tokens are drawn from some of their queries.
    attention : str, optional
        Which attention, the first by default.
    measure : str
        Which number of a pair.
    run : int
        Which run this is of.
    alive : function
        Called before each piece of work; what it raises stops the work.
    queries : int
        How many of a longer text, evenly spread and the last ones among them.
    """
    rows = _rows(trace, attention, queries)
    drawn = {
        layer: _drawn(trace, attention, measure, layer, rows, PICTURE_SIZE, alive) for layer in trace.kept(attention)
    }
    nothing = torch.full_like(next(iter(drawn.values())), -torch.inf)  # (heads, size, size), of a layer left out
    pooled = torch.stack([drawn.get(layer, nothing) for layer in range(trace.n_layers(attention))])
    of = measures.get(measure)
    limit = 1.0 if of.domain == "share" else _largest(pooled)
    sampled = _said(trace, attention, rows)
    shades = pack(_inked(pooled, limit, has_signs=of.has_signs))
    return Pictures(run=run, measure=measure, domain=of.domain, limit=limit, sampled=sampled, **shades)


def head_pictures(
    trace: AttentionTrace, attention: str, ask: HeadPictures, run: int, alive: Callable[[], None]
) -> tuple[HeadPicturesReply, bytes]:
    """Answer with larger pictures of some layers' heads.

    Raises
    ------
    ValueError
        If no layer is named, more cells a side are asked for than `FINEST`, or the limit is not above 0.
    """
    if not ask.layers or not 1 <= ask.cells <= FINEST or not ask.limit > 0:
        raise ValueError(
            f"larger pictures are of some layers, have 1 to {FINEST} cells a side and a limit above 0, "
            f"got {ask.layers}, {ask.cells} and {ask.limit}"
        )
    rows = _rows(trace, attention, max(FIRST, _EACH * ask.cells))
    drawn = [_drawn(trace, attention, ask.measure, layer, rows, ask.cells, alive) for layer in ask.layers]
    array = pack(_inked(torch.stack(drawn), ask.limit, has_signs=measures.get(ask.measure).has_signs))
    sampled = _said(trace, attention, rows)
    return HeadPicturesReply(run=run, sampled=sampled, dtype=array["dtype"], shape=array["shape"]), array["data"]


def no_pictures(measure: str, run: int, why: Exception) -> Pictures:
    """Say that the heads could not be drawn."""
    empty = torch.empty(0, 0, 0, 0, dtype=torch.uint8)
    problem = f"no small pictures: {str(why) or type(why).__name__}"
    about: dict[str, Any] = {"measure": measure, "domain": measures.get(measure).domain, "limit": 1.0}
    return Pictures(run=run, problem=problem, **about, **pack(empty))


def is_sampled(trace: AttentionTrace, attention: str | None) -> bool:
    """Whether the first pictures of a text are drawn from some of its queries."""
    return len(trace.sides(attention)[0].text) > WHOLE


def _rows(trace: AttentionTrace, attention: str | None, count: int) -> Tensor:
    n = len(trace.sides(attention)[0].text)
    return torch.arange(n) if n <= WHOLE else maths.spread(n, count, _LAST)  # (rows,)


def _said(trace: AttentionTrace, attention: str | None, rows: Tensor) -> int | None:
    return None if len(rows) == len(trace.sides(attention)[0].text) else len(rows)


def _drawn(  # noqa: PLR0917 - of what, which number, where, how fine
    trace: AttentionTrace,
    attention: str | None,
    measure: str,
    layer: int,
    rows: Tensor,
    size: int,
    alive: Callable[[], None],
) -> Tensor:
    """Pool a layer's numbers, (heads, size, size): −∞ where the mask forbids the whole cell."""
    n, m = (len(side.text) for side in trace.sides(attention))

    def tile(heads: slice, some: slice) -> tuple[Tensor, slice]:
        alive()
        at = rows[some].tolist()
        queries = slice(at[0], at[-1] + 1) if at[-1] - at[0] == len(at) - 1 else at  # a slice takes a view
        keys = trace.reach(layer, attention=attention, queries=queries)
        where: dict[str, Any] = {"attention": attention, "queries": queries, "keys": keys}
        return trace.measure(measure, layer, heads, **where), keys

    by_size = measures.get(measure).domain == "signed"
    return maths.max_pool_tiles(tile, (trace.n_heads(attention), n, m), size, rows, by_size=by_size).cpu()


def _largest(pooled: Tensor) -> float:
    return float(pooled.nan_to_num(0, posinf=0, neginf=0).abs().max()) or 1.0


def _inked(pooled: Tensor, limit: float, *, has_signs: bool) -> Tensor:
    """Write numbers, −∞ where forbidden, as shades, uint8; see `wire.schema.Pictures`."""
    known = pooled.nan_to_num(0, posinf=0, neginf=0)  # (layers, heads, rows, columns)
    share = (known / limit + 1) / 2 if has_signs else known / limit
    shades = (1 + 254 * share.clamp(0, 1)).round()
    return shades.masked_fill(pooled == -torch.inf, 0).to(torch.uint8)
