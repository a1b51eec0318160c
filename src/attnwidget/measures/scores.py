"""The score, before the softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.measures.base import Measure

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.measures.region import Region


class Scores(Measure):
    """q·k, scaled, soft-capped and biased as the model does it (Vaswani et al. 2017, section 3.2.1).

    Merged into words, scores are taken together by their log-sum-exp: its exponential is what the word gets in the
    softmax.
    """

    name = "scores"
    label = "score"
    sentence = (
        "q·k as the model scales and biases it, before the softmax: the key with the higher score gets more weight."
    )
    domain = "real"
    needs = frozenset({"scores"})
    over_keys = "logsumexp"

    def tile(self, region: Region) -> Tensor:
        """Compute (heads, queries, keys)."""
        return region.scores()
