"""Multiplicative attention (Luong): the dot product, or with a matrix between query and key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attnwidget.variants.attend import prepare
from attnwidget.variants.core import ROWS_K, ROWS_Q, Attended, Formula, Identity, Source, Symbol, V, Variant
from attnwidget.variants.cost import PLAIN_ACTIVATIONS, Cost, Count
from attnwidget.variants.inputs import small_numbers
from attnwidget.variants.scaled_dot_product import unscaled

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike


@dataclass(frozen=True, eq=False)
class Multiplicative(Attended):
    """With the matrix between query and key, (d_k, d_k) or (heads, d_k, d_k); None for the plain dot product."""

    weight: Tensor | None


def multiplicative(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    weight: Tensor | None = None,
    *,
    general: bool = True,
    seed: int = 0,
    mask: MaskLike = None,
) -> Multiplicative:
    """Attend with scores qᵀ W k ("general"), or q·k ("dot").

    Cost: heads · n · d_k² multiplications more than `scaled_dot_product`. Source: Luong, Pham and Manning 2015,
    section 3.1, arXiv 1508.04025.

    Parameters
    ----------
    q, k, v, mask
        As of `scaled_dot_product`.
    weight : Tensor, optional
        W, (d_k, d_k) or (heads, d_k, d_k).
    general : bool
        Whether there is a W at all; with False the score is q·k.
    seed : int
        Where W is not given: it is the identity with small untrained numbers added.

    Returns
    -------
    Multiplicative
        With the W that was used.
    """
    q, k, v, _ = prepare(q, k, v)
    d = q.shape[2]
    if weight is not None:
        if tuple(weight.shape) not in {(d, d), (q.shape[0], d, d)}:
            raise ValueError(f"weight must be ({d}, {d}) or ({q.shape[0]}, {d}, {d}), got {tuple(weight.shape)}")
        weight = weight.to(q)
    elif general:
        weight = torch.eye(d).to(q) + small_numbers((d, d), seed).to(q) / 10  # (d_k, d_k)
    plain = unscaled(q if weight is None else q @ weight, k, v, mask=mask)
    return Multiplicative(plain.output, plain.weights, plain.scores, plain.allowed, weight)


def _with_identity(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    return multiplicative(q, k, v, torch.eye(q.shape[2])).output, multiplicative(q, k, v, general=False).output


def _dot(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    return multiplicative(q, k, v, general=False).output, unscaled(q, k, v).output


MULTIPLICATIVE = Variant(
    name="multiplicative",
    label="multiplicative (Luong)",
    group="scores",
    function=multiplicative,
    sentence="A learnt matrix stands between query and key and says which directions of one fit which of the other.",
    paragraph=(
        "In the form “dot” the score is the plain product q·k. In the form “general” a matrix W is put between them, "
        "so that one direction of the query can ask for quite another of the key. It is computed as fast as a product. "
        "A Transformer has the same freedom already: its query is x W_Q and its key y W_K, so between x and y stands "
        "the matrix W_Q W_Kᵀ."
    ),
    formula=Formula(
        "softmax({q}ᵀ {W} {k}) {V}",
        (ROWS_Q, Symbol("W", "which direction of the query fits which of the key", "(d_k, d_k)"), ROWS_K, V),
    ),
    cost=Cost(
        Count(
            "heads · n · d_k · d_k + heads · n · m · (d_k + d_v)",
            lambda s: s.heads * s.n * (s.d_k * s.d_k + s.m * (s.d_k + s.d_v)),
        ),
        PLAIN_ACTIVATIONS,
    ),
    sees="What the mask allows, compared by a learnt matrix.",
    cannot="Weigh query and key by more than products: what additive attention can bend by tanh stays straight.",
    often_said=(
        "“Multiplicative” and “dot-product” are often used for the same. The dot product is the case in which W is the "
        "identity; neither has the scale of the Transformer."
    ),
    sources=(
        Source(
            "Luong, Pham and Manning",
            "Effective Approaches to Attention-based Neural Machine Translation",
            2015,
            "1508.04025",
        ),
    ),
    identities=(
        Identity("General with W = 1, the identity ≡ dot.", "", _with_identity),
        Identity("Dot ≡ the dot product without the scale.", "unscaled", _dot),
    ),
    meanings={
        "general": "with a matrix between query and key (general), or without (dot)",
        "seed": "of the matrix, which nobody trained",
    },
)
