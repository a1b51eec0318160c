"""Strided attention (Sparse Transformer): the last few tokens, and every so-manieth before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.variants.core import Identity, Source, Variant
from attnwidget.variants.cost import sparse
from attnwidget.variants.scaled_dot_product import scaled_dot_product
from attnwidget.variants.sliding_window import MASKED, within

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike
    from attnwidget.variants.core import Attended
    from attnwidget.variants.cost import Sizes


def strided(
    q: Tensor, k: Tensor, v: Tensor, stride: int = 4, *, mask: MaskLike = None, scale: float | None = None
) -> Attended:
    """Attend to oneself, the last `stride` tokens, and every `stride`-th token before.

    Cost: heads · pairs · (d_k + d_v) multiplications, with about n · (stride + n / (2 · stride)) pairs: n · √n if
    stride is about √n. Source: Child et al. 2019, section 4.2, arXiv 1904.10509, both parts of its strided pattern in
    one head.

    Parameters
    ----------
    q, k, v, mask, scale
        As of `scaled_dot_product`; a pair must be allowed by the mask and by the pattern.
    stride : int
        1 or more.
    """
    return within(f"strided:{stride}", q, k, v, mask=mask, scale=scale)


def pairs(s: Sizes) -> int:
    """Count the pairs of the pattern."""
    return sum(_row(i, s.m, s.stride) for i in range(s.n))


def _row(i: int, m: int, stride: int) -> int:
    """Count the keys of one query: those near, and those further back that are a multiple of the stride away."""
    last = min(i, m - 1)
    near = max(0, last - max(0, i - stride) + 1)
    nearest = max(2, -(-(i - last) // stride))  # multiples 0 and 1 of the stride are near
    return near + max(0, i // stride - nearest + 1)


def _every_token(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    return strided(q, k, v, 1).output, scaled_dot_product(q, k, v, mask="causal").output


STRIDED = Variant(
    name="strided",
    label="strided",
    group="sparsity",
    function=strided,
    sentence="Each token sees the last few tokens, and of those further back one in so many.",
    paragraph=(
        "If the text were written in lines of stride tokens, each token would see a line's length behind it and its "
        "own column above. In two steps every earlier token can reach it: along the line, then up the column. This "
        "suits images and music, where lines and bars have such a length. The paper gives the two parts to different "
        "heads or joins them; here they are joined."
    ),
    formula=MASKED,
    cost=sparse("Σ over queries of min(stride, keys before) + 1 + those further back ÷ stride", pairs),
    sees="What is near, and a thin sample of all that is further back.",
    cannot=(
        "See most tokens far away in one layer, and which ones it sees follows from their distance, not their meaning."
    ),
    often_said=(
        "The pattern fits data with a period. For text the same paper has another, “fixed”, pattern, as words stand in "
        "no columns."
    ),
    sources=(Source("Child et al.", "Generating Long Sequences with Sparse Transformers", 2019, "1904.10509"),),
    identities=(Identity("A stride of 1 ≡ causal attention.", "scaled_dot_product", _every_token),),
    meanings={"stride": "how many tokens near, and one in how many further back"},
    one_text=True,
)
