"""One query's numbers in a head, from q·k to the weight, beside those of its partner in the other trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from attnwidget.breakdown import Breakdown
    from attnwidget.head_id import HeadId
    from attnwidget.trace import AttentionTrace

NUMBERS = {"dots": "q·k", "scores": "score", "weights": "weight"}


@dataclass(frozen=True, eq=False)
class Row:
    """What one trace has of a query: tensors (m,) for its m keys, as in `Breakdown`.

    Attributes
    ----------
    head : HeadId
        Which head.
    queries : tuple of int
        Which query, or several taken together.
    labels : list of str
        The keys' tokens.
    allowed, weights, dots, scores : Tensor
        Of a trace of weights alone dots and scores are None.
    head_output : Tensor, optional
        (d_v,).
    missing : str
        Why there are weights only; empty where there is more.
    """

    head: HeadId
    queries: tuple[int, ...]
    labels: list[str]
    allowed: Tensor
    weights: Tensor
    dots: Tensor | None = None
    scores: Tensor | None = None
    head_output: Tensor | None = None
    missing: str = ""


@dataclass(frozen=True, eq=False)
class StepsBeside(Tabular):
    """A query's numbers of every key in one trace, and of the key's partner in the other.

    `to_pandas` has a row a key: those of the one trace, then those that only the other has.

    Attributes
    ----------
    here, there : Row
        The one, and the other.
    partners : Tensor
        int64 (m,), the partner of each key; −1 where it has none.
    only : Tensor
        int64 (k,), the keys that only the other has.
    is_second : bool
        Whether the one is B, and the other A.
    """

    here: Row
    there: Row
    partners: Tensor
    only: Tensor
    is_second: bool = False

    @property
    def names(self) -> list[str]:
        """Which numbers both have: "dots", "scores", "weights", or "weights" alone."""
        return [one for one in NUMBERS if getattr(self.here, one) is not None and getattr(self.there, one) is not None]

    @property
    def only_weights(self) -> str:
        """Why there are weights only; empty where there is more."""
        return self.here.missing or self.there.missing

    @property
    def allowed(self) -> Tensor:
        """Which keys have a partner, and are hidden on neither side, bool (m,)."""
        return self.here.allowed & self.across("allowed")

    def across(self, name: str) -> Tensor:
        """Return the other's numbers on this one's keys, (m,); 0 without a partner."""
        theirs: Tensor = getattr(self.there, name).to(self.here.weights.device)  # (m of the other,)
        found = theirs.new_zeros(self.partners.shape)
        has = self.partners >= 0  # (m,)
        found[has] = theirs[self.partners[has]]
        return found

    def difference(self, name: str) -> Tensor:
        """Return A − B of "dots", "scores" or "weights", (m,): −∞ without a partner, or where either side hides it."""
        ours: Tensor = getattr(self.here, name)
        more = ours - self.across(name)
        return (-more if self.is_second else more).masked_fill(~self.allowed, -torch.inf)

    @property
    def distance(self) -> float | None:
        """|o_A − o_B| of the head's outputs; None where these are not as wide, or not known."""
        ours, theirs = self.here.head_output, self.there.head_output
        if ours is None or theirs is None or ours.shape != theirs.shape:
            return None
        return float((ours - theirs.to(ours.device)).norm())

    def to_table(self) -> Table:
        """Return it as rows under named columns; None where there is no number."""
        first, second = ("B", "A") if self.is_second else ("A", "B")
        named = [(one, NUMBERS[one]) for one in self.names]
        heads = [f"{label}, {side}" for _, label in named for side in (first, second, "A − B")]
        rows: list[tuple[Any, ...]] = []
        for key, partner in enumerate(self.partners.tolist()):
            numbers: list[float | None] = []
            for name, _ in named:
                theirs = None if partner < 0 else float(getattr(self.there, name)[partner])
                more = float(self.difference(name)[key]) if self.allowed[key] else None
                numbers += [float(getattr(self.here, name)[key]), theirs, more]
            rows.append((self.here.labels[key], key, None if partner < 0 else partner, *numbers))
        for key in self.only.tolist():
            numbers = [one for name, _ in named for one in (None, float(getattr(self.there, name)[key]), None)]
            rows.append((self.there.labels[key], None, key, *numbers))
        return Table(["token", f"key, {first}", f"key, {second}", *heads], rows, caption=repr(self))

    def __repr__(self) -> str:
        sides = (self.there, self.here) if self.is_second else (self.here, self.there)
        a, b = (f"{one.head}, query {', '.join(map(str, one.queries))}" for one in sides)
        count = int((self.partners >= 0).sum())
        return f"StepsBeside(A: {a}; B: {b}; {count} of {len(self.partners)} keys have a partner)"


def steps_beside(
    trace: AttentionTrace,
    attention: str,
    head: HeadId,
    queries: Sequence[int],
    combine: Literal["mean", "sum"] = "mean",
    *,
    whole: Breakdown | None = None,
) -> StepsBeside:
    """Put a query's numbers in a head beside those of its partner in the trace beside.

    Parameters
    ----------
    trace : AttentionTrace
        The one, with another beside it.
    attention : str
        Which attention.
    head : HeadId
        The one's head.
    queries : sequence of int
        The one's queries.
    combine : "mean" or "sum"
        How several are taken together.
    whole : Breakdown, optional
        The one's steps, where they are computed already.

    Raises
    ------
    ValueError
        If there is nothing to compare with, with the reason.
    """
    beside = trace.beside
    assert beside is not None  # noqa: S101 - asked only where something stands there
    reason = beside.why_not(attention, head.layer)
    if reason:
        raise ValueError(reason)
    rows, columns = beside.sides(attention)
    there = rows.across(queries)
    if len(there) < len(queries):
        labels = trace.sides(attention)[0].text
        alone = [labels[at] for at in queries if at not in dict(rows.pairs)]
        has = "have" if len(alone) > 1 else "has"
        raise ValueError(f"{', '.join(alone)} {has} no partner in {'A' if beside.is_second else 'B'}")
    device = trace.weights(*head, queries=queries[0], attention=attention).device
    return StepsBeside(
        here=_row(trace, attention, head, queries, combine, whole),
        there=_row(beside.other, attention, beside.head or head, there, combine),
        partners=columns.partners.to(device),
        only=torch.tensor(columns.alone[1], dtype=torch.long, device=device),
        is_second=beside.is_second,
    )


def _row(  # noqa: PLR0917 - private
    trace: AttentionTrace,
    attention: str,
    head: HeadId,
    queries: Sequence[int],
    combine: Literal["mean", "sum"],
    whole: Breakdown | None = None,
) -> Row:
    about = head, tuple(queries), trace.sides(attention)[1].text
    where: dict[str, Any] = {"attention": attention}
    try:
        found = whole or trace.breakdown(*head, queries, combine=combine, output=False, **where)
    except ValueError as error:
        where |= {"queries": [*dict.fromkeys(queries)]}
        weights = trace.weights(*head, **where)  # (queries, m)
        together = weights.mean(0) if combine == "mean" else weights.sum(0)
        return Row(*about, trace.allowed(*head, **where).any(0), together, missing=str(error))
    return Row(*about, found.allowed, found.weights, found.dots, found.scores, found.head_output)
