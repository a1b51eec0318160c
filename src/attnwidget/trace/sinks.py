"""Which token each head gives most weight to, and how much of what it writes comes from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attnwidget.head_id import HeadId
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.trace.core import AttentionTrace

_ROWS = 256  # queries that are looked at in a long text, spread evenly
_SHOWN = 10  # rows of the text form


@dataclass(frozen=True)
class Sinks(Tabular):
    """Every head's favourite token, the one with the most weight first.

    `to_pandas` has a row a head: layer, head, position, token, weight, norm.

    Attributes
    ----------
    attention : str
        Of which attention.
    heads : list of str
        ``"L3-H0"``.
    positions : list of int
        Of the token that the head gives most weight to, in the mean over the queries.
    labels : list of str
        What stands there.
    weights : Tensor
        float32 (heads,): its share of the weight, in the mean over the queries that see it and another key.
    norms : Tensor
        float32 (heads,): its share of ‖α v W_O‖ over the keys, in the same mean; NaN where that is not known.
    """

    attention: str
    heads: list[str]
    positions: list[int]
    labels: list[str]
    weights: Tensor
    norms: Tensor

    def __len__(self) -> int:
        return len(self.heads)

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        ids = [HeadId.read(name) for name in self.heads]
        rows = zip(
            [one.layer for one in ids],
            [one.head for one in ids],
            self.positions,
            self.labels,
            self.weights.tolist(),
            self.norms.tolist(),
            strict=True,
        )
        about = "the token with most weight in each head: its share of the weight, and of the norms"
        return Table(["layer", "head", "position", "token", "weight", "norm"], [*rows], self.heads, about)

    def __repr__(self) -> str:
        lines = ["head    token           weight    norm (shares)"]
        for _, row in zip(range(_SHOWN), zip(self.heads, *self._columns, strict=True), strict=False):
            name, position, label, weight, norm = row
            lines.append(f"{name:8}{f'{position} {label}':14}{weight:8.3f}{norm:8.3f}")
        return "\n".join([*lines, *(["…"] if len(self) > _SHOWN else [])])

    @property
    def _columns(self) -> tuple[list[int], list[str], list[float], list[float]]:
        return self.positions, self.labels, self.weights.tolist(), self.norms.tolist()


def sinks(trace: AttentionTrace, attention: str) -> Sinks:
    """Find every head's favourite token; see `AttentionTrace.sinks`."""
    attending, attended = trace.sides(attention)
    n = len(attending.text)
    rows = torch.linspace(0, n - 1, min(n, _ROWS)).round().long().tolist()
    found: list[tuple[float, HeadId, int, float]] = []
    for layer in trace.kept(attention):
        allowed = trace.allowed(layer, attention=attention, queries=rows).cpu()  # (heads, queries, keys)
        chooses = allowed.sum(-1, keepdim=True) > 1  # (heads, queries, 1): a query with one key has no choice
        counts = (allowed & chooses).sum(1).clamp(min=1)  # (heads, keys)
        has_norms = not trace.lacks("norms", attention, layer=layer)
        shares = []
        for name in ("weights", "norms") if has_norms else ("weights",):
            tile = trace.measure(name, layer, attention=attention, queries=rows).cpu().masked_fill(~allowed, 0)
            share = tile / tile.sum(-1, keepdim=True)  # (heads, queries, keys)
            shares.append(share.masked_fill(~(allowed & chooses), 0).sum(1) / counts)  # (heads, keys)
        best = shares[0].argmax(-1)  # (heads,)
        for head, at in enumerate(best.tolist()):
            norm = float(shares[1][head, at]) if has_norms else torch.nan
            found.append((float(shares[0][head, at]), HeadId(layer, head), at, norm))
    found.sort(key=lambda one: -one[0])
    return Sinks(
        attention,
        heads=[str(head) for _, head, _, _ in found],
        positions=[at for _, _, at, _ in found],
        labels=[attended.text[at] for _, _, at, _ in found],
        weights=torch.tensor([weight for weight, *_ in found]),
        norms=torch.tensor([norm for *_, norm in found]),
    )
