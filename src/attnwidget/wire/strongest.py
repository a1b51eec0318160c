"""The strongest pairs in plain text, for readers whom no picture reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from attnwidget.head_id import HeadId
from attnwidget.tokens.decoder import writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def strongest(
    numbers: Tensor,
    labels: tuple[Sequence[str], Sequence[str]],
    heads: Sequence[tuple[int, int]],
    count: int = 3,
    *,
    writes: bool = False,
) -> list[str]:
    """Name the strongest pairs.

    A query's link to itself is left out, and so are the rows that see one key only: their weight is 1 by necessity.

    Parameters
    ----------
    numbers : Tensor
        (heads, queries, keys) as `tile` gives them.
    labels : pair of sequences of str
        One for each query, and one for each key; the same sequence twice within one text.
    heads : sequence of (layer, head)
        Of which the numbers are.
    count : int
        How many pairs at most, over all heads.
    writes : bool
        Whether the queries are a decoder's, each of which writes the next.
    """
    telling = (numbers > -torch.inf).sum(-1, keepdim=True) > 1  # (heads, queries, 1)
    queries, keys = labels
    if queries is keys:
        telling = telling & ~torch.eye(numbers.shape[1], dtype=torch.bool)  # (heads, queries, keys)
    if writes:
        queries = writing(queries)
    ranked = numbers.nan_to_num(-torch.inf, neginf=-torch.inf).masked_fill(~telling, -torch.inf).flatten()
    top = ranked.topk(min(count, ranked.numel()))
    lines = []
    for value, at in zip(top.values.tolist(), top.indices.tolist(), strict=True):
        number, query, key = (int(one) for one in torch.unravel_index(torch.tensor(at), numbers.shape))
        if value > 0:
            lines.append(f"{HeadId(*heads[number])} {queries[query]} → {keys[key]} {value:.4f}")
    return lines
