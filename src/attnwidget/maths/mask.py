"""The attention mask as a rule, so that no (queries, keys) matrix is built to state it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from attnwidget.maths.tile import ALL, Index, take

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK = 1024  # rows of a matrix that are compared at once


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

    def reach(self, queries: Tensor, m: int) -> tuple[int, int]:
        """Return the first of `m` keys that the rule lets any of these queries see, and one after the last."""
        if not len(queries):
            return 0, 0
        first = 0 if self.before is None else min(m, max(0, int(queries.min()) - self.before))
        stop = m if self.after is None else min(m, max(0, int(queries.max()) + self.after + 1))
        return first, max(first, stop)

    def over(self, queries: tuple[int, int], keys: tuple[int, int]) -> bool | None:
        """Say of all pairs between two ranges whether they may attend: all, none, or (None) that it takes `allowed`."""
        (first, last), (start, stop) = queries, keys
        ahead = None if self.after is None else (start - (last - 1) - self.after, stop - 1 - first - self.after)
        back = None if self.before is None else (first - (stop - 1) - self.before, last - 1 - start - self.before)
        reach = [one for one in (ahead, back) if one is not None]  # of the nearest and the farthest pair
        if any(nearest > 0 for nearest, _ in reach):
            return False
        says_all = self.keep is None and self.dense is None
        return True if says_all and all(farthest <= 0 for _, farthest in reach) else None

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
        result = torch.ones(len(queries), len(keys), dtype=torch.bool, device=keys.device)  # (queries, keys)
        if self.before is not None:
            result &= keys >= (queries - self.before)[:, None]
        if self.after is not None:
            result &= keys <= (queries + self.after)[:, None]
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
        rule, says_all = cls.from_rows(lambda start, stop: allowed[None, start:stop], *allowed.shape)
        return rule if says_all else cls(rule.before, rule.after, dense=allowed)

    @classmethod
    def from_rows(cls, rows: Callable[[int, int], Tensor], n: int, m: int) -> tuple[Self, bool]:
        """Find the rule that says exactly the same as a matrix that is never whole.

        Parameters
        ----------
        rows : function
            Called twice for every block of rows with its (start, stop): bool (heads, rows, m).
        n, m : int
            Number of queries and of keys.

        Returns
        -------
        tuple
            The rule and True; or False with one that forbids less, where no rule says it all.
        """
        blocks = [(start, min(start + _BLOCK, n)) for start in range(0, n, _BLOCK)]
        keep = torch.zeros(m, dtype=torch.bool)  # (keys,)
        before = after = -max(n, m)
        for start, stop in blocks:
            block = rows(start, stop)  # (heads, rows, keys)
            if len(block) != 1:
                return cls(), False
            keep = keep.to(block.device) | block[0].any(0)
            seeing = block[0].any(1)  # (rows,)
            if not seeing.any():
                continue
            at = torch.arange(start, stop, device=block.device)  # (rows,)
            # argmax returns the first of equals; as bytes a bool matrix needs no conversion
            first = block[0].contiguous().view(torch.uint8).argmax(1)  # (rows,)
            last = m - 1 - block[0].flip(1).view(torch.uint8).argmax(1)  # (rows,)
            before = max(before, int((at - first)[seeing].max()))
            after = max(after, int((last - at)[seeing].max()))
        seen = None if bool(keep.all()) else keep
        rules = [
            cls(reach_back, reach_ahead, seen) for reach_back, reach_ahead in product((None, before), (None, after))
        ]
        columns = torch.arange(m, device=keep.device)  # (keys,)
        for start, stop in blocks:
            block, at = rows(start, stop)[0], torch.arange(start, stop, device=keep.device)
            rules = [rule for rule in rules if torch.equal(rule.allowed(at, columns)[0], block)]
        return (rules[0], True) if rules else (cls(before, after), False)
