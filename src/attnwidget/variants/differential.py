"""Differential attention: one softmax minus another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attnwidget.maths.softmax import weighted_sum
from attnwidget.variants.attend import prepare, with_each_head
from attnwidget.variants.core import Attended, Formula, Identity, Source, Symbol, Variant
from attnwidget.variants.cost import PLAIN_CACHE, Cost, Count
from attnwidget.variants.scaled_dot_product import scaled_dot_product

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike


@dataclass(frozen=True, eq=False)
class Differential(Attended):
    """With both softmaxes: `first` and `second` (pairs, n, m), their `values` (pairs, m, 2 · d_v), and λ, (pairs,)."""

    first: Tensor
    second: Tensor
    values: Tensor
    lam: Tensor


def lambda_init(layer: int) -> float:
    """λ that a layer's training begins with, 0.8 − 0.6 · exp(−0.3 · layer), layers counted from 0."""
    return 0.8 - 0.6 * math.exp(-0.3 * layer)


def differential(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    lam: float | Tensor = 0.5,
    *,
    init: float | None = None,
    eps: float = 1e-5,
    mask: MaskLike = None,
    scale: float | None = None,
) -> Differential:
    """Attend with the difference of two softmaxes: neighbouring heads are taken in pairs.

    Cost: heads · n · m · (d_k + d_v) multiplications with heads / 2 pairs, as each pair's one output is 2 · d_v long;
    and heads / 2 · n · m for λ. Source: Ye et al. 2024, section 2.1, arXiv 2410.05258.

    Parameters
    ----------
    q, k, v, mask, scale
        As of `scaled_dot_product`, with an even number of heads. Heads 0 and 1 are the first pair: q₁ and q₂, k₁ and
        k₂, and their values side by side. A mask that differs between heads has to be the same within a pair.
    lam : float or Tensor
        λ, or one for each pair, (pairs,).
    init : float, optional
        λ_init of the layer (`lambda_init`): each pair's output is then divided by its root mean square and multiplied
        by 1 − λ_init, as the paper does. Left out by default.
    eps : float
        Added to that mean square.

    Returns
    -------
    Differential
        `output` (pairs, n, 2 · d_v), `weights` (pairs, n, m), which may be negative and add up to 1 − λ.

    Raises
    ------
    ValueError
        If the number of heads is odd, or the mask differs within a pair.
    """
    q, k, v, allowed = prepare(q, k, v, mask)
    heads = len(q)
    if heads % 2:
        raise ValueError(f"differential attention takes heads in pairs, got {heads}")
    if len(allowed) > 1:
        if not torch.equal(allowed[0::2], allowed[1::2]):
            raise ValueError("the mask must be the same for both heads of a pair")
        allowed = allowed[0::2]  # (pairs, n, m)
    twice = allowed if len(allowed) == 1 else allowed.repeat_interleave(2, 0)  # (1 or heads, n, m)
    both = scaled_dot_product(q, k, v, mask=twice, scale=scale).weights  # (heads, n, m)
    assert both is not None  # noqa: S101 - a softmax has weights
    first, second = both[0::2], both[1::2]  # (pairs, n, m)
    lam = torch.as_tensor(lam).to(first).expand(heads // 2)  # (pairs,)
    weights = first - lam[:, None, None] * second  # (pairs, n, m)
    wide = with_each_head(v, heads)  # (heads, m, d_v)
    values = torch.cat([wide[0::2], wide[1::2]], dim=2)  # (pairs, m, 2 · d_v)
    output = weighted_sum(weights, values)  # (pairs, n, 2 · d_v)
    if init is not None:
        output = output * (output.square().mean(-1, keepdim=True) + eps).rsqrt() * (1 - init)  # (pairs, n, 2 · d_v)
    return Differential(output, weights, None, allowed, first, second, values, lam)


def _no_second(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    found = differential(q, k, v, 0.0)
    alone = scaled_dot_product(q[0::2], with_each_head(k, len(q))[0::2], found.values)  # of heads 0, 2 …
    return found.output, alone.output


DIFFERENTIAL = Variant(
    name="differential",
    label="differential",
    group="other than softmax",
    function=differential,
    sentence="Two softmaxes look, and λ times the second is taken away from the first.",
    paragraph=(
        "A softmax gives every key a little, and over a long text these little weights add up to noise. Two heads that "
        "share this noise can be subtracted, as noise-cancelling headphones do: what both give to everything goes "
        "away, what only the first gives stays. λ is learnt, one for each layer. Weights may be negative, and a row "
        "adds up to 1 − λ. Here two neighbouring heads of a model make a pair; they were not trained to cancel each "
        "other, so this shows how it is computed, not what it gains."
    ),
    formula=Formula(
        "(softmax({Q_1} {K_1}ᵀ / √{d_k}) − {λ} softmax({Q_2} {K_2}ᵀ / √{d_k})) {V}",
        (
            Symbol("Q_1", "queries of the first head of the pair", "(n, d_k)"),
            Symbol("K_1", "its keys", "(m, d_k)"),
            Symbol("d_k", "length of a query and of a key"),
            Symbol("λ", "how much of the second is taken away"),
            Symbol("Q_2", "queries of the second head", "(n, d_k)"),
            Symbol("K_2", "its keys", "(m, d_k)"),
            Symbol("V", "values of both, side by side", "(m, 2 · d_v)"),
        ),
    ),
    cost=Cost(
        Count(
            "heads · n · m · (d_k + d_v) + heads / 2 · n · m",
            lambda s: s.heads * s.n * s.m * (s.d_k + s.d_v) + s.heads // 2 * s.n * s.m,
        ),
        Count("heads · n · m", lambda s: s.heads * s.n * s.m),
        PLAIN_CACHE,
    ),
    sees="What two heads see, with what they have in common taken away.",
    cannot="Be read as shares: a weight below 0 pushes a value away, and rows do not add up to 1.",
    often_said=(
        "“It cancels noise” is what the two softmaxes are trained to; nothing in the formula knows noise from signal. "
        "The paper normalises each pair's output afterwards, which is left out here unless init is given."
    ),
    sources=(Source("Ye et al.", "Differential Transformer", 2024, "2410.05258"),),
    identities=(
        Identity("λ = 0 ≡ the first softmax alone, with the pair's values.", "scaled_dot_product", _no_second),
    ),
    meanings={
        "lam": "λ, how much of the second softmax is taken away",
        "init": "λ_init, for the norm that the paper puts behind; none leaves it out",
    },
)
