"""How far heads are apart, by their rows of weights: Jensen–Shannon divergences, summed tile by tile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from attnwidget.maths import entropy, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from attnwidget.head_id import HeadId
    from attnwidget.trace import AttentionTrace

QUERIES = 64  # of a longer text, so many are compared
_TILE = 1 << 20  # weights of all heads that are held at once, and sums of all pairs: 4 MB each


class Apart(NamedTuple):
    """Sums over queries."""

    sums: Tensor
    """Of the divergences in nats: float32 (ones, heads)."""
    counts: Tensor
    """Of the queries that count: float32 (ones, heads)."""
    queries: int
    """How many were looked at."""
    of: int


def apart(
    trace: AttentionTrace,
    name: str,
    heads: Sequence[HeadId],
    ones: Sequence[int],
    *,
    queries: int | None,
    smoothing: float = 0.0,
    alive: Callable[..., None] = lambda *_: None,
) -> Apart:
    """Compare some heads with all of a list, row by row.

    Parameters
    ----------
    trace : AttentionTrace
        The text's attention.
    name : str
        Which attention.
    heads : sequence of HeadId
        Of layers that the trace has, layer by layer.
    ones : sequence of int
        Which of these are compared with all; if that is every one, each pair is compared once.
    queries : int, optional
        Of a longer text, compare only so many, evenly spread with the last among them; None compares all.
    smoothing : float
        This share of each row is spread evenly over the keys that it may attend to.
    alive : function, optional
        Called before each piece of work with how much is done, and of how much; what it raises stops the work.
    """
    if queries is not None and queries < 1:
        raise ValueError(f"queries must be 1 or more, or None for all, got {queries}")
    n, m = (len(side.text) for side in trace.sides(name))
    rows, count, pairs = spread(n, n if queries is None else queries), len(heads), len(heads) * len(ones)
    parts = torch.split(rows, max(1, _TILE // max(m * count, pairs)))
    sums = torch.zeros(2, len(ones), count)
    firsts = [one if len(ones) == count else 0 for one in ones]  # each pair once
    for at, part in enumerate(parts):
        tiles = _Tiles(trace, name, heads, part.tolist(), max(1, _TILE // count))
        alive()
        sees = tiles.seen()  # (heads, some)
        own, total = torch.zeros(2, count, len(part))
        middle = torch.zeros(len(ones), count, len(part))
        for plain, allowed in tiles:
            even = allowed / sees.clamp(min=1)[..., None]  # (heads, some, keys)
            weights = torch.lerp(plain, even, smoothing) if smoothing else plain
            own, total = own + entropy(weights), total + weights.sum(-1)
            for nth, (one, first) in enumerate(zip(ones, firsts, strict=True)):
                alive(at * len(ones) + nth, len(parts) * len(ones))
                middle[nth, first:] += entropy((weights[one] + weights[first:]) / 2)
        rest = (1 - total).clamp(min=0)[..., None]  # (heads, some, 1): what goes to no key is one key more
        own += entropy(rest)
        for nth, (one, first) in enumerate(zip(ones, firsts, strict=True)):
            between = middle[nth, first:] + entropy((rest[one] + rest[first:]) / 2)  # (heads, some)
            far = (between - (own[one] + own[first:]) / 2).clamp(min=0)  # rounding
            counts = (sees[one] > 0) & (sees[first:] > 0) & ((sees[one] > 1) | (sees[first:] > 1))
            sums[:, nth, first:] += torch.stack([far.masked_fill(~counts, 0).sum(-1), counts.sum(-1).float()])
    if len(ones) == count:
        sums = sums.triu() + sums.triu(1).mT
    return Apart(sums[0], sums[1], len(rows), n)


class _Tiles:
    """Some queries' rows of all heads, over the keys a stretch at a time."""

    def __init__(
        self, trace: AttentionTrace, name: str, heads: Sequence[HeadId], queries: list[int], most: int
    ) -> None:
        self._trace = trace
        self._where: dict[str, Any] = {"attention": name, "queries": queries}
        self._layers: dict[int, list[int]] = {}
        for layer, head in heads:
            self._layers.setdefault(layer, []).append(head)
        reaches = [trace.reach(layer, **self._where) for layer in self._layers]  # beyond, all weights are 0
        first, last = min(one.start for one in reaches), max(one.stop for one in reaches)
        width = max(1, most // len(queries))
        self._keys = [slice(at, min(at + width, last)) for at in range(first, max(last, first + 1), width)]

    def seen(self) -> Tensor:
        """Count the keys that each row may attend to, (heads, queries)."""
        parts = [self._of("allowed", keys).sum(-1) for keys in self._keys]
        return torch.stack(parts).sum(0)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Return weights (heads, queries, keys), and which of these pairs may attend."""
        for keys in self._keys:
            yield self._of("weights", keys).float(), self._of("allowed", keys)

    def _of(self, what: str, keys: slice) -> Tensor:
        make: Any = getattr(self._trace, what)
        those = [make(layer, some, keys=keys, **self._where).cpu() for layer, some in self._layers.items()]
        return torch.cat(those)
