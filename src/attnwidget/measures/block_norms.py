"""The length of what a key's token becomes in the query's vector, with what a block does around its heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.measures.base import Measure
from attnwidget.measures.parts import ONE_TEXT, numbers_of_parts

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.measures.region import Region


class BlockNorms(Measure):
    """‖LN_i(Σ_h α v W_O + [j = i] x_i)‖, AttnResLn-N of Kobayashi et al. 2021.

    "Incorporating Residual and Normalization Layers into Analysis of Masked Language Models", equations 7 to 9: the
    LayerNorm after the sum, as in BERT, is linear once its row's scale is held. Where a model has its norm before
    attention (GPT-2, Llama) there is none after the sum: the values are made from normed vectors already, and the
    number is ‖Σ_h α v W_O + [j = i] x_i‖, their AttnRes-N. A norm of attention's own output (Gemma 2) is applied to
    the heads' part alone. Biases are no token's and are left out.
    """

    name = "block_norms"
    label = "norm with residual"
    sentence = (
        "The length of what this key's token gives the query's vector through all heads of the layer, with the "
        "residual and the norm around them; the norm's scale is held as it is."
    )
    domain = "positive"
    of = "layer"
    needs = frozenset({"block"})
    refuses = ONE_TEXT
    is_slow = True

    def tile(self, region: Region) -> Tensor:
        """Compute (heads, queries, keys)."""
        return region.once(self.name, lambda queries, keys: self._of(region.of_layer(queries, keys)))

    def _of(self, region: Region) -> Tensor:
        return numbers_of_parts(region, lambda vectors, _: vectors.norm(dim=-1))
