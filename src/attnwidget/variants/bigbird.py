"""BigBird: a few global tokens, a window, and a few keys by chance."""

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


def bigbird(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    tokens_global: int = 2,
    each_side: int = 2,
    random: int = 1,
    seed: int = 0,
    mask: MaskLike = None,
    scale: float | None = None,
) -> Attended:
    """Attend to the first tokens, to neighbours and to a few tokens by chance; the first tokens attend to all.

    Cost: heads · pairs · (d_k + d_v) multiplications, with at most n · (2 · tokens_global + 2 · each_side + 1 + random)
    pairs. Source: Zaheer et al. 2020, section 2, arXiv 2007.14062; token by token, where the paper's code takes blocks.

    Parameters
    ----------
    q, k, v, mask, scale
        As of `scaled_dot_product`; a pair must be allowed by the mask and by the pattern.
    tokens_global : int
        How many tokens at the beginning see all and are seen by all.
    each_side : int
        How many neighbours on either side each token sees.
    random : int
        How many more each token sees, drawn once, the same in all heads.
    seed : int
        Of the draw.
    """
    return within(f"bigbird:{tokens_global},{each_side},{random},{seed}", q, k, v, mask=mask, scale=scale)


def pairs(s: Sizes) -> int:
    """Count the pairs of the pattern."""
    return sum(_row(i, s) for i in range(s.n))


def _row(i: int, s: Sizes) -> int:
    if i < s.tokens_global:
        return s.m
    everywhere = min(s.tokens_global, s.m)
    near = max(0, min(i + s.each_side, s.m - 1) - max(everywhere, i - s.each_side) + 1)
    return min(s.m, everywhere + near + s.random)


def _all_global(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    return bigbird(q, k, v, tokens_global=max(q.shape[1], k.shape[1])).output, scaled_dot_product(q, k, v).output


BIGBIRD = Variant(
    name="bigbird",
    label="BigBird",
    group="sparsity",
    function=bigbird,
    sentence="Three parts: a few global tokens, a window around each token, and a few keys drawn by chance.",
    paragraph=(
        "The window sees what is near. Global tokens (in BERT-like models [CLS], or those of a question) see "
        "everything and are seen by everyone, so any two tokens are two steps apart. Random keys are shortcuts, as a "
        "few chance acquaintances make the world small. The number of pairs grows with the text's length, not with its "
        "square."
    ),
    formula=MASKED,
    cost=sparse("Σ over queries of global + near + random keys, or m for a global query", pairs),
    sees="Neighbours, the global tokens, a few others; everything in two layers by way of a global token.",
    cannot="Compare two ordinary tokens far apart directly, unless chance has drawn that pair.",
    often_said=(
        "“Linear time” counts pairs. The published model works in blocks of 64 tokens, and on short texts it falls "
        "back to full attention, because there the pattern saves nothing."
    ),
    sources=(Source("Zaheer et al.", "Big Bird: Transformers for Longer Sequences", 2020, "2007.14062"),),
    identities=(Identity("All tokens global ≡ full attention.", "scaled_dot_product", _all_global),),
    meanings={
        "tokens_global": "tokens at the beginning that see all and are seen by all",
        "each_side": "neighbours on either side",
        "random": "keys drawn by chance for each token",
        "seed": "of the draw",
    },
    one_text=True,
)
