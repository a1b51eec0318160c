"""Cosine attention: only directions count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from attnwidget.variants.attend import prepare
from attnwidget.variants.core import ROWS_K, ROWS_Q, Formula, Identity, Source, Symbol, V, Variant
from attnwidget.variants.cost import PLAIN_ACTIVATIONS, Cost, Count
from attnwidget.variants.scaled_dot_product import scaled_dot_product

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike
    from attnwidget.variants.core import Attended


def cosine(q: Tensor, k: Tensor, v: Tensor, *, temperature: float = 0.1, mask: MaskLike = None) -> Attended:
    """Attend with scores cos(q, k) / τ.

    Cost: heads · n · m · (d_k + d_v) + (heads · n + key_heads · m) · d_k multiplications. Source: Henry et al. 2020,
    section 3, arXiv 2010.04245; with τ as in Liu et al. 2021 (Swin V2), arXiv 2111.09883.

    Parameters
    ----------
    q, k, v, mask
        As of `scaled_dot_product`. The direction of a vector of length 0 is none: its cosines are 0.
    temperature : float
        τ: scores lie between −1/τ and 1/τ.

    Raises
    ------
    ValueError
        If the temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}")
    q, k, v, _ = prepare(q, k, v)
    return scaled_dot_product(_direction(q), _direction(k), v, mask=mask, scale=1 / temperature)


def _direction(x: Tensor) -> Tensor:
    """Scale vectors (heads, tokens, d) to length 1; those of length 0 stay."""
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)  # (heads, tokens, 1)
    return x.div(length.masked_fill(length == 0, 1))


def _normalised(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    q_hat, k_hat = (torch.nn.functional.normalize(x, dim=-1) for x in (q, k))
    return cosine(q, k, v, temperature=0.1).output, scaled_dot_product(q_hat, k_hat, v, scale=10.0).output


COSINE = Variant(
    name="cosine",
    label="cosine",
    group="scores",
    function=cosine,
    sentence="Only the angle between query and key counts, not how long they are.",
    paragraph=(
        "Query and key are scaled to length 1 before they are multiplied, so that a score is the cosine of their "
        "angle, between −1 and 1. On its own that is too narrow for a softmax to choose, so it is divided by a "
        "temperature τ, which models learn. No key can win by being long, and scores cannot grow during training."
    ),
    formula=Formula(
        "softmax({q}·{k} / (‖{q}‖ ‖{k}‖ {τ})) {V}",
        (ROWS_Q, ROWS_K, Symbol("τ", "temperature: the smaller, the sharper"), V),
    ),
    cost=Cost(
        Count(
            "heads · n · m · (d_k + d_v) + (heads · n + key_heads · m) · d_k",
            lambda s: s.heads * s.n * s.m * (s.d_k + s.d_v) + (s.heads * s.n + s.key_heads * s.m) * s.d_k,
        ),
        PLAIN_ACTIVATIONS,
    ),
    sees="What the mask allows, by direction.",
    cannot=(
        "Tell a sure query from an unsure one, or give a token that nobody should look at a short key: lengths are "
        "gone. A weight is at most e^(2/τ) times another's in its row."
    ),
    often_said=(
        "The dot product is often explained as “similarity”. That is the cosine: in a dot product a long key scores "
        "higher than a short one in the same direction."
    ),
    sources=(
        Source("Henry et al.", "Query-Key Normalization for Transformers", 2020, "2010.04245"),
        Source("Liu et al.", "Swin Transformer V2: Scaling Up Capacity and Resolution", 2021, "2111.09883"),
    ),
    identities=(
        Identity(
            "Cosine ≡ the dot product of vectors of length 1, with the scale 1/τ.", "scaled_dot_product", _normalised
        ),
    ),
    meanings={"temperature": "τ, what the cosine is divided by"},
)
