"""What a head writes for one key into a logit."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from attnwidget.maths.written import written_into
from attnwidget.measures.base import Measure

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.measures.region import Region


class Contribution(Measure):
    """α_ij (v_j W_O) · u_i (Elhage et al. 2021, "A mathematical framework for transformer circuits").

    u_i leads from what the layer's W_O gives at row i straight to a logit of row i, with the scales of the norms held
    at what they are there; where the last norm is the only one on the way, it is its gain times W_U[token], divided by
    σ_i. Which token: that, or the difference of those two, that `AttentionTrace.target` names, in every row; else in
    each row the one that the model holds likeliest there. Over keys and heads it adds up to what the layer's attention
    writes into that logit, but for W_O's bias.
    """

    name = "contribution"
    label = "logit contribution"
    sentence = (
        "What the head writes for this key straight into a logit of the query's row: of the token that is asked about, "
        "or else of the one that is likeliest there. What later layers make of it is not in it."
    )
    domain = "signed"
    needs = frozenset({"direction"})
    refuses = MappingProxyType({"encoder": "the encoder writes into no logit itself: the decoder reads it"})
    is_slow = True
    below, above = "lowers", "raises"

    def tile(self, region: Region) -> Tensor:
        """Compute (heads, queries, keys)."""
        return written_into(region.weights(), region.values(), region.output_weight(), region.direction())
