"""What measures of a block share: a number of each transformed vector, and where there are such vectors."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.measures.region import Region

ONE_TEXT = MappingProxyType(
    {"cross": "it is not defined across two texts: the residual is the query's own vector, and it is none of the keys"}
)
"""Measures of the vectors that keys give, where the query's own is one of them."""

_WORK = 1 << 35  # products, from which on a tile takes minutes


def numbers_of_parts(region: Region, number: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Compute a number of what each key's token gives each query's vector.

    Parameters
    ----------
    region : Region
        With all heads of the layer.
    number : function
        From those vectors (queries, keys, d_model), and the queries' own (queries, d_model), to (queries, keys).

    Returns
    -------
    Tensor
        (queries, keys).

    Raises
    ------
    ValueError
        If there are so many pairs that it would take minutes.
    """
    heads, rows, columns = region.shape
    block, matrix = region.block(), region.output_weight()  # (heads, d_v, d_model)
    pairs = rows * columns
    most = _WORK // (heads * matrix.shape[-1])
    if pairs > most:
        raise ValueError(
            f"this number takes a vector of {matrix.shape[-1]:,} numbers for each head and pair: at most {most:,} "
            f"pairs at once, and here are {pairs:,}. Pin a query, or take a shorter text"
        )
    summed = upcast(block.summed)[region.queries]  # (queries, d_model)
    found = region.weights().new_empty(rows, columns)
    given = region.weights(), region.values(), matrix, region.queries, region.keys
    for some, those, vectors in block.parts(*given):
        found[some, those] = number(vectors, summed[some])
    return found if rows and columns else torch.zeros(rows, columns)
