"""Mean and spread of numbers that come one after the other and are not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Running:
    """Mean and standard deviation so far, by Welford's recurrence (Knuth, TAOCP 2, 4.2.2); NaN does not count.

    Parameters
    ----------
    shape : sequence of int
        Of all that is added.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self._count = torch.zeros(tuple(shape), dtype=torch.int64)
        self._mean = torch.zeros(tuple(shape), dtype=torch.float64)
        self._squares = torch.zeros(tuple(shape), dtype=torch.float64)

    def add(self, scores: Tensor) -> None:
        """Take in one more tensor."""
        new = scores.double()
        counts = ~new.isnan()
        self._count = self._count + counts
        apart = (new - self._mean).nan_to_num(0.0, torch.inf, -torch.inf)
        self._mean = self._mean + apart / self._count.clamp(min=1)
        self._squares = self._squares + (apart * (new - self._mean)).where(counts, 0)

    @property
    def mean(self) -> Tensor:
        """float32, NaN where no number was."""
        return self._mean.masked_fill(self._count == 0, torch.nan).float()

    @property
    def spread(self) -> Tensor:
        """float32: the standard deviation between what was added, NaN where no number was."""
        return (self._squares / self._count).sqrt().float()  # 0 / 0 is NaN
