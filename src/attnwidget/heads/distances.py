"""How far all heads are apart, two by two: a matrix, an order in which alike heads stand together, a map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

from attnwidget.head_id import HeadId
from attnwidget.heads.apart import QUERIES, apart
from attnwidget.heads.categories import OTHER
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.heads.table import CategoryTable
    from attnwidget.trace import AttentionTrace

NO_MAP = "a map of heads needs scikit-learn: pip install 'attnwidget[map]'"
CLARK = {"smoothing": 0.001, "over": "sum", "unit": "nats", "queries": None}
"""What `head_distances` takes to compute what Clark et al. 2019 computed of each text."""
_SHOWN = 5  # pairs of the text form


class Agreement(NamedTuple):
    """Whether heads that are alike are of one category."""

    same: int
    """Heads whose nearest head is of the same category."""
    heads: int
    """Heads that have a category."""
    chance: float
    """How many of them would be expected if categories were dealt out at random."""


class HeadMap(NamedTuple):
    """Heads as points of a plane, whose distances are about those of the heads."""

    heads: list[str]
    places: Tensor
    """float32 (heads, 2), around 0."""
    stress: float
    """Kruskal's stress-1: how far the plane's distances are off, 0 for none; 0.2 and more is a poor picture."""


@dataclass(frozen=True)
class HeadDistances(Tabular):
    """How far each two heads are apart.

    `to_pandas` has a row a pair, the nearest first: layer, head, other layer, other head, distance.

    Attributes
    ----------
    attention : str
        Whose heads.
    heads : list of str
        ``["L0-H0", …]``, of all layers that the trace has.
    values : Tensor
        float32 (heads, heads), symmetric; 0 on the diagonal, NaN where no query counts.
    unit : "bits" or "nats"
        In which they are.
    over : "mean" or "sum"
        How the queries are taken together.
    smoothing : float
        Which share of each row was spread evenly first.
    queries, of : int
        How many queries were compared, and of how many.
    """

    attention: str
    heads: list[str]
    values: Tensor
    unit: str
    over: str
    smoothing: float
    queries: int
    of: int

    def __len__(self) -> int:
        return len(self.heads)

    def __getitem__(self, pair: tuple[str, str]) -> float:
        """Return two heads' distance, ``found["L0-H1", "L3-H4"]``."""
        one, other = (self.heads.index(str(HeadId.read(head))) for head in pair)
        return float(self.values[one, other])

    def order(self) -> list[int]:
        """Return the heads' numbers in an order in which alike ones stand together: the leaves of a tree.

        The two groups whose heads are nearest on average become one, until there is one (average linkage, Sokal and
        Michener 1958); of two that are joined, the ends that are nearest meet. Heads without a number are last.
        """
        known = self._known()
        far = self.values[known][:, known].double().fill_diagonal_(torch.inf)  # (known, known)
        between = far.clone()  # of groups, at the place of their first heads
        groups = [[at] for at in range(len(known))]
        for _ in range(len(known) - 1):
            one, other = divmod(int(between.argmin()), len(known))
            a, b = groups[one], groups[other]
            mixed = (between[one] * len(a) + between[other] * len(b)) / (len(a) + len(b))
            between[one] = between[:, one] = mixed
            between[other] = between[:, other] = between[one, one] = torch.inf
            ways = [(x, y) for x in (a, a[::-1]) for y in (b, b[::-1])]
            groups[one] = [at for part in min(ways, key=lambda way: float(far[way[0][-1], way[1][0]])) for at in part]
            groups[other] = []
        placed = [known[at] for group in groups for at in group]
        return placed + [at for at in range(len(self)) if at not in set(placed)]

    def map(self) -> HeadMap:
        """Lay the heads out in a plane, the same each time: multidimensional scaling by scikit-learn's SMACOF.

        It starts from classical scaling, not from chance. The axes mean nothing, only what is near what. Heads without
        a number are left out.

        Raises
        ------
        ImportError
            Without scikit-learn.
        """
        known = self._known()
        try:
            from sklearn.manifold import smacof
        except ImportError as error:
            raise ImportError(NO_MAP) from error
        names, far = [self.heads[at] for at in known], self.values[known][:, known].double()  # (known, known)
        if len(known) < 2 or not far.any():
            return HeadMap(names, torch.zeros(len(known), 2), 0.0)
        start = _classical(far).numpy()
        found, _ = smacof(far.numpy(), n_components=2, init=start, n_init=1, max_iter=1000, eps=1e-9)
        places = torch.as_tensor(found)  # (known, 2)
        off = torch.cdist(places, places) - far
        stress = float((off.square().sum() / far.square().sum()).sqrt())
        return HeadMap(names, places.float(), stress)

    def agreement(self, table: CategoryTable) -> Agreement:
        """Count the heads whose nearest head is of the same category, of those that have one ("Other" is none).

        Parameters
        ----------
        table : CategoryTable
            Of the same model and attention, as `attnwidget.categorize` returns it.
        """
        kinds = {at: kind for at in self._known() if (kind := table[self.heads[at]].category) != OTHER}
        numbers = list(kinds)
        if len(numbers) < 2:
            return Agreement(0, len(numbers), 0.0)
        far = self.values[numbers][:, numbers].clone().fill_diagonal_(torch.inf)
        nearest = far.argmin(1).tolist()
        same = sum(kinds[one] == kinds[numbers[other]] for one, other in zip(numbers, nearest, strict=True))
        sizes = [list(kinds.values()).count(kind) for kind in {*kinds.values()}]
        return Agreement(same, len(numbers), sum(size * (size - 1) for size in sizes) / (len(numbers) - 1))

    def to_dict(self) -> dict[str, dict[str, float | None]]:
        """Return ``{"L0-H0": {"L0-H1": 0.08, …}, …}``; NaN becomes None, so that JSON can hold it."""
        rows = self.values.tolist()
        return {
            one: {other: None if math.isnan(far) else far for other, far in zip(self.heads, row, strict=True)}
            for one, row in zip(self.heads, rows, strict=True)
        }

    def to_numbers(self) -> list[tuple[str, str, float]]:
        """Return each pair of heads once with its distance, the nearest first."""
        count, values = len(self), self.values.tolist()
        pairs = [(self.heads[a], self.heads[b], values[a][b]) for a in range(count) for b in range(a + 1, count)]
        return sorted(pairs, key=lambda pair: (math.isnan(pair[2]), pair[2]))

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        rows = [(*HeadId.read(one), *HeadId.read(other), far) for one, other, far in self.to_numbers()]
        columns = ["layer", "head", "other layer", "other head", "distance"]
        return Table(columns, rows, caption=self._about)

    @property
    def _about(self) -> str:
        queries = f"{self.queries:,} of {self.of:,} queries" if self.queries < self.of else f"{self.of:,} queries"
        smoothed = f", rows smoothed with {self.smoothing:g}" if self.smoothing else ""
        return (
            f"{len(self)} heads, two by two: Jensen–Shannon divergence in {self.unit}, {self.over} over {queries}"
            f"{smoothed}"
        )

    def __repr__(self) -> str:
        pairs = self.to_numbers()
        lines = [f"  {one:8}{other:8}{far:8.4f}" for one, other, far in pairs[:_SHOWN]]
        return "\n".join([self._about, *lines, *(["  …"] if len(pairs) > _SHOWN else [])])

    def _known(self) -> list[int]:
        """List the heads that have a number with some other head; where one has, all such have."""
        there = ~self.values.isnan()
        return [at for at in range(len(self)) if int(there[at].sum()) > 1] or ([0] if len(self) == 1 else [])


def head_distances(
    trace: AttentionTrace,
    attention: str | None = None,
    *,
    smoothing: float = 0.0,
    over: Literal["mean", "sum"] = "mean",
    unit: Literal["bits", "nats"] = "bits",
    queries: int | None = QUERIES,
    alive: Callable[..., None] = lambda *_: None,
) -> HeadDistances:
    """Compare every head with every other, by their rows of weights.

    What `similar_heads` says of one head, of all: the Jensen–Shannon divergence of their rows, mean over the queries,
    in bits; see there for which queries count. Memory stays bounded: rows of all heads are computed tile by tile, and
    each pair is compared once.

    Clark et al. 2019 ("What does BERT look at?", section 6) take the sum over all rows, in nats, of rows that are
    smoothed, A' = 0.999 A + 0.001/n, so that no logarithm is of 0: ``head_distances(trace,
    smoothing=0.001, over="sum", unit="nats", queries=None)``. Smoothing needs no zero here, as 0 · log 0 is 0. What
    is spread goes to the keys that a query may attend to: all n in BERT, and under a mask no forbidden one.

    Parameters
    ----------
    trace : AttentionTrace
        The text's attention.
    attention : str, optional
        Which attention, the first by default.
    smoothing : float
        ε of A' = (1 − ε) A + ε/n, from 0 to 1; 0 leaves the rows as they are.
    over : "mean" or "sum"
        How the queries are taken together.
    unit : "bits" or "nats"
        In bits a row's divergence is at most 1, in nats at most ln 2 = 0.693.
    queries : int, optional
        Of a longer text, compare only so many, evenly spread with the last among them; None compares all.
    alive : function, optional
        Called before each piece of work with how much is done, and of how much; what it raises stops the work.

    Returns
    -------
    HeadDistances

    Raises
    ------
    ValueError
        If an argument is outside what is named above.
    """
    if not 0 <= smoothing <= 1:
        raise ValueError(f"smoothing must be from 0 to 1, got {smoothing}")
    for what, value, known in (("over", over, ("mean", "sum")), ("unit", unit, ("bits", "nats"))):
        if value not in known:
            raise ValueError(f'{what} must be "{known[0]}" or "{known[1]}", got {value!r}')
    name = trace.attentions[0] if attention is None else attention
    heads = [HeadId(layer, head) for layer in trace.kept(name) for head in range(trace.n_heads(name))]
    found = apart(trace, name, heads, range(len(heads)), queries=queries, smoothing=smoothing, alive=alive)
    values = found.sums / (found.counts if over == "mean" else 1)  # (heads, heads)
    values = values.masked_fill(found.counts == 0, torch.nan) / (math.log(2) if unit == "bits" else 1)
    return HeadDistances(name, [*map(str, heads)], values, unit, over, smoothing, found.queries, found.of)


def _classical(far: Tensor) -> Tensor:
    """Return the two main axes of classical scaling (Torgerson 1952) of distances (heads, heads)."""
    centred = far.square() - far.square().mean(0)
    values, vectors = torch.linalg.eigh(-(centred - centred.mean(1, keepdim=True)) / 2)  # rising
    axes = vectors[:, -2:].flip(1) * values[-2:].flip(0).clamp(min=0).sqrt()  # (heads, 2)
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))  # (1, 2)
    found: Tensor = axes * largest.sign()  # an axis has no sign of its own
    return found
