"""Block-sparse attention: whole blocks of pairs are computed or left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from attnwidget.maths.masks import preset
from attnwidget.variants.attend import prepare
from attnwidget.variants.core import Identity, Source, Variant
from attnwidget.variants.cost import sparse
from attnwidget.variants.scaled_dot_product import scaled_dot_product
from attnwidget.variants.sliding_window import MASKED

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike
    from attnwidget.variants.core import Attended
    from attnwidget.variants.cost import Sizes


def block_sparse(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    block: int = 4,
    layout: Tensor | None = None,
    *,
    mask: MaskLike = None,
    scale: float | None = None,
) -> Attended:
    """Attend within blocks of tokens, or between those blocks that a layout names.

    Cost: heads · pairs · (d_k + d_v) multiplications, with at most n · block pairs where each block sees itself only.
    Source: Qiu et al. 2019 (BlockBERT), section 3, arXiv 1911.02972; Child et al. 2019, arXiv 1904.10509.

    Parameters
    ----------
    q, k, v, mask, scale
        As of `scaled_dot_product`; a pair must be allowed by the mask and by its block.
    block : int
        Tokens in a block, 1 or more; the last block may be shorter.
    layout : Tensor, optional
        bool (blocks of queries, blocks of keys): which block sees which. By default each sees itself.

    Raises
    ------
    TypeError
        If the layout is not bool.
    ValueError
        If the layout does not have a row for each block of queries and a column for each block of keys.
    """
    q, k, v, allowed = prepare(q, k, v, mask)
    n, m = q.shape[1], k.shape[1]
    own = preset(f"blocks:{block}", n, m)  # (n, m)
    if layout is not None:
        expected = (-(-n // block), -(-m // block))
        if layout.dtype != torch.bool:
            raise TypeError(f"layout must be bool, True where a block sees another, got {layout.dtype}")
        if tuple(layout.shape) != expected:
            raise ValueError(f"layout must be {expected}, blocks of {block} tokens; got {tuple(layout.shape)}")
        own = layout.repeat_interleave(block, 0).repeat_interleave(block, 1)[:n, :m]  # (n, m)
    return scaled_dot_product(q, k, v, mask=allowed & own.to(allowed.device), scale=scale)


def pairs(s: Sizes) -> int:
    """Count the pairs where each block sees itself."""
    starts = range(0, min(s.n, s.m), s.block)
    return sum((min(at + s.block, s.n) - at) * (min(at + s.block, s.m) - at) for at in starts)


def _all_blocks(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    every = torch.ones(-(-q.shape[1] // 4), -(-k.shape[1] // 4), dtype=torch.bool)  # (blocks, blocks)
    return block_sparse(q, k, v, 4, every).output, scaled_dot_product(q, k, v).output


def _one_block(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    size = max(q.shape[1], k.shape[1], 1)
    return block_sparse(q, k, v, size).output, scaled_dot_product(q, k, v).output


BLOCK_SPARSE = Variant(
    name="block_sparse",
    label="block-sparse",
    group="sparsity",
    function=block_sparse,
    sentence="The text is cut into blocks, and each block sees itself, or those blocks that a layout opens.",
    paragraph=(
        "Hardware multiplies whole tiles of a matrix, so leaving out single pairs saves nothing, and leaving out tiles "
        "does. A layout says which block of queries meets which block of keys; the rest is never computed. In the "
        "simplest layout each block is alone with itself, so tokens on either side of a border do not meet. Other "
        "heads or layers with another layout mend that."
    ),
    formula=MASKED,
    cost=sparse("Σ over blocks of its queries · its keys", pairs),
    sees="Its own block, behind and ahead unless the mask is causal as well.",
    cannot="See across the border of its block, not even its next neighbour, unless the layout opens it.",
    often_said="“Sparse” does not make it fast by itself: it does where whole blocks are left out.",
    sources=(
        Source("Qiu et al.", "Blockwise Self-Attention for Long Document Understanding", 2019, "1911.02972"),
        Source("Child et al.", "Generating Long Sequences with Sparse Transformers", 2019, "1904.10509"),
    ),
    identities=(
        Identity("All blocks open ≡ full attention.", "scaled_dot_product", _all_blocks),
        Identity("One block as long as the text ≡ full attention.", "scaled_dot_product", _one_block),
    ),
    meanings={"block": "tokens in a block"},
    one_text=True,
)
