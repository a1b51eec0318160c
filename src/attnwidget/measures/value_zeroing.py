"""How far the query's vector turns if a key has nothing to give."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from attnwidget.maths.softmax import upcast
from attnwidget.measures.base import Measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.measures.region import Region

MOST = 1 << 16  # pairs at once: each is a run of the rest of the block for one token
_BATCH = 1 << 11


class ValueZeroing(Measure):
    """1 − cos(y_i, y_i with v_j = 0 in all heads of the layer) (Mohebbi et al. 2023, "Quantifying Context Mixing").

    y_i is the output of the whole block, feed-forward part and norms included, with the block's own code run again.
    Rows are not divided by their sum, which the authors do for a score: a number is the distance itself, 0 … 2.
    """

    name = "value_zeroing"
    label = "value zeroing"
    sentence = (
        "How far the query's vector at the end of the block turns if this key's value is zero in all heads of the "
        "layer: 1 − cosine. Zero may be a value that the model never meets."
    )
    domain = "positive"
    of = "layer"
    needs = frozenset({"rest"})
    refuses = MappingProxyType(
        {"cross": "it is not defined for cross-attention: the block is the decoder's, see there"}
    )
    is_slow = True

    def tile(self, region: Region) -> Tensor:
        """Compute (heads, queries, keys)."""
        return region.once(self.name, lambda queries, keys: _distances(region.of_layer(queries, keys)))


def _distances(region: Region) -> Tensor:
    """Compute (queries, keys) from a region with all heads of the layer."""
    rest = region.block().rest
    if isinstance(rest, str):
        raise ValueError(rest)  # noqa: TRY004 - a reason
    _, rows, columns = region.shape
    pairs = region.allowed().any(0).nonzero()  # (pairs, 2)
    if len(pairs) > MOST:
        raise ValueError(
            f"value zeroing runs the rest of the block once for each pair: at most {MOST:,} pairs at once, and here "
            f"are {len(pairs):,}. Pin a query, or take a shorter text"
        )
    values, weights = region.values(), region.weights()
    every = torch.arange(region.whole[2], device=region.keys.device)
    whole = region.of_layer(region.queries, every)
    heads = torch.einsum("hqk,hkd->qhd", whole.weights(), whole.values())  # (queries, heads, d_v)
    as_they_are = _directions(rest, region.queries, heads.flatten(1))  # (queries, d_model)
    found = weights.new_zeros(rows, columns)
    for some in torch.split(pairs, _BATCH):
        row, column = some.unbind(1)
        lost = weights[:, row, column].T[..., None] * values[:, column].transpose(0, 1)  # (pairs, heads, d_v)
        turned = _directions(rest, region.queries[row], (heads[row] - lost).flatten(1))  # (pairs, d_model)
        # of two directions 1 − cos is half of their squared distance, which keeps the digits of a small one
        found[row, column] = ((turned - as_they_are[row]).square().sum(-1) / 2).to(found)
    return found


def _directions(rest: Callable[[Tensor, Tensor], Tensor], tokens: Tensor, heads: Tensor) -> Tensor:
    """Return the directions of a block's output, float64 (pairs, d_model), some pairs at a time."""
    parts = [
        upcast(rest(some, given)).double()
        for some, given in zip(torch.split(tokens, _BATCH), torch.split(heads, _BATCH), strict=True)
    ]
    return torch.nn.functional.normalize(torch.cat(parts), dim=-1)
