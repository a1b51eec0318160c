"""Another trace beside one: where each pair's partner is, and what it weighs there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attnwidget.comparison.align import Alignment, align
from attnwidget.head_id import HeadId
from attnwidget.maths.layers import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.measures import Region
    from attnwidget.trace import AttentionTrace

    Sides = tuple[Alignment, Alignment]

NO_PARTNER = "no token of the one text has a partner in the other"


class Beside:
    """What a trace is compared with.

    Parameters
    ----------
    trace : AttentionTrace
        The one.
    other : AttentionTrace
        The other.
    is_second : bool
        Whether the one is B, and the other A.
    head : HeadId, optional
        Every head of the one is compared with this head of the other; by default with the head in the same place.
    alignments : mapping, optional
        By attention, of queries and of keys; by default they are found here.
    """

    def __init__(
        self,
        trace: AttentionTrace,
        other: AttentionTrace,
        *,
        is_second: bool = False,
        head: HeadId | None = None,
        alignments: dict[str, Sides] | None = None,
    ) -> None:
        self.other, self.is_second, self.head = other, is_second, head
        self._alignments = _aligned(trace, other) if alignments is None else alignments
        self._heads = {name: (trace.n_layers(name), trace.n_heads(name)) for name in trace.attentions}

    def turned(self, trace: AttentionTrace, head: HeadId | None = None) -> Beside:
        """Return the same seen from the other side: `trace` is the one, and stands beside the other."""
        turned = {name: (rows.reverse, columns.reverse) for name, (rows, columns) in self._alignments.items()}
        return Beside(self.other, trace, is_second=not self.is_second, head=head, alignments=turned)

    def sides(self, attention: str) -> Sides | None:
        """Return the alignments of queries and of keys; None where the other has no such attention."""
        return self._alignments.get(attention)

    def why_not(self, attention: str, layer: int | None = None) -> str:
        """Say why there is no difference of weights; empty if there is one."""
        sides = self.sides(attention)
        if sides is None:
            return f"the other side has no attention {attention!r}: it has {', '.join(self.other.attentions)}"
        if not all(one.pairs for one in sides):
            return NO_PARTNER
        there = self.other.n_layers(attention), self.other.n_heads(attention)
        if self.head is None and there != self._heads[attention]:
            sizes = " and ".join(f"{layers} × {heads}" for layers, heads in (self._heads[attention], there))
            return f"heads have no counterpart: the models have {sizes} of them (layers × heads); name one of each"
        number = layer if self.head is None else self.head.layer
        if number is not None and number not in self.other.kept(attention):
            return f"of the other side, {LEFT_OUT}"
        return ""

    def weights(self, region: Region) -> Tensor:
        """Return the other's weights of a region's pairs, (heads, queries, keys); 0 without a partner."""
        return self._there(region, self.other.weights)

    def allowed(self, region: Region) -> Tensor:
        """Say which pairs have partners that may attend, bool (heads, queries, keys)."""
        return self._there(region, self.other.allowed)

    def _there(self, region: Region, ask: Callable[..., Tensor]) -> Tensor:
        rows, columns = (
            one.partners[at.cpu()]
            for one, at in zip(self._alignments[region.attention], (region.queries, region.keys), strict=True)
        )  # (queries,), (keys,)
        one = HeadId(region.layer, 0) if self.head is None else self.head
        heads = _index(region.heads) if self.head is None else slice(one.head, one.head + 1)
        where: dict[str, Any] = {"queries": _index(rows[rows >= 0]), "keys": _index(columns[columns >= 0])}
        found = ask(one.layer, heads, attention=region.attention, **where).to(region.heads.device)
        out = found.new_zeros(region.shape)  # (heads, queries, keys)
        has_row, has_column = (rows >= 0).to(out.device), (columns >= 0).to(out.device)
        out[:, has_row[:, None] & has_column] = found.flatten(1).expand(len(out), -1)
        return out


def _aligned(trace: AttentionTrace, other: AttentionTrace) -> dict[str, Sides]:
    found: dict[tuple[int, int], Alignment] = {}

    def once(one: Any, two: Any) -> Alignment:
        key = id(one), id(two)
        if key not in found:
            found[key] = align(one, two)
        return found[key]

    both = [name for name in trace.attentions if name in other.attentions]
    return {
        name: (
            once(trace.sides(name)[0], other.sides(name)[0]),
            once(trace.sides(name)[1], other.sides(name)[1]),
        )
        for name in both
    }


def _index(positions: Tensor) -> slice | list[int]:
    """Return positions as a slice where they follow each other: that takes a view."""
    if not len(positions):
        return []
    first, last = int(positions[0]), int(positions[-1])
    follows = last - first == len(positions) - 1 and bool((positions.diff() == 1).all())
    return slice(first, last + 1) if follows else positions.tolist()
