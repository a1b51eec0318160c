"""Multi-head attention: several heads side by side, joined, and mixed by W_O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attnwidget.variants.core import D_K, VASWANI, Attended, Formula, Identity, K, Q, Source, Symbol, V, Variant
from attnwidget.variants.cost import Cost
from attnwidget.variants.scaled_dot_product import scaled_dot_product

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike


@dataclass(frozen=True, eq=False)
class MultiHead(Attended):
    """With the heads joined, (n, heads · d_v), and what W_O makes of them, (n, d_model); None without W_O."""

    joined: Tensor
    written: Tensor | None


def multi_head(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    output_weight: Tensor | None = None,
    *,
    mask: MaskLike = None,
    scale: float | None = None,
) -> MultiHead:
    """Attend in every head by itself, and join what they find.

    Cost: heads · n · m · (d_k + d_v) multiplications, and n · heads · d_v · d_model for W_O. Source: Vaswani et al.
    2017, section 3.2.2, arXiv 1706.03762.

    Parameters
    ----------
    q, k, v, mask, scale
        As of `scaled_dot_product`.
    output_weight : Tensor, optional
        W_O, (heads · d_v, d_model).

    Returns
    -------
    MultiHead
        With `joined` and `written`.
    """
    heads = scaled_dot_product(q, k, v, mask=mask, scale=scale)
    joined = heads.output.transpose(0, 1).flatten(1)  # (n, heads · d_v)
    if output_weight is not None and (output_weight.ndim != 2 or output_weight.shape[0] != joined.shape[1]):
        raise ValueError(f"output_weight must be ({joined.shape[1]}, d_model), got {tuple(output_weight.shape)}")
    written = None if output_weight is None else joined @ output_weight.to(joined)  # (n, d_model)
    return MultiHead(heads.output, heads.weights, heads.scores, heads.allowed, joined, written)


def _head_by_head(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    shared = len(q) // len(k)
    alone = [
        scaled_dot_product(q[head, None], k[head // shared, None], v[head // shared, None]).output[0]
        for head in range(len(q))
    ]  # heads × (n, d_v)
    return multi_head(q, k, v).joined, torch.cat(alone, dim=1)


MULTI_HEAD = Variant(
    name="multi_head",
    label="multi-head",
    group="heads",
    function=multi_head,
    sentence="Several heads look at once, each with queries, keys and values of its own; W_O mixes what they found.",
    paragraph=(
        "One softmax gives each token one set of weights, an average. With eight heads a token has eight: it can look "
        "at its subject in one and at the word before in another. Each head works in a narrower space (d_model / "
        "heads), so all together cost about as much as one wide head. Their outputs are laid side by side and "
        "multiplied by W_O."
    ),
    formula=Formula(
        "concat({head_1}, …, {head_h}) {W_O}, head = softmax({Q} {K}ᵀ / √{d_k}) {V}",
        (
            Symbol("head_1", "output of the first head", "(n, d_v)"),
            Symbol("head_h", "output of the last head", "(n, d_v)"),
            Symbol("W_O", "mixes the heads", "(heads · d_v, d_model)"),
            Q,
            K,
            D_K,
            V,
        ),
    ),
    cost=Cost(),
    sees="In every head what the mask allows, each in its own way.",
    cannot="See what another head of the same layer found: heads meet in W_O, and again in the next layer.",
    often_said=(
        "“One head does syntax, another meaning” is a picture. Nobody assigns heads: what they do comes out of "
        "training, many do several things, and many can be left out of a trained model with little loss (Michel et al. "
        "2019)."
    ),
    sources=(VASWANI, Source("Michel et al.", "Are Sixteen Heads Really Better than One?", 2019, "1905.10650")),
    identities=(
        Identity("All heads at once ≡ each head alone, laid side by side.", "scaled_dot_product", _head_by_head),
    ),
    meanings={},
)
