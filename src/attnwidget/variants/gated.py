"""Gated attention: a gate on what each head found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attnwidget.maths.softmax import product
from attnwidget.variants.attend import prepare
from attnwidget.variants.core import D_K, Attended, Formula, Identity, K, Q, Source, Symbol, V, Variant
from attnwidget.variants.cost import PLAIN_ACTIVATIONS, Cost, Count
from attnwidget.variants.inputs import small_numbers
from attnwidget.variants.scaled_dot_product import scaled_dot_product

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike


@dataclass(frozen=True, eq=False)
class Gated(Attended):
    """With the gates, between 0 and 1, (heads, n, d_v) or (heads, n, 1), and the outputs before them."""

    gates: Tensor
    ungated: Tensor


def gated(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    gate: Tensor | None = None,
    *,
    seed: int = 0,
    mask: MaskLike = None,
    scale: float | None = None,
) -> Gated:
    """Attend as usual, and multiply what each head found with a sigmoid gate.

    Cost: heads · n · d_v multiplications more than `scaled_dot_product`, and the projection that makes the gates.
    Source: Qiu et al. 2025, section 2.2, the gate behind the weighted sum (G1), arXiv 2505.06708.

    Parameters
    ----------
    q, k, v, mask, scale
        As of `scaled_dot_product`.
    gate : Tensor, optional
        What goes into the sigmoid, (heads, n, d_v), or (heads, n, 1) for one gate a head: x W_θ in a model that has
        one. Without it, q times small untrained weights.
    seed : int
        Of those weights.

    Returns
    -------
    Gated
        With the gates.
    """
    q, k, v, allowed = prepare(q, k, v, mask)
    plain = scaled_dot_product(q, k, v, mask=allowed, scale=scale)
    (heads, n, d_k), d_v = q.shape, v.shape[2]
    if gate is None:
        gate = product(q, small_numbers((d_k, d_v), seed).to(q)) / d_k**0.5  # (heads, n, d_v)
    if tuple(gate.shape) not in {(heads, n, d_v), (heads, n, 1)}:
        raise ValueError(f"gate must be ({heads}, {n}, {d_v}) or ({heads}, {n}, 1), got {tuple(gate.shape)}")
    gates = torch.sigmoid(gate.to(q))  # (heads, n, d_v or 1)
    return Gated(plain.output * gates, plain.weights, plain.scores, allowed, gates, plain.output)


def _open(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    wide_open = torch.full((*q.shape[:2], 1), torch.inf)  # (heads, n, 1): the sigmoid of ∞ is 1
    return gated(q, k, v, wide_open).output, scaled_dot_product(q, k, v).output


GATED = Variant(
    name="gated",
    label="gated",
    group="other than softmax",
    function=gated,
    sentence="Each number that a head found passes a gate between 0 and 1, which the token that looks sets itself.",
    paragraph=(
        "The softmax has to give away all of its 1, even where nothing fits; models then put it on a first token that "
        "means nothing (an attention sink). A gate lets a head write nothing instead. The token's own vector times W_θ "
        "goes through a sigmoid, one gate for each number or one for a whole head. In the paper's models the sinks "
        "went away, and training was steadier. Weights are as they were; only what is written changes. Here the gates "
        "come from small weights that nobody trained."
    ),
    formula=Formula(
        "(softmax({Q} {K}ᵀ / √{d_k}) {V}) ⊙ σ({x} {W_θ})",
        (
            Q,
            K,
            D_K,
            V,
            Symbol("x", "what the layer reads of the token that looks", "(n, d_model)"),
            Symbol("W_θ", "makes a head's gates", "(d_model, d_v)"),
        ),
    ),
    cost=Cost(
        Count(
            "heads · n · m · (d_k + d_v) + heads · n · d_v",
            lambda s: s.heads * s.n * (s.m * (s.d_k + s.d_v) + s.d_v),
        ),
        PLAIN_ACTIVATIONS,
    ),
    sees="What the mask allows, and it may decline what it found.",
    cannot="Be judged by its weights: a head may put its whole weight somewhere and write nothing.",
    often_said=(
        "A gate is not a second attention: it looks at no other token, only at the one that asks, and decides how much "
        "of the answer is let through."
    ),
    sources=(
        Source(
            "Qiu et al.",
            "Gated Attention for Large Language Models: Non-linearity, Sparsity, and Attention-Sink-Free",
            2025,
            "2505.06708",
        ),
    ),
    identities=(Identity("All gates at 1 ≡ attention without gates.", "scaled_dot_product", _open),),
    meanings={"seed": "of the weights that make the gates, which nobody trained"},
)
