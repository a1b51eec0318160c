"""How much of a token's vector after attention each key's token makes up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from attnwidget.measures.base import Measure
from attnwidget.measures.parts import ONE_TEXT, numbers_of_parts

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.measures.region import Region


class Alti(Measure):
    """c_ij = max(0, ‖y_i‖₁ − ‖y_i − T_i(x_j)‖₁), each row divided by its sum (Ferrando et al. 2022).

    "Measuring the Mixing of Contextual Information in the Transformer", equations 7 to 9, of one layer. y_i is the
    model's own vector after attention, biases and all; T_i(x_j) is what token j gives it, as of `BlockNorms`.
    """

    name = "alti"
    label = "ALTI share"
    sentence = (
        "The share of the query's vector after attention that this key's token makes up, residual and norm "
        "included: by how much the sum of its sizes shrinks without it."
    )
    domain = "share"
    of = "layer"
    needs = frozenset({"block"})
    refuses = ONE_TEXT
    is_slow = True

    def tile(self, region: Region) -> Tensor:
        """Compute (heads, queries, keys)."""
        return region.once(self.name, lambda queries, keys: self._of(region, queries, keys))

    def _of(self, region: Region, queries: Tensor, keys: Tensor) -> Tensor:
        every = torch.arange(region.whole[2], device=keys.device)  # a row is divided by its sum over all keys
        whole = region.of_layer(queries, every)
        nearer = numbers_of_parts(whole, _shrinks).masked_fill(~whole.allowed().any(0), 0)  # (queries, all keys)
        return (nearer / nearer.sum(-1, keepdim=True))[:, keys]


def _shrinks(vectors: Tensor, summed: Tensor) -> Tensor:
    """By how much each vector of (queries, keys, d_model) makes up for the size of (queries, d_model)."""
    size = summed.abs().sum(-1)  # (queries,)
    rest = (summed[:, None] - vectors).abs().sum(-1)  # (queries, keys)
    return (size[:, None] - rest).clamp(min=0)
