"""Attention rollout: weights multiplied all the way down to the input tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.measures.base import Measure
from attnwidget.measures.ways import ENCODES, mixing, reached

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.measures.region import Region


class Rollout(Measure):
    """R_l = Ā_l R_(l−1) with Ā = ½ A + ½ I, A the mean over the heads.

    Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers", section 3.
    """

    name = "rollout"
    label = "rollout"
    sentence = (
        "The share of a token at this layer that comes from this input token, if half of every vector stays in "
        "place, all heads count alike and values do not matter. With a causal mask it drifts to the first token."
    )
    domain = "share"
    of = "way"
    needs = frozenset({"below"})
    refuses = ENCODES
    limit = 1024
    is_slow = True

    def tile(self, region: Region) -> Tensor:
        """Compute (heads, queries, keys)."""
        kept = region.around.kept
        rolled: Tensor | None = None
        for number, layer in enumerate(region.around.below):
            place = (self.name, region.attention, number)
            if place not in kept:
                mixed = mixing(layer)  # (n, n)
                kept[place] = (mixed if rolled is None else mixed @ rolled.double()).float()
            rolled = kept[place]
        assert rolled is not None  # noqa: S101 - a region is of a layer
        found = rolled[region.queries.cpu()][:, region.keys.cpu()]
        return found.to(region.queries.device).expand(region.shape)

    def allowed(self, region: Region) -> Tensor:
        """Say which input tokens a way leads to, bool (heads, queries, keys)."""
        return reached(region)
