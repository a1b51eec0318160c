"""How far each head's rows are from the rows of its counterpart beside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.head_id import HeadId
from attnwidget.maths import divergence, spread
from attnwidget.tables import HeadDivergences

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from attnwidget.measures.beside import Beside
    from attnwidget.trace import AttentionTrace

QUERIES = 64  # of a longer text, so many rows are compared
_TILE = 1 << 20  # weights of a layer that are compared at once: 4 MB


@dataclass(frozen=True, repr=False)
class Divergences(HeadDivergences):
    """All heads by how much they differ between A and B, the most different first.

    `to_pandas` has a row a head: layer, head, divergence.

    Attributes
    ----------
    heads : list of str
        ``"L3-H0"``, the most different first; those without a number last.
    values : Tensor
        float32 (heads,), the mean Jensen–Shannon divergence of each in nats: 0 where all rows are the same, ln 2 =
        0.693 where no row shares a key.
    grid : Tensor
        float32 (layers, heads), the same by place; NaN where there is none.
    queries : int
        How many aligned rows were compared.
    of : int
        Of how many.
    """

    heads: list[str]
    values: Tensor
    grid: Tensor
    queries: int
    of: int

    def __getitem__(self, head: str) -> float:
        """Return a head's number, by its name."""
        return float(self.values[self.heads.index(head)])

    @property
    def _about(self) -> str:
        some = f"{self.queries:,} of " if self.queries < self.of else ""
        about = f"{some}{self.of:,} aligned {'row' if self.of == 1 else 'rows'}"
        return f"heads by how much they differ: Jensen–Shannon divergence in nats, mean over {about}"


def divergences(
    trace: AttentionTrace,
    beside: Beside,
    attention: str,
    *,
    only: Sequence[int] | None = None,
    queries: int | None = QUERIES,
    alive: Callable[..., None] = lambda *_: None,
) -> Divergences:
    """Compare every head's rows with those of its counterpart.

    The Jensen–Shannon divergence of two rows p and q with the mean m = (p + q) / 2 is H(m) − (H(p) + H(q)) / 2 with
    the entropy H in nats (Lin 1991, "Divergence measures based on the Shannon entropy"), here its mean over the rows
    whose tokens are partners. Two keys that are partners are one outcome; a key without a partner is an outcome that
    the other row never has; what a row gives to no key (an attention sink's share) is one more, the same in both. A row
    counts where both sides see something and one of them has a choice: under a causal mask the first row is 1 anyhow.

    Parameters
    ----------
    trace : AttentionTrace
        The one.
    beside : Beside
        The other.
    attention : str
        Which attention.
    only : sequence of int, optional
        Compare the rows of these tokens; by default of all that have a partner.
    queries : int, optional
        Of a longer text, compare only so many rows, evenly spread with the last among them. None compares all.
    alive : function, optional
        Called before each piece of work; what it raises stops the work.

    Raises
    ------
    ValueError
        If nothing can be compared; with the reason.
    """
    sides = beside.sides(attention)
    why = beside.why_not(attention)
    if why or sides is None:
        raise ValueError(why)
    rows, columns = sides
    pairs = torch.tensor([pair for pair in rows.pairs if only is None or pair[0] in only])  # (rows, 2)
    if not len(pairs):
        raise ValueError("none of these tokens has a partner in the other text")
    some = pairs[spread(len(pairs), len(pairs) if queries is None else queries)]  # (rows, 2)
    (here, there), shape = torch.tensor(columns.pairs).unbind(1), (trace.n_layers(attention), trace.n_heads(attention))
    step = max(1, _TILE // (max(columns.sizes) * shape[1]))
    sums = torch.zeros(2, *shape)  # (2, layers, heads): of the divergence, and of the rows that count
    kept = [number for number in trace.kept(attention) if not beside.why_not(attention, number)]
    parts = torch.split(some, step)
    for part, these in enumerate(parts):
        for nth, layer in enumerate(kept):
            alive(part * len(kept) + nth, len(parts) * len(kept))
            own, sees = _rows(trace, layer, None, attention, these[:, 0])  # (heads, rows, keys), (heads, rows)
            at, head = (layer, None) if beside.head is None else (beside.head.layer, [beside.head.head])
            other, others_sees = _rows(beside.other, at, head, attention, these[:, 1])
            counts = (sees > 0) & (others_sees > 0) & ((sees > 1) | (others_sees > 1))  # (heads, rows)
            apart = _divergence(own, other, (here, there)).masked_fill(~counts, 0)  # (heads, rows)
            sums[:, layer] += torch.stack([apart.sum(1), counts.sum(1)]).to(sums)
    grid = sums[0] / sums[1]  # (layers, heads)
    numbers = [(float(grid[at, head]), str(HeadId(at, head))) for at in range(shape[0]) for head in range(shape[1])]
    ranked = sorted(numbers, key=lambda one: (math.isnan(one[0]), -one[0]))
    values = torch.tensor([value for value, _ in ranked])
    return Divergences([name for _, name in ranked], values, grid, len(some), len(pairs))


def _divergence(p: Tensor, q: Tensor, partners: tuple[Tensor, Tensor]) -> Tensor:
    """Compute the divergence of rows over the last dimension, in nats, by which of their keys are partners."""
    both = divergence(p[..., partners[0]], q[..., partners[1]])  # (heads, rows)
    rest = divergence(*((1 - one.sum(-1, keepdim=True)).clamp(min=0) for one in (p, q)))  # (heads, rows)
    lone = _lone(p, partners[0]) + _lone(q, partners[1])  # (heads, rows)
    # of an outcome that one row alone has, p ln(p / m) = p ln 2
    return (both + rest + lone * math.log(2) / 2).clamp(min=0)  # rounding


def _lone(row: Tensor, partners: Tensor) -> Tensor:
    """Sum what a row gives to keys without a partner, (heads, rows)."""
    alone = torch.ones(row.shape[-1], dtype=torch.bool)
    alone[partners] = False
    return row[..., alone].sum(-1)


def _rows(
    trace: AttentionTrace, layer: int, heads: list[int] | None, attention: str, queries: Tensor
) -> tuple[Tensor, Tensor]:
    """Return rows of weights, (heads, rows, keys), and how many keys each may attend to, (heads, rows)."""
    where: dict[str, Any] = {"attention": attention, "queries": queries.tolist()}
    weights = trace.weights(layer, heads, **where).double().cpu()
    return weights, trace.allowed(layer, heads, **where).sum(-1).cpu()
