"""Many heads as one: a number a pair, and the head that it is largest in; the browser's `takeTogether`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def as_one(numbers: Tensor, how: str, *, adds_up: bool) -> tuple[Tensor, Tensor]:
    """Take many heads' numbers of the same pairs together.

    Parameters
    ----------
    numbers : Tensor
        (heads, ...), −∞ where a head's mask forbids the pair.
    how : "mean" or "maximum"
        Of numbers with either sign the maximum is the one farthest from 0.
    adds_up : bool
        Whether sums of the numbers mean something: a forbidden pair is 0 then; of scores it does not enter a mean.

    Returns
    -------
    one : Tensor
        (...): −∞ where every head forbids the pair, NaN with NaN among them.
    strongest : Tensor
        int64 (...): the head whose number is farthest from 0.
    """
    allowed = numbers != -torch.inf  # (heads, ...)
    known = numbers.masked_fill(~allowed, 0)  # (heads, ...)
    strongest = known.abs().masked_fill(~allowed, -1).argmax(0)  # (...); NaN wins
    if how == "mean":
        counted = len(numbers) if adds_up else allowed.sum(0).clamp(min=1)  # (...)
        one = known.sum(0) / counted  # (...)
    else:
        one = known.gather(0, strongest[None])[0]  # (...)
    return one.masked_fill(~allowed.any(0), -torch.inf), strongest
