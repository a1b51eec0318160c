"""What the variants share: operands checked and brought to one precision, the softmax, the weighted sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from attnwidget.maths.masks import preset
from attnwidget.maths.softmax import log_sum_exp, weighted_sum
from attnwidget.maths.softmax import weights as softmax
from attnwidget.variants.core import Attended

if TYPE_CHECKING:
    MaskLike = Tensor | str | None
    Operands = tuple[Tensor, Tensor, Tensor, Tensor]


def prepare(q: Tensor, k: Tensor, v: Tensor, mask: MaskLike = None) -> Operands:
    """Check operands, and bring them to the precision of the arithmetic.

    Parameters
    ----------
    q, k, v : Tensor
        (heads, n, d_k), (key heads, m, d_k), (key heads, m, d_v), any float dtype.
    mask : Tensor or str, optional
        bool (n, m) or (heads, n, m), True where a pair may attend; or the name of one, `masks.preset`'s.

    Returns
    -------
    tuple
        q, k, v in float32, or in float64 if one of them is that, and bool (1 or heads, n, m).

    Raises
    ------
    TypeError
        If something is no float tensor, or the mask is not bool.
    ValueError
        If shapes do not fit.
    """
    for name, x in (("q", q), ("k", k), ("v", v)):
        if not isinstance(x, Tensor) or not x.is_floating_point():
            raise TypeError(
                f"{name} must be a float tensor, got {x.dtype if isinstance(x, Tensor) else type(x).__name__}"
            )
        if x.ndim != 3:
            raise ValueError(f"{name} must be (heads, tokens, size), got shape {tuple(x.shape)}")
    (heads, n, d_k), (groups, m, d) = q.shape, k.shape
    if d != d_k:
        raise ValueError(f"queries and keys must be equally long, got {d_k} and {d}")
    if v.shape[:2] != k.shape[:2]:
        raise ValueError(
            f"k and v must have the same (key heads, keys), got {tuple(k.shape[:2])}, {tuple(v.shape[:2])}"
        )
    if not groups or heads % groups:
        raise ValueError(f"{heads} query heads cannot share {groups} key heads evenly")
    dtype = torch.float64 if torch.float64 in (q.dtype, k.dtype, v.dtype) else torch.float32
    q, k, v = (x.to(dtype) for x in (q, k, v))
    return q, k, v, allowed_of(mask, heads, n, m).to(q.device)


def allowed_of(mask: MaskLike, heads: int, n: int, m: int) -> Tensor:
    """Return which pairs may attend, bool (1 or heads, n, m); a view of one number where there is no mask."""
    if mask is None:
        return torch.ones(1, 1, 1, dtype=torch.bool).expand(1, n, m)
    allowed = preset(mask, n, m) if isinstance(mask, str) else mask
    if not isinstance(allowed, Tensor) or allowed.dtype != torch.bool:
        got = allowed.dtype if isinstance(allowed, Tensor) else type(allowed).__name__
        raise TypeError(f"mask must be a name or a bool tensor, True where a pair may attend, got {got}")
    if tuple(allowed.shape) not in {(n, m), (1, n, m), (heads, n, m)}:
        raise ValueError(f"mask must be ({n}, {m}) or ({heads}, {n}, {m}), got {tuple(allowed.shape)}")
    return allowed if allowed.ndim == 3 else allowed[None]


def attend(scores: Tensor, v: Tensor, allowed: Tensor, sinks: Tensor | None = None) -> Attended:
    """Take scores to weights and the heads' outputs.

    Parameters
    ----------
    scores : Tensor
        (heads, n, m); what stands at forbidden pairs does not count.
    v : Tensor
        (key heads, m, d_v).
    allowed : Tensor
        bool (1 or heads, n, m).
    sinks : Tensor, optional
        (heads,), a logit without a key in every row's softmax.
    """
    scores = scores.masked_fill(~allowed, -torch.inf)  # (heads, n, m)
    weights = softmax(scores, log_sum_exp([scores], sinks=sinks))  # (heads, n, m)
    return Attended(weighted_sum(weights, v), weights, scores, allowed)


def with_each_head(x: Tensor, heads: int) -> Tensor:
    """Give every query head the keys or values it uses, (heads, m, d) from (key heads, m, d)."""
    return x.repeat_interleave(heads // x.shape[0], 0)
