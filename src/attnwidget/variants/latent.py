"""Multi-head latent attention (DeepSeek-V2): one short vector a token, from which all keys and values are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attnwidget.maths.softmax import product
from attnwidget.variants.attend import allowed_of, attend, prepare, with_each_head
from attnwidget.variants.core import Attended, Formula, Identity, Q, Source, Symbol, Variant
from attnwidget.variants.cost import PLAIN_ACTIVATIONS, Cost, Count
from attnwidget.variants.multi_head import multi_head

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike


@dataclass(frozen=True, eq=False)
class Latent(Attended):
    """With the latent and what is made of it.

    Attributes
    ----------
    latent : Tensor
        (m, rank), all that is kept of a token beside its rotated key.
    up_keys, up_values : Tensor
        (heads, rank, d_k) and (heads, rank, d_v), W_UK and W_UV: the latent times these is the head's key and value.
    absorbed : bool
        Whether queries met the latent itself, without keys and values being made.
    rotated : bool
        Whether a decoupled rotated part took part (RoPE).
    """

    latent: Tensor
    up_keys: Tensor
    up_values: Tensor
    absorbed: bool
    rotated: bool


def compress(k: Tensor, v: Tensor, rank: int) -> tuple[Tensor, Tensor, Tensor]:
    """Find the latent of that length from which given keys and values can be made best, in least squares.

    Parameters
    ----------
    k, v : Tensor
        (heads, m, d_k), (heads, m, d_v).
    rank : int
        Length of the latent.

    Returns
    -------
    tuple
        latent (m, rank), up_keys (heads, rank, d_k), up_values (heads, rank, d_v): the first singular vectors of all
        heads' keys and values side by side. Exact if `rank` is at least min(m, heads · (d_k + d_v)); what is beyond
        that is 0.
    """
    (heads, m, d_k), d_v = k.shape, v.shape[2]
    both = torch.cat([k, v], dim=2).transpose(0, 1).flatten(1)  # (m, heads · (d_k + d_v))
    if not both.isfinite().all():
        raise ValueError("keys and values must be finite numbers to be compressed, got ∞ or NaN")
    left, sizes, right = torch.linalg.svd(both, full_matrices=False)
    fitting = min(rank, len(sizes))
    latent, up = both.new_zeros(m, rank), both.new_zeros(rank, both.shape[1])  # (m, rank), (rank, heads · (d_k + d_v))
    latent[:, :fitting] = left[:, :fitting] * sizes[:fitting]
    up[:fitting] = right[:fitting]
    made = up.view(rank, heads, d_k + d_v).transpose(0, 1)  # (heads, rank, d_k + d_v)
    return latent, made[..., :d_k], made[..., d_k:]


def latent(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    rank: int = 4,
    *,
    absorbed: bool = False,
    mask: MaskLike = None,
    scale: float | None = None,
) -> Latent:
    """Attend with keys and values made from one latent of length `rank` for each token.

    A model with latents learns them. Here they are found for given keys and values (`compress`), so that the attention
    of any model can be seen through them; of a model that has them, use `from_latent`. No decoupled rotated part is
    split off: keys that were rotated (RoPE) go into the latent as they are, where a model with latents keeps their
    rotated part beside it.

    Cost: heads · m · rank · (d_k + d_v) + heads · n · m · (d_k + d_v) multiplications; absorbed, heads · n · rank ·
    (d_k + d_v) + 2 · heads · n · m · rank. rank · m numbers to keep. Source: DeepSeek-AI 2024, section 2.1, arXiv
    2405.04434.

    Parameters
    ----------
    q, k, v, mask, scale
        As of `scaled_dot_product`.
    rank : int
        Length of the latent.
    absorbed : bool
        Whether queries meet the latents themselves.

    Raises
    ------
    ValueError
        If `rank` is under 1, or keys or values are not finite.
    """
    if rank < 1:
        raise ValueError(f"rank must be 1 or more, got {rank}")
    q, k, v, allowed = prepare(q, k, v, mask)
    short, up_keys, up_values = compress(k, v, rank)
    up_keys, up_values = with_each_head(up_keys, len(q)), with_each_head(up_values, len(q))
    return from_latent(q, short, up_keys, up_values, absorbed=absorbed, mask=allowed, scale=scale)


def from_latent(
    q: Tensor,
    latent: Tensor,
    up_keys: Tensor,
    up_values: Tensor,
    *,
    q_rotated: Tensor | None = None,
    k_rotated: Tensor | None = None,
    absorbed: bool = False,
    mask: MaskLike = None,
    scale: float | None = None,
) -> Latent:
    """Attend as a model with latents does, from its own latents and up-projections.

    Parameters
    ----------
    q : Tensor
        (heads, n, d_k), the queries' part without rotation.
    latent : Tensor
        (m, rank): x W_DKV, normalised where the model normalises it.
    up_keys, up_values : Tensor
        (heads, rank, d_k) and (heads, rank, d_v).
    q_rotated, k_rotated : Tensor, optional
        The decoupled part: (heads, n, d_rope) and (m, d_rope), rotated already. All heads share the key's.
    absorbed : bool
        Whether queries meet the latents themselves: q W_UKᵀ is multiplied with them, and the weights are put on them
        before W_UV. The numbers are the same; nothing of the size heads · m is made.
    mask : Tensor or str, optional
        As of `scaled_dot_product`.
    scale : float, optional
        ``(d_k + d_rope) ** -0.5`` by default.

    Raises
    ------
    ValueError
        If shapes do not fit, or only one of the rotated parts is given.
    """
    (heads, n, d_k), (m, rank) = q.shape, latent.shape
    if (q_rotated is None) != (k_rotated is None):
        raise ValueError("q_rotated and k_rotated go together, got one of them")
    if up_keys.shape != (heads, rank, d_k) or up_values.shape[:2] != (heads, rank):
        raise ValueError(
            f"expected up_keys ({heads}, {rank}, {d_k}) and up_values ({heads}, {rank}, d_v), "
            f"got {tuple(up_keys.shape)} and {tuple(up_values.shape)}"
        )
    dtype = torch.float64 if torch.float64 in (q.dtype, latent.dtype) else torch.float32
    q, short, up_keys, up_values = (x.to(dtype) for x in (q, latent, up_keys, up_values))
    asked = product(q, up_keys.mT) if absorbed else q  # (heads, n, rank) or (heads, n, d_k)
    offered = short if absorbed else product(short, up_keys)  # (m, rank) or (heads, m, d_k)
    scores = product(asked, offered.mT)  # (heads, n, m)
    d_rope = 0
    if q_rotated is not None and k_rotated is not None:
        scores = scores + product(q_rotated.to(dtype), k_rotated.to(dtype).T)  # (heads, n, m)
        d_rope = q_rotated.shape[2]
    allowed = allowed_of(mask, heads, n, m).to(q.device)
    scale = (d_k + d_rope) ** -0.5 if scale is None else scale
    if absorbed:
        plain = attend(scores * scale, short[None], allowed)  # output: (heads, n, rank)
        output = product(plain.output, up_values)  # (heads, n, d_v)
    else:
        plain = attend(scores * scale, product(short, up_values), allowed)
        output = plain.output  # (heads, n, d_v)
    return Latent(
        output, plain.weights, plain.scores, allowed, short, up_keys, up_values, absorbed, q_rotated is not None
    )


def _absorbed(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    return latent(q, k, v, absorbed=True).output, latent(q, k, v).output


def _long_enough(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    rank = max(1, min(k.shape[1], len(k) * (k.shape[2] + v.shape[2])))
    return latent(q, k, v, rank).output, multi_head(q, k, v).output


LATENT = Variant(
    name="latent",
    label="multi-head latent",
    group="heads",
    function=latent,
    sentence="Each token keeps one short vector, and every head makes its key and value from that.",
    paragraph=(
        "A down-projection squeezes a token to a latent of a few hundred numbers, the same for all heads; "
        "up-projections make each head's key and value of it again. Only the latent is kept while the model writes. "
        "The up-projection of the keys can be moved over to the query (absorbed), so that queries meet latents "
        "directly and no keys are ever made. A rotation (RoPE) would stand in the way of that, so the model keeps a "
        "small rotated key beside the latent, one for all heads. Here the latents are the best ones for the keys and "
        "values at hand, with their rotation inside, and nothing is split off."
    ),
    formula=Formula(
        "softmax({Q} ({c} {W_UK})ᵀ / √{d_k}) ({c} {W_UV}), {c} = {x} {W_DKV}",
        (
            Q,
            Symbol("c", "latents: all that is kept of the tokens", "(m, rank)"),
            Symbol("W_UK", "makes a head's keys of the latents", "(rank, d_k)"),
            Symbol("d_k", "length of a query, with its rotated part where there is one"),
            Symbol("W_UV", "makes a head's values of the latents", "(rank, d_v)"),
            Symbol("x", "the tokens that the layer reads", "(m, d_model)"),
            Symbol("W_DKV", "squeezes a token to its latent", "(d_model, rank)"),
        ),
    ),
    cost=Cost(
        Count(
            "heads · m · rank · (d_k + d_v) + heads · n · m · (d_k + d_v)",
            lambda s: s.heads * s.m * (s.rank + s.n) * (s.d_k + s.d_v),
        ),
        PLAIN_ACTIVATIONS,
        Count("m · (rank + d_rope)", lambda s: s.m * (s.rank + s.d_rope)),
        (
            (
                "multiplications, absorbed",
                Count(
                    "heads · n · rank · (d_k + d_v) + 2 · heads · n · m · rank",
                    lambda s: s.heads * s.n * s.rank * (s.d_k + s.d_v + 2 * s.m),
                ),
            ),
        ),
    ),
    sees="What multi-head attention sees, as far as the latent holds it.",
    cannot="Keep more of a token than fits into its latent: all heads' keys and values lie in one space of that size.",
    often_said=(
        "It is often called a compressed cache. What is compressed is what the model learns to store, from the start "
        "of its training. Meeting latents takes more multiplications than meeting keys that lie ready; it gains, "
        "because writing waits for memory."
    ),
    sources=(
        Source(
            "DeepSeek-AI",
            "DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts Language Model",
            2024,
            "2405.04434",
        ),
    ),
    identities=(
        Identity("Absorbed ≡ unabsorbed.", "", _absorbed),
        Identity("A latent that is long enough ≡ multi-head.", "multi_head", _long_enough),
    ),
    meanings={"rank": "length of the latent", "absorbed": "whether queries meet the latents themselves"},
)
