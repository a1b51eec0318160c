"""How much a weight counts for what the model says, to first order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.maths.softmax import product
from attnwidget.measures.base import Measure

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.measures.region import Region


class Gradients(Measure):
    """(∇A ∘ A)⁺ of one head (Chefer et al. 2021, "Generic Attention-model Explainability", equation 5).

    They take its mean over the heads for their relevancy. ∇A_ij = ∂y/∂o_i · v_j, the gradient of the target's number y
    by the head's output times the value, as o_i = Σ_j A_ij v_j.
    """

    name = "gradients"
    label = "gradient × weight"
    sentence = (
        "Weight × how much the number that is asked about rises with it, where it rises; by default how likely the "
        "likeliest token is. True of small changes only."
    )
    domain = "positive"
    needs = frozenset({"gradient"})
    is_slow = True

    def tile(self, region: Region) -> Tensor:
        """Compute (heads, queries, keys)."""
        gradient = product(region.gradient(), region.values().transpose(1, 2))  # (heads, queries, keys)
        return (gradient * region.weights()).clamp(min=0)
