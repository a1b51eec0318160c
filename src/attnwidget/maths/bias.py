"""A bias that depends on the distance of query and key alone, kept as its diagonals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from attnwidget.maths.tile import Index, positions, take

if TYPE_CHECKING:
    from torch import Tensor

_BLOCK = 256  # rows that are compared at once


@dataclass(frozen=True)
class RelativeBias:
    """What is added to the score of query *i* and key *j*: a number for each ``j - i``.

    T5's relative positions and ALiBi are of this kind: heads × (n + m − 1) numbers say as much as
    heads × n × m (Raffel et al. 2020, section 2.1; Press et al. 2022, section 3).

    Attributes
    ----------
    diagonals : Tensor
        (heads, queries + keys − 1); entry *p* is for ``j - i = p - (queries - 1)``.
    queries : int
        Number of queries.
    """

    diagonals: Tensor
    queries: int

    def tile(self, heads: Index, queries: Index, keys: Index) -> Tensor:
        """Write a part out, (heads, queries, keys)."""
        device, m = self.diagonals.device, self.diagonals.shape[1] - self.queries + 1
        rows, columns = positions(queries, self.queries, device), positions(keys, m, device)
        chosen = take(self.diagonals, 0, heads)  # (heads, queries + keys − 1)
        return chosen[:, columns - rows[:, None] + self.queries - 1]  # (heads, queries, keys)

    @classmethod
    def from_dense(cls, bias: Tensor) -> Self | None:
        """Find the diagonals of a bias (heads, queries, keys); None if they are not constant."""
        n, m = bias.shape[1:]
        if not n or not m:
            return None
        below = bias[:, 1:, 0].flip(1)  # (heads, queries − 1), j − i = −(n − 1) … −1
        found = cls(torch.cat([below, bias[:, 0]], dim=1), n)  # (heads, queries + keys − 1)
        for start in range(0, n, _BLOCK):
            rows = slice(start, start + _BLOCK)
            if not torch.equal(found.tile(slice(None), rows, slice(None)), bias[:, rows]):
                return None
        return found
