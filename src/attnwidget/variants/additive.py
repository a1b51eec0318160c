"""Additive attention (Bahdanau): a small feed-forward layer compares query and key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attnwidget.variants.attend import attend, prepare, with_each_head
from attnwidget.variants.core import ROWS_K, ROWS_Q, Attended, Formula, Identity, Source, Symbol, V, Variant
from attnwidget.variants.cost import PLAIN_CACHE, Cost, Count
from attnwidget.variants.inputs import small_numbers

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike

_BLOCK = 1 << 22  # numbers before the tanh that may exist at once


@dataclass(frozen=True, eq=False)
class Additive(Attended):
    """With the layer that compares: `w_query`, `w_key` (d_k, hidden), or (heads, d_k, hidden), `vector` (hidden,)."""

    w_query: Tensor
    w_key: Tensor
    vector: Tensor


def additive(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    w_query: Tensor | None = None,
    w_key: Tensor | None = None,
    vector: Tensor | None = None,
    hidden: int = 8,
    seed: int = 0,
    mask: MaskLike = None,
) -> Additive:
    """Attend with scores vᵀ tanh(W q + U k).

    Cost: heads · (n + m) · d_k · hidden + heads · n · m · (hidden + d_v) multiplications, and a tanh for each pair and
    hidden unit. Source: Bahdanau, Cho and Bengio 2014, appendix A.1.2, arXiv 1409.0473.

    Parameters
    ----------
    q, k, v, mask
        As of `scaled_dot_product`.
    w_query, w_key : Tensor, optional
        W and U, (d_k, hidden) or (heads, d_k, hidden); q and k are multiplied with them from the left.
    vector : Tensor, optional
        v of the formula, (hidden,).
    hidden : int
        Units of the layer, where weights are not given.
    seed : int
        Of the small weights that stand in for those that are not given. They are not trained: no dot-product model
        has such a layer.

    Returns
    -------
    Additive
        With the weights that were used.
    """
    q, k, v, allowed = prepare(q, k, v, mask)
    hidden = next((x.shape[-1] for x in (w_query, w_key, vector) if x is not None), hidden)
    drawn = small_numbers((2 * q.shape[2] + 1, hidden), seed)  # (2 d_k + 1, hidden)
    w_query = (drawn[: q.shape[2]] if w_query is None else w_query).to(q)
    w_key = (drawn[q.shape[2] : -1] if w_key is None else w_key).to(q)
    vector = (drawn[-1] if vector is None else vector).to(q)
    _check(w_query, w_key, vector, (q.shape[0], q.shape[2], hidden))
    asked = q @ w_query  # (heads, n, hidden)
    offered = with_each_head(k, q.shape[0]) @ w_key  # (heads, m, hidden)
    rows = max(1, _BLOCK // max(1, offered.numel()))
    scores = torch.cat(
        [torch.tanh(some[:, :, None] + offered[:, None]) @ vector for some in torch.split(asked, rows, dim=1)], dim=1
    )  # (heads, n, m)
    plain = attend(scores, v, allowed)
    return Additive(plain.output, plain.weights, plain.scores, allowed, w_query, w_key, vector)


def _check(w_query: Tensor, w_key: Tensor, vector: Tensor, sizes: tuple[int, int, int]) -> None:
    heads, d_k, hidden = sizes
    for name, x in (("w_query", w_query), ("w_key", w_key)):
        if tuple(x.shape) not in {(d_k, hidden), (heads, d_k, hidden)}:
            raise ValueError(f"{name} must be ({d_k}, {hidden}) or ({heads}, {d_k}, {hidden}), got {tuple(x.shape)}")
    if tuple(vector.shape) != (hidden,):
        raise ValueError(f"vector must be ({hidden},), got {tuple(vector.shape)}")


def _unit_by_unit(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    found = additive(q, k, v)
    keys = with_each_head(k, len(q))  # (heads, m, d_k)
    total = q.new_zeros(len(q), q.shape[1], k.shape[1])  # (heads, n, m)
    for unit in range(len(found.vector)):
        asked, offered = q @ found.w_query[:, unit], keys @ found.w_key[:, unit]  # (heads, n), (heads, m)
        total += found.vector[unit] * torch.tanh(asked[:, :, None] + offered[:, None])  # (heads, n, m)
    assert found.scores is not None  # noqa: S101 - it has one softmax
    return found.scores, total


ADDITIVE = Variant(
    name="additive",
    label="additive (Bahdanau)",
    group="scores",
    function=additive,
    sentence="A small feed-forward layer reads query and key together and says how well they fit.",
    paragraph=(
        "W and U bring query and key to a common hidden layer, where they are added; tanh bends each unit to between "
        "−1 and 1, and a last vector adds the units up to one score. It was the first attention in translation (2014), "
        "with one learnt comparison instead of a product. Scores are bounded by the size of that last vector, so no "
        "scale is needed. Transformers have no such layer: the weights used here on their q and k are small numbers "
        "that nobody trained."
    ),
    formula=Formula(
        "softmax({v}ᵀ tanh({W} {q} + {U} {k})) {V}",
        (
            Symbol("v", "adds the hidden units up to one score; it is no value", "(hidden)"),
            Symbol("W", "brings the query to the hidden layer", "(hidden, d_k)"),
            ROWS_Q,
            Symbol("U", "brings the key to the hidden layer", "(hidden, d_k)"),
            ROWS_K,
            V,
        ),
    ),
    cost=Cost(
        Count(
            "heads · (n + m) · d_k · hidden + heads · n · m · (hidden + d_v)",
            lambda s: s.heads * ((s.n + s.m) * s.d_k * s.hidden + s.n * s.m * (s.hidden + s.d_v)),
        ),
        Count("heads · n · m · hidden", lambda s: s.heads * s.n * s.m * s.hidden),
        PLAIN_CACHE,
        (("tanh", Count("heads · n · m · hidden", lambda s: s.heads * s.n * s.m * s.hidden)),),
    ),
    sees="What the mask allows; query and key may have different lengths, and the comparison itself is learnt.",
    cannot=(
        "Be computed as one matrix product: every pair has its own hidden layer, which fast hardware is not built for."
    ),
    often_said=(
        "“Uses a feed-forward layer” is right, and easily mistaken for the MLP that follows attention in a "
        "Transformer: this one makes a score out of a pair, that one changes each token by itself."
    ),
    sources=(
        Source(
            "Bahdanau, Cho and Bengio",
            "Neural Machine Translation by Jointly Learning to Align and Translate",
            2014,
            "1409.0473",
        ),
    ),
    identities=(Identity("All pairs at once ≡ a loop over the hidden units.", "", _unit_by_unit),),
    meanings={"hidden": "units of the layer that compares", "seed": "of its weights, which nobody trained"},
)
