"""Sliding-window attention: each token sees the last few."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.maths.masks import preset
from attnwidget.variants.attend import prepare
from attnwidget.variants.core import D_K, Formula, Identity, K, Q, Source, Symbol, V, Variant
from attnwidget.variants.cost import Count, sparse
from attnwidget.variants.scaled_dot_product import scaled_dot_product

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike
    from attnwidget.variants.core import Attended
    from attnwidget.variants.cost import Sizes

M = Symbol("M", "mask: 0 where a pair may attend, −∞ where it may not", "(n, m)")
MASKED = Formula("softmax({Q} {K}ᵀ / √{d_k} + {M}) {V}", (Q, K, D_K, M, V))


def sliding_window(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    window: int = 4,
    *,
    both_sides: bool = False,
    mask: MaskLike = None,
    scale: float | None = None,
) -> Attended:
    """Attend to the last `window` tokens, the token itself among them.

    Cost: heads · pairs · (d_k + d_v) multiplications, with at most n · window pairs. This function computes all pairs
    and masks them; what runs fast leaves them out. Source: Beltagy et al. 2020, section 3.1, arXiv 2004.05150;
    one-sided as in Jiang et al. 2023 (Mistral 7B), arXiv 2310.06825.

    Parameters
    ----------
    q, k, v, mask, scale
        As of `scaled_dot_product`; a pair must be allowed by the mask and by the window.
    window : int
        How many tokens, 1 or more.
    both_sides : bool
        Whether as many are seen ahead as behind: those less than `window` positions away.
    """
    name = f"around:{window - 1}" if both_sides else f"window:{window}"
    return within(name, q, k, v, mask=mask, scale=scale)


def within(name: str, q: Tensor, k: Tensor, v: Tensor, *, mask: MaskLike, scale: float | None) -> Attended:
    """Attend within a mask that has a name (`masks.preset`), and within another one if there is one."""
    q, k, v, allowed = prepare(q, k, v, mask)
    own = preset(name, q.shape[1], k.shape[1]).to(allowed.device)  # (n, m)
    return scaled_dot_product(q, k, v, mask=allowed & own, scale=scale)


def pairs(s: Sizes) -> int:
    """Count the pairs that a window on one side allows."""
    return sum(max(0, min(i, s.m - 1) - max(0, i - s.window + 1) + 1) for i in range(s.n))


def _wide(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    return sliding_window(q, k, v, max(q.shape[1], 1)).output, scaled_dot_product(q, k, v, mask="causal").output


def _wide_around(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    widest = max(q.shape[1], k.shape[1], 1)
    return sliding_window(q, k, v, widest, both_sides=True).output, scaled_dot_product(q, k, v).output


SLIDING_WINDOW = Variant(
    name="sliding_window",
    label="sliding window",
    group="sparsity",
    function=sliding_window,
    sentence="Each token sees itself and a fixed number of tokens before it.",
    paragraph=(
        "A token's cost no longer grows with the text: there are window pairs for it, however long the text is, and "
        "only the last window keys and values are kept. Through several layers it reaches further, as each token seen "
        "has seen others before: after L layers up to L · (window − 1) tokens back, but only as what those pass on. "
        "Many models mix layers with a window and layers without."
    ),
    formula=MASKED,
    cost=sparse(
        "Σ over queries of min(window, keys so far)",
        pairs,
        Count("key_heads · min(m, window) · (d_k + d_v)", lambda s: s.key_heads * min(s.m, s.window) * (s.d_k + s.d_v)),
    ),
    sees="The last few tokens, and what those took up in the layers below.",
    cannot="See anything further back directly, however much it matters: the head has no number for it.",
    often_said=(
        "A long context made of windows is sometimes given as the context itself. A word further back than one window "
        "comes through only if layer after layer passed it on."
    ),
    sources=(
        Source("Beltagy, Peters and Cohan", "Longformer: The Long-Document Transformer", 2020, "2004.05150"),
        Source("Jiang et al.", "Mistral 7B", 2023, "2310.06825"),
    ),
    identities=(
        Identity("A window as long as the text ≡ causal attention without one.", "scaled_dot_product", _wide),
        Identity("A window on both sides as long as the text ≡ full attention.", "scaled_dot_product", _wide_around),
    ),
    meanings={
        "window": "how many tokens are seen, itself among them",
        "both_sides": "whether ahead as well as behind",
    },
    one_text=True,
)
