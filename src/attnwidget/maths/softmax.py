"""Scores, their log-sum-exp, weights and the weighted sum: scaled dot-product attention by parts.

Formulas: Vaswani et al. 2017, "Attention is all you need", section 3.2.1. Keeping one log-sum-exp
per row instead of the weights: Dao et al. 2022, "FlashAttention", section 3.1. Half precision is
computed in float32; float64 stays float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor


def upcast(tensor: Tensor) -> Tensor:
    """Return the tensor in the precision of the arithmetic: float32, or float64 if it is that."""
    return tensor if tensor.dtype == torch.float64 else tensor.to(torch.float32)


def scores(
    q: Tensor,
    k: Tensor,
    *,
    scale: float,
    softcap: float | None = None,
    bias: Tensor | None = None,
    allowed: Tensor | None = None,
) -> Tensor:
    """Compute what goes into the softmax.

    Parameters
    ----------
    q : Tensor
        (heads, queries, d_k).
    k : Tensor
        (key heads, keys, d_k). With fewer heads than `q`, neighbouring query heads share one
        (grouped-query attention).
    scale : float
        Factor of the products, usually ``d_k ** -0.5``.
    softcap : float, optional
        ``softcap * tanh(score / softcap)``, after scaling and before the bias (Gemma 2).
    bias : Tensor, optional
        What is added then, broadcast to (heads, queries, keys).
    allowed : Tensor, optional
        bool, broadcast to (heads, queries, keys); the score is −inf where it is False.

    Returns
    -------
    Tensor
        (heads, queries, keys).
    """
    q, k = upcast(q), upcast(k)
    heads, n, d = q.shape
    groups, m, _ = k.shape
    stacked = q.reshape(groups, heads // max(groups, 1) * n, d)  # a group's queries under one another
    result = product(stacked, k.transpose(1, 2)).view(heads, n, m).mul_(scale)  # (heads, queries, keys)
    if softcap is not None:
        result = softcap * torch.tanh(result / softcap)  # (heads, queries, keys)
    if bias is not None:
        result = result + bias  # (heads, queries, keys)
    if allowed is not None:
        result = result.masked_fill_(~allowed, -torch.inf)  # (heads, queries, keys)
    return result


def log_sum_exp(blocks: Iterable[Tensor], *, sinks: Tensor | None = None) -> Tensor:
    """Log of the softmax's denominator, from blocks of keys that are seen once and dropped.

    Parameters
    ----------
    blocks : iterable of Tensor
        Scores (heads, queries, keys of the block), in any order.
    sinks : Tensor, optional
        (heads,), a logit that takes part in every row's softmax and has no key (gpt-oss).

    Returns
    -------
    Tensor
        (heads, queries); −inf for a row that may attend to nothing.

    Raises
    ------
    ValueError
        If there is no block.
    """
    total: Tensor | None = None
    for block in blocks:
        part = block.logsumexp(-1)  # (heads, queries)
        total = part if total is None else torch.logaddexp(total, part)
    if total is None:
        raise ValueError("the log-sum-exp needs at least one block of scores, got none")
    return total if sinks is None else torch.logaddexp(total, sinks.to(total)[:, None])


def weights(scores: Tensor, lse: Tensor) -> Tensor:
    """Softmax of a tile whose rows may be cut: ``exp(score - lse)``.

    Parameters
    ----------
    scores : Tensor
        (heads, queries, keys).
    lse : Tensor
        (heads, queries), the log-sum-exp of the *whole* row.

    Returns
    -------
    Tensor
        (heads, queries, keys). A row that may attend to nothing is 0 everywhere.
    """
    finite = lse.masked_fill(lse == -torch.inf, 0)  # −inf − (−inf) would be NaN
    return (scores - finite[..., None]).exp_()  # (heads, queries, keys)


def weighted_sum(weights: Tensor, v: Tensor) -> Tensor:
    """Output of the heads, (heads, queries, d_v), from weights (heads, queries, keys) and values.

    `v` is (value heads, keys, d_v); neighbouring query heads share one where there are fewer.
    """
    heads, n, m = weights.shape
    groups = v.shape[0]
    stacked = weights.reshape(groups, heads // max(groups, 1) * n, m)  # a group's queries
    return product(stacked, v.to(weights)).view(heads, n, v.shape[-1])  # (heads, queries, d_v)


def product(left: Tensor, right: Tensor) -> Tensor:
    """Multiply in the precision of the operands, also inside somebody's `torch.autocast`."""
    with torch.autocast(left.device.type, enabled=False):
        return left @ right
