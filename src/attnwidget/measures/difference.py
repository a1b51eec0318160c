"""How much more weight a pair has here than beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.measures.base import Measure

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.measures.region import Region


class Difference(Measure):
    """α_A − α_B of two pairs of tokens that are partners, each from its own softmax.

    Where a token has no partner, or either side forbids the pair, there is no difference: −∞, not 0.
    """

    name = "difference"
    label = "difference"
    sentence = (
        "The weight in A minus the weight of the same pair in B: 0 where both give it the same share. A token without "
        "a partner on the other side has none, nor has a pair that either side hides."
    )
    domain = "signed"
    needs = frozenset({"beside"})
    below = "more in B"
    above = "more in A"

    def tile(self, region: Region) -> Tensor:
        """Compute (heads, queries, keys)."""
        beside = region.beside()
        more = region.weights() - beside.weights(region)  # (heads, queries, keys)
        return -more if beside.is_second else more

    def allowed(self, region: Region) -> Tensor:
        """Say which pairs both sides permit, bool (heads, queries, keys)."""
        return region.allowed() & region.beside().allowed(region)
