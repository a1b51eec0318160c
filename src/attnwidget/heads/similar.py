"""Which heads look alike: how far apart two heads' rows of weights are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.head_id import HeadId
from attnwidget.maths import spread
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.trace import AttentionTrace

QUERIES = 64  # of a longer text, so many are compared
_TILE = 1 << 20  # weights of a layer that are compared at once: 4 MB
_SHOWN = 10  # heads of the text form


@dataclass(frozen=True)
class SimilarHeads(Tabular):
    """All heads by how alike they are to one of them, the most alike first.

    `to_pandas` has a row a head: layer, head, divergence.

    Attributes
    ----------
    head : str
        ``"L3-H0"``, the one that they are compared with.
    heads : list of str
        The others; those without a number last.
    values : Tensor
        float32 (heads,), the mean Jensen–Shannon divergence of each: 0 where all rows are the same, 1 where no row
        shares a key.
    grid : Tensor
        float32 (layers, heads), the same by place, with 0 for the head itself; NaN where there is none.
    queries : int
        How many queries were compared.
    of : int
        Of how many.
    """

    head: str
    heads: list[str]
    values: Tensor
    grid: Tensor
    queries: int
    of: int

    def __len__(self) -> int:
        return len(self.heads)

    def to_dict(self) -> dict[str, float | None]:
        """Return ``{"L4-H11": 0.08, …}``, the most alike first; NaN becomes None, so that JSON can hold it."""
        return {name: None if math.isnan(value) else value for name, value in self.to_numbers()}

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        rows = [(*HeadId.read(name), value) for name, value in self.to_numbers()]
        return Table(["layer", "head", "divergence"], rows, self.heads, self._about)

    @property
    def _about(self) -> str:
        about = f"{self.queries:,} of {self.of:,} queries" if self.queries < self.of else f"{self.of:,} queries"
        return f"heads like {self.head}: Jensen–Shannon divergence in bits, mean over {about}"

    def __repr__(self) -> str:
        lines = [self._about]
        lines += [f"  {name:8}{value:8.4f}" for name, value in self.to_numbers()[:_SHOWN]]
        return "\n".join([*lines, *(["  …"] if len(self) > _SHOWN else [])])

    def to_numbers(self) -> list[tuple[str, float]]:
        """Return pairs of a head's name and its number."""
        return list(zip(self.heads, self.values.tolist(), strict=True))


def similar_heads(
    trace: AttentionTrace,
    head: str | tuple[int, int],
    *,
    attention: str | None = None,
    queries: int | None = QUERIES,
    alive: Callable[..., None] = lambda *_: None,
) -> SimilarHeads:
    """Compare every head with one head, by their rows of weights.

    The distance of two heads is the Jensen–Shannon divergence of their rows, as in Clark et al. 2019 ("What does BERT
    look at?", section 6), here its mean over the queries and to base 2: for rows p and q with the mean
    m = (p + q) / 2, H(m) − (H(p) + H(q)) / 2, where H is the entropy in bits. It lies between 0, the same weights
    everywhere, and 1, no key in common. It is symmetric, and its square root is a metric.

    What a row gives to no key (an attention sink's share) counts as one more key. Forbidden pairs have a share of 0.
    A query counts where both heads may attend to something and one of them has a choice: under a causal mask the first
    row is the same in all heads. Where no query counts, and where a model computed no number, the distance is NaN.

    Parameters
    ----------
    trace : AttentionTrace
        The text's attention.
    head : str or (layer, head)
        ``"L4-H11"`` or (4, 11).
    attention : str, optional
        Which attention, the first by default.
    queries : int, optional
        Of a longer text, compare only so many queries, evenly spread with the last among them; `SimilarHeads.queries`
        says how many. None compares all.
    alive : function, optional
        Called before each piece of work; what it raises stops the work.

    Returns
    -------
    SimilarHeads

    Raises
    ------
    IndexError
        If there is no such head.
    ValueError
        If `queries` is below 1, or the head's layer was left out of the trace.
    """
    if queries is not None and queries < 1:
        raise ValueError(f"queries must be 1 or more, or None for all, got {queries}")
    name = trace.attentions[0] if attention is None else attention
    layer, number = HeadId.read(head)
    shape = trace.n_layers(name), trace.n_heads(name)
    if not (0 <= layer < shape[0] and 0 <= number < shape[1]):
        raise IndexError(f"head {HeadId(layer, number)} does not exist: {shape[0]} layers × {shape[1]} heads")
    n, m = (len(side.text) for side in trace.sides(name))
    rows = spread(n, n if queries is None else queries)  # (rows,)
    sums = torch.zeros(2, *shape)  # (2, layers, heads): of the divergence, and of the queries that count
    parts, kept = torch.split(rows, max(1, _TILE // (m * shape[1]))), trace.kept(name)
    for part, some in enumerate(parts):
        where: dict[str, Any] = {"attention": name, "queries": some.tolist()}
        reaches = [trace.reach(at, **where) for at in kept]
        where["keys"] = slice(min(one.start for one in reaches), max(one.stop for one in reaches))  # beyond, all is 0
        alive()
        one, one_sees = _rows(trace, layer, [number], where)  # (1, some, keys + 1), (1, some)
        for nth, at in enumerate(kept):
            alive(part * len(kept) + nth, len(parts) * len(kept))
            others, sees = _rows(trace, at, None, where)  # (heads, some, keys + 1), (heads, some)
            counts = (one_sees > 0) & (sees > 0) & ((one_sees > 1) | (sees > 1))  # (heads, some)
            apart = divergence(one, others).masked_fill(~counts, 0)  # (heads, some)
            sums[:, at] += torch.stack([apart.sum(1), counts.sum(1)]).to(sums)
    grid = sums[0] / sums[1]  # (layers, heads)
    places = [(at, other) for at in range(shape[0]) for other in range(shape[1]) if (at, other) != (layer, number)]
    numbers = [(float(grid[place]), str(HeadId(*place))) for place in places]
    ranked = sorted(numbers, key=lambda pair: (math.isnan(pair[0]), pair[0]))
    values = torch.tensor([value for value, _ in ranked])
    return SimilarHeads(str(HeadId(layer, number)), [other for _, other in ranked], values, grid, len(rows), n)


def divergence(one: Tensor, other: Tensor) -> Tensor:
    """Compute the Jensen–Shannon divergence of distributions over the last dimension, in bits; they are broadcast."""
    middle = torch.special.entr((one + other) / 2).sum(-1)
    apart = middle - (torch.special.entr(one).sum(-1) + torch.special.entr(other).sum(-1)) / 2
    nats: Tensor = apart.clamp(min=0)  # rounding
    return nats / torch.log(nats.new_tensor(2.0))


def _rows(trace: AttentionTrace, layer: int, heads: list[int] | None, where: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Return rows of weights with what goes to no key behind them, and how many keys each may attend to."""
    weights = trace.weights(layer, heads, **where).float().cpu()  # (heads, rows, keys)
    rest = (1 - weights.sum(-1, keepdim=True)).clamp(min=0)  # (heads, rows, 1)
    sees = trace.allowed(layer, heads, **where).sum(-1).cpu()  # (heads, rows)
    return torch.cat([weights, rest], -1), sees
