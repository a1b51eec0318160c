"""Which heads look alike: how far apart two heads' rows of weights are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attnwidget.head_id import HeadId
from attnwidget.heads.apart import QUERIES, apart
from attnwidget.maths.layers import LEFT_OUT
from attnwidget.tables import HeadDivergences

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.trace import AttentionTrace


@dataclass(frozen=True, repr=False)
class SimilarHeads(HeadDivergences):
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

    @property
    def _about(self) -> str:
        about = f"{self.queries:,} of {self.of:,} queries" if self.queries < self.of else f"{self.of:,} queries"
        return f"heads like {self.head}: Jensen–Shannon divergence in bits, mean over {about}"


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
    name = trace.attentions[0] if attention is None else attention
    layer, number = HeadId.read(head)
    shape = trace.n_layers(name), trace.n_heads(name)
    if not (0 <= layer < shape[0] and 0 <= number < shape[1]):
        raise IndexError(f"head {HeadId(layer, number)} does not exist: {shape[0]} layers × {shape[1]} heads")
    if layer not in trace.kept(name):
        raise ValueError(LEFT_OUT)
    heads = [HeadId(at, one) for at in trace.kept(name) for one in range(shape[1])]
    found = apart(trace, name, heads, [heads.index(HeadId(layer, number))], queries=queries, alive=alive)
    grid = torch.full(shape, torch.nan)  # (layers, heads)
    grid[trace.kept(name)] = (found.sums / found.counts / math.log(2)).reshape(-1, shape[1])
    places = [(at, other) for at in range(shape[0]) for other in range(shape[1]) if (at, other) != (layer, number)]
    numbers = [(float(grid[place]), str(HeadId(*place))) for place in places]
    ranked = sorted(numbers, key=lambda pair: (math.isnan(pair[0]), pair[0]))
    values = torch.tensor([value for value, _ in ranked])
    return SimilarHeads(
        str(HeadId(layer, number)), [other for _, other in ranked], values, grid, found.queries, found.of
    )
