"""Scaled dot-product attention, and the same without its scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.maths.softmax import scores
from attnwidget.variants.attend import attend, prepare
from attnwidget.variants.core import D_K, VASWANI, Formula, Identity, K, Q, V, Variant
from attnwidget.variants.cost import Cost

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike
    from attnwidget.variants.core import Attended


def scaled_dot_product(
    q: Tensor, k: Tensor, v: Tensor, *, mask: MaskLike = None, scale: float | None = None
) -> Attended:
    """Attend as the Transformer does: softmax(q·k / √d_k), then the weighted sum of values.

    Cost: heads · n · m · (d_k + d_v) multiplications. Source: Vaswani et al. 2017, section 3.2.1, arXiv 1706.03762.

    Parameters
    ----------
    q : Tensor
        (heads, n, d_k), any float dtype.
    k : Tensor
        (key heads, m, d_k). With fewer heads than `q`, neighbouring query heads share one.
    v : Tensor
        (key heads, m, d_v).
    mask : Tensor or str, optional
        bool (n, m) or (heads, n, m), True where a pair may attend; or a name such as "window:4" (`masks.preset`).
    scale : float, optional
        Factor of the products, ``d_k ** -0.5`` by default.

    Returns
    -------
    Attended
        `output` (heads, n, d_v), `weights` and `scores` (heads, n, m). A row that sees nothing is 0.
    """
    q, k, v, allowed = prepare(q, k, v, mask)
    return attend(scores(q, k, scale=q.shape[2] ** -0.5 if scale is None else scale), v, allowed)


def unscaled(q: Tensor, k: Tensor, v: Tensor, *, mask: MaskLike = None) -> Attended:
    """Attend without dividing by √d_k: softmax(q·k).

    Cost: heads · n · m · (d_k + d_v) multiplications. Source: Vaswani et al. 2017, section 3.2.1, arXiv 1706.03762,
    which says why there is a scale; without it, it is the "dot" of Luong et al. 2015.

    Parameters
    ----------
    q, k, v, mask
        As of `scaled_dot_product`.
    """
    return scaled_dot_product(q, k, v, mask=mask, scale=1.0)


def _longer_queries(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    longer = q * q.shape[2] ** 0.5  # (heads, n, d_k)
    return unscaled(q, k, v).output, scaled_dot_product(longer, k, v).output


def _one_by_one(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    products = (q[:, :, None] * k.repeat_interleave(len(q) // len(k), 0)[:, None]).sum(-1)  # (heads, n, m)
    scaled = products / q.shape[2] ** 0.5  # (heads, n, m)
    exponentials = (scaled - scaled.amax(-1, keepdim=True)).exp()  # (heads, n, m)
    return scaled_dot_product(q, k, v).weights, exponentials / exponentials.sum(-1, keepdim=True)  # type: ignore[return-value]


SCALED_DOT_PRODUCT = Variant(
    name="scaled_dot_product",
    label="scaled dot product",
    group="scores",
    function=scaled_dot_product,
    sentence="Compare each query with each key by their dot product, divide by √d_k, and let a softmax share out 1.",
    paragraph=(
        "Query and key are multiplied number by number and added up: the more they point the same way, the larger the "
        "score. Longer vectors give larger sums by their length alone, so the score is divided by √d_k. The softmax "
        "turns a row of scores into weights that are positive and add up to 1, and the output is the average of the "
        "values by these weights."
    ),
    formula=Formula("softmax({Q} {K}ᵀ / √{d_k}) {V}", (Q, K, D_K, V)),
    cost=Cost(),
    sees="Every token that the mask allows, however far away it is, in one step.",
    cannot=(
        "Order: with no positions in q and k and no mask, shuffled words get the same outputs, shuffled. And it cannot "
        "decline: the weights of a row add up to 1 even where nothing fits."
    ),
    often_said=(
        "“Perfect memory” and “unlimited” are meant against recurrent networks, which pass everything on through one "
        "vector: here any two tokens are one step apart. It is not without limit, as each pair costs, so twice the "
        "text is four times the work, and a model sees no further than its context. “All words at once” holds for "
        "reading; a decoder still writes one token after the other."
    ),
    sources=(VASWANI,),
    identities=(
        Identity("The same numbers come from multiplying, exponentiating and dividing pair by pair.", "", _one_by_one),
    ),
    meanings={},
)

UNSCALED = Variant(
    name="unscaled",
    label="without the scale",
    group="scores",
    function=unscaled,
    sentence="The same dot product, left as large as it comes.",
    paragraph=(
        "If the numbers of q and k are independent with variance 1, their dot product has variance d_k: with 64 "
        "dimensions scores are eight times as wide as with one. The softmax of wide scores gives nearly all to the "
        "largest, and there its gradient almost vanishes, so that little is learnt. That is why the Transformer "
        "divides by √d_k. In a model that was trained with the scale, leaving it out shows exactly this: rows sharpen."
    ),
    formula=Formula("softmax({Q} {K}ᵀ) {V}", (Q, K, V)),
    cost=Cost(),
    sees="What the scaled product sees.",
    cannot="Stay even: with long vectors one key takes nearly all of a row, whether or not it fits much better.",
    often_said=(
        "The scale is sometimes called a detail. A model can learn it away, as it can shorten its queries; what it "
        "changes is where training begins."
    ),
    sources=(VASWANI,),
    identities=(
        Identity(
            "Without the scale ≡ the scaled dot product of queries that are √d_k times as long.",
            "scaled_dot_product",
            _longer_queries,
        ),
    ),
    meanings={},
)
