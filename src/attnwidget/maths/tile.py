"""Which part of a tensor somebody is looking at."""

from __future__ import annotations

from operator import index as as_int
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

Index = slice | Tensor  # a slice takes a view, positions (count,) take a copy
ALL = slice(None)


def resolve(wanted: int | slice | Sequence[int] | None, size: int, name: str) -> tuple[Index, bool]:
    """Turn what a user may write into an index, checked against the size.

    Parameters
    ----------
    wanted : int, slice, sequence of int, or None
        As in Python, negative numbers count from the end. None means everything.
    size : int
        Length of the dimension.
    name : str
        What is counted, for the message.

    Returns
    -------
    index : slice or Tensor
        A slice with a positive step, or int64 positions (count,).
    is_single : bool
        Whether `wanted` was one number, which drops the dimension.

    Raises
    ------
    IndexError
        If a number lies outside ``-size … size - 1``.
    TypeError
        If `wanted` is none of the above.
    """
    if wanted is None:
        return ALL, False
    if isinstance(wanted, slice):
        steps = range(*wanted.indices(size))
        if steps.step > 0:
            return slice(steps.start, max(steps.start, steps.stop), steps.step), False
        return torch.tensor(steps, dtype=torch.long), False
    is_single = hasattr(wanted, "__index__") and not getattr(wanted, "shape", ())
    numbers = [wanted] if is_single else wanted
    try:
        found = [as_int(number) for number in numbers]  # type: ignore[arg-type, union-attr]
    except TypeError:
        raise TypeError(f"{name} must be an int, a slice or a list of ints, got {wanted!r}") from None
    for number in found:
        if not -size <= number < size:
            raise IndexError(f"{name} {number} does not exist; expected {-size} … {size - 1}")
    found = [number % size for number in found]
    if is_single:
        return slice(found[0], found[0] + 1, 1), True
    return torch.tensor(found, dtype=torch.long), False


def positions(index: Index, size: int, device: torch.device) -> Tensor:
    """Write an index out as positions, int64 (count,)."""
    if isinstance(index, slice):
        return torch.arange(*index.indices(size), device=device)
    return index.to(device)


def take(tensor: Tensor, dim: int, index: Index) -> Tensor:
    """Take part of one dimension: a view for a slice, a copy for positions."""
    if isinstance(index, slice):
        return tensor[(ALL,) * dim + (index,)]
    return tensor.index_select(dim, index.to(tensor.device))
