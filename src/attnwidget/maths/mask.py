"""The attention mask as a rule, so that no (queries, keys) matrix is built to state it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Self

import torch
from torch import Tensor

from attnwidget.maths.tile import ALL, Index, positions, take

_BLOCK = 1024  # rows of a dense mask that are compared at once


@dataclass(frozen=True)
class Mask:
    """Which (query, key) pairs may attend.

    A pair is allowed if it satisfies every part that is given. Query *i* and key *j* are counted
    from the same start, so causal attention is ``Mask(after=0)``, a sliding window of *w* tokens
    ``Mask(before=w - 1, after=0)``.

    Attributes
    ----------
    before : int, optional
        How many positions back a query may look: ``i - j <= before``.
    after : int, optional
        How many positions ahead: ``j - i <= after``.
    keep : Tensor, optional
        bool (keys,), False at padding.
    dense : Tensor, optional
        bool (queries, keys) or (heads, queries, keys), for what no rule can say.
    """

    before: int | None = None
    after: int | None = None
    keep: Tensor | None = None  # (keys,)
    dense: Tensor | None = None  # (queries, keys) or (heads, queries, keys)

    @property
    def is_causal(self) -> bool:
        """Whether the rule forbids every later key."""
        return self.after is not None and self.after <= 0

    def allowed(self, queries: Tensor, keys: Tensor, heads: Index = ALL) -> Tensor:
        """Say for a tile which pairs may attend.

        Parameters
        ----------
        queries, keys : Tensor
            Positions, int64 (queries,) and (keys,), on the same device.
        heads : slice or Tensor
            Which heads, where the mask differs between them.

        Returns
        -------
        Tensor
            bool (1, queries, keys), or (heads, queries, keys) if the mask differs between heads.
        """
        ahead = keys - queries[:, None]  # (queries, keys)
        result = torch.ones_like(ahead, dtype=torch.bool)  # (queries, keys)
        if self.before is not None:
            result &= ahead >= -self.before
        if self.after is not None:
            result &= ahead <= self.after
        if self.keep is not None:
            result &= self.keep.to(keys.device)[keys]
        if self.dense is None:
            return result[None]
        dense = self.dense if self.dense.ndim == 3 else self.dense[None]  # (1 or heads, n, m)
        dense = take(dense, 0, heads) if dense.shape[0] > 1 else dense  # (1 or heads, n, m)
        tile = take(take(dense, 1, queries), 2, keys)  # (1 or heads, queries, keys)
        return result & tile.to(result.device)

    @classmethod
    def from_dense(cls, allowed: Tensor) -> Self:
        """Find the rule that says exactly the same as a matrix, or keep the matrix.

        Parameters
        ----------
        allowed : Tensor
            bool (queries, keys) or (heads, queries, keys).
        """
        if allowed.ndim == 3 and (allowed[1:] == allowed[:1]).all():
            allowed = allowed[0]
        if allowed.ndim == 3 or 0 in allowed.shape:
            return cls(dense=allowed)
        n, m = allowed.shape
        keep = allowed.any(0)  # (keys,)
        keep_or_none = None if bool(keep.all()) else keep
        seeing = allowed.any(1)  # (queries,)
        if not seeing.any():
            return cls(keep=keep)
        rows = torch.arange(n, device=allowed.device)  # (queries,)
        # argmax returns the first of equals; as bytes a bool matrix needs no conversion
        first = allowed.contiguous().view(torch.uint8).argmax(1)  # (queries,)
        last = m - 1 - allowed.flip(1).view(torch.uint8).argmax(1)  # (queries,)
        before = int((rows - first)[seeing].max())
        after = int((last - rows)[seeing].max())
        for reach_back, reach_ahead in product((None, before), (None, after)):
            rule = cls(reach_back, reach_ahead, keep_or_none)
            if rule.equals(allowed):
                return rule
        return cls(before, after, dense=allowed)  # the matrix says it all; its bounds are known besides

    def equals(self, allowed: Tensor) -> bool:
        """Whether the rule says the same as a bool matrix (queries, keys)."""
        n, m = allowed.shape
        keys = torch.arange(m, device=allowed.device)  # (keys,)
        for start in range(0, n, _BLOCK):
            rows = positions(slice(start, start + _BLOCK), n, allowed.device)  # (block,)
            if not torch.equal(self.allowed(rows, keys)[0], allowed[start : start + _BLOCK]):
                return False
        return True
