"""The length of what a head writes for one key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.measures.base import Measure

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.measures.region import Region


class Norms(Measure):
    """‖α f(x)‖ with f(x) = (x W_V + b_V) W_O (Kobayashi et al. 2020, "Attention is not only a weight", section 2.2).

    W_V, b_V and W_O are this head's part of them; with grouped queries, W_V and b_V are its group's.
    """

    name = "norms"
    label = "norm"
    sentence = (
        "The length of what the head writes into the layer's output for this key: weight × ‖value · W_O‖. "
        "Much weight on a short value, as at a sink, writes little."
    )
    domain = "positive"
    needs = frozenset({"values", "output"})

    def tile(self, region: Region) -> Tensor:
        """Compute (heads, queries, keys)."""
        return region.weights() * region.value_norms()[:, None]  # (heads, queries, keys) × (heads, 1, keys)
