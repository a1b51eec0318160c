"""Linear attention: a feature map in the softmax's place, and with it a state that does not grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attnwidget.maths.softmax import product, weighted_sum
from attnwidget.variants.attend import prepare, with_each_head
from attnwidget.variants.core import Attended, Formula, Identity, Source, Symbol, V, Variant
from attnwidget.variants.cost import Cost, Count

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.variants.attend import MaskLike


@dataclass(frozen=True, eq=False)
class Linear(Attended):
    """With the state after the last key.

    Attributes
    ----------
    state : Tensor
        (heads, d_k, d_v), Σ φ(k) vᵀ over all keys.
    total : Tensor
        (heads, d_k), Σ φ(k).
    """

    state: Tensor
    total: Tensor


def linear(q: Tensor, k: Tensor, v: Tensor, *, recurrent: bool = False, mask: MaskLike = None) -> Linear:
    """Attend with weights φ(q)·φ(k) / Σ φ(q)·φ(k), where φ(x) = elu(x) + 1.

    Cost: heads · (n + m) · d_k · d_v + heads · n · d_k multiplications; heads · (d_k · d_v + d_k) numbers to keep,
    however long the text is. Source: Katharopoulos et al. 2020, sections 3.2–3.4, arXiv 2006.16236. There is no scale.

    Parameters
    ----------
    q, k, v, mask
        As of `scaled_dot_product`. With a mask the parallel form goes by the weights, n · m of them.
    recurrent : bool
        Go token by token with the state alone, as a recurrent network does; needs the causal mask.

    Returns
    -------
    Linear
        With the state. `weights` are those that the formula implies, None in the recurrent form, which never has them;
        `scores` are None, as there is no softmax.

    Raises
    ------
    ValueError
        If `recurrent` is asked for with another mask than the causal one.
    """
    q, k, v, allowed = prepare(q, k, v, mask)
    asked = features(q)  # (heads, n, d_k)
    offered, v = with_each_head(features(k), len(q)), with_each_head(v, len(q))  # (heads, m, d_k), (heads, m, d_v)
    state, total = product(offered.mT, v), offered.sum(1)  # (heads, d_k, d_v), (heads, d_k)
    if recurrent:
        n, m = allowed.shape[1:]
        if n != m or not torch.equal(allowed, torch.ones_like(allowed).tril()):
            raise ValueError("the recurrent form goes forward through one text; it needs mask='causal'")
        return Linear(_token_by_token(asked, offered, v), None, None, allowed, state, total)
    alike = product(asked, offered.mT).masked_fill(~allowed, 0)  # (heads, n, m)
    weights = _over(alike, alike.sum(-1))  # (heads, n, m)
    if mask is None:
        output = _over(product(asked, state), (asked * total[:, None]).sum(-1))  # (heads, n, d_v)
    else:
        output = weighted_sum(weights, v)  # (heads, n, d_v)
    return Linear(output, weights, None, allowed, state, total)


def features(x: Tensor) -> Tensor:
    """φ: elu(x) + 1, positive everywhere; of the same shape."""
    return torch.nn.functional.elu(x) + 1


def _over(x: Tensor, total: Tensor) -> Tensor:
    """Divide rows (heads, n, any) by their totals (heads, n); a row whose total is 0 stays 0."""
    return x / total.masked_fill(total == 0, 1)[..., None]


def _token_by_token(asked: Tensor, offered: Tensor, v: Tensor) -> Tensor:
    """Write each token into the state, then read its row, (heads, n, d_v)."""
    state = torch.zeros_like(product(offered.mT, v))  # (heads, d_k, d_v)
    total = torch.zeros_like(offered.sum(1))  # (heads, d_k)
    rows = []
    for at in range(asked.shape[1]):
        state = state + offered[:, at, :, None] * v[:, at, None]  # (heads, d_k, d_v)
        total = total + offered[:, at]  # (heads, d_k)
        read = (asked[:, at, :, None] * state).sum(1)  # (heads, d_v)
        rows.append(_over(read[:, None], (asked[:, at] * total).sum(-1, keepdim=True))[:, 0])  # (heads, d_v)
    return torch.stack(rows, dim=1) if rows else v  # (heads, n, d_v)


def _recurrent(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    count = min(q.shape[1], k.shape[1])
    one = q[:, :count], k[:, :count], v[:, :count]
    return linear(*one, mask="causal", recurrent=True).output, linear(*one, mask="causal").output


def _by_weights(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    found = linear(q, k, v)
    assert found.weights is not None  # noqa: S101 - the parallel form has them
    return found.output, weighted_sum(found.weights, v)


LINEAR = Variant(
    name="linear",
    label="linear",
    group="other than softmax",
    function=linear,
    sentence="Without a softmax, keys and values can be added up once, and every query reads the same small sum.",
    paragraph=(
        "The softmax needs every score of a row before it can divide. If it is replaced by a product of two positive "
        "features, φ(q)·φ(k), the order of multiplication can change: first φ(K)ᵀV, a matrix of the size d_k × d_v, "
        "then each query with that. The cost grows with the text, not with its square. Read from left to right it is a "
        "recurrent network whose state is this matrix. The weights shown are those that it implies; it never makes "
        "them."
    ),
    formula=Formula(
        "{φ}({Q}) ({φ}({K})ᵀ {V}) / ({φ}({Q}) Σ {φ}({K}))",
        (
            Symbol("φ", "feature map, elu(x) + 1 for each number: positive everywhere"),
            Symbol("Q", "queries, of any size: there is no scale", "(heads, n, d_k)"),
            Symbol("K", "keys", "(heads, m, d_k)"),
            V,
        ),
    ),
    cost=Cost(
        Count(
            "heads · (n + m) · d_k · d_v + heads · n · d_k",
            lambda s: s.heads * ((s.n + s.m) * s.d_k * s.d_v + s.n * s.d_k),
        ),
        Count("heads · (d_k · d_v + d_k)", lambda s: s.heads * (s.d_k * s.d_v + s.d_k)),
        Count("heads · (d_k · d_v + d_k)", lambda s: s.heads * (s.d_k * s.d_v + s.d_k)),
    ),
    sees="All tokens, added up: a query reads what they have in common with it.",
    cannot=(
        "Point sharply at one token: without the exponential weights spread widely. And the state has room for about "
        "d_k things, however long the text."
    ),
    often_said=(
        "“Recurrent networks forget, attention does not” meets here: this attention is a recurrent network, and what "
        "no longer fits its state blurs. Softmax attention avoids that by keeping every key."
    ),
    sources=(
        Source(
            "Katharopoulos et al.",
            "Transformers are RNNs: Fast Autoregressive Transformers with Linear Attention",
            2020,
            "2006.16236",
        ),
    ),
    identities=(
        Identity("Recurrent, token by token ≡ parallel with the causal mask.", "", _recurrent),
        Identity("Keys and values added up first ≡ the implied weights times the values.", "", _by_weights),
    ),
    meanings={"recurrent": "token by token, with the state alone (causal only)"},
)
