"""The attention weight, after the softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.measures.base import Measure

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.measures.region import Region


class Weights(Measure):
    """α = softmax over the keys of the score (Vaswani et al. 2017, "Attention is all you need", section 3.2.1)."""

    name = "weights"
    label = "weight"
    sentence = "The share of its attention that the query gives this key, after the softmax."
    domain = "share"

    def tile(self, region: Region) -> Tensor:
        """Compute (heads, queries, keys)."""
        return region.weights()
