"""Norms read from what they do, and sums that are told to be the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from attnwidget.maths import Norm
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from torch import Tensor, nn

_EPSILONS = "variance_epsilon", "eps", "epsilon", "norm_eps"


def read_norm(module: nn.Module, given: Tensor, returned: Tensor, bound: float) -> Norm | None:
    """Return a LayerNorm or RMSNorm with every row's scale held; None if the module is neither.

    Parameters
    ----------
    module : nn.Module
        Of any class: what it does is read from its numbers.
    given, returned : Tensor
        (n, d_model).
    bound : float
        How near, as of `alike`.
    """
    given, returned = upcast(given), upcast(returned)
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    epsilon = next((float(one) for name in _EPSILONS if isinstance(one := getattr(module, name, None), float)), 0.0)
    if weight is not None and weight.shape != given.shape[-1:]:
        return None
    own = None if weight is None else upcast(weight.detach()).to(given)
    gains = [given.new_ones(given.shape[-1])] if own is None else [own, 1 + own]
    for is_centred in (True, False):
        centred = given - given.mean(-1, keepdim=True) if is_centred else given
        scale = torch.rsqrt(centred.square().mean(-1) + epsilon)  # (n,)
        for gain in gains:
            mine = centred * scale[:, None] * gain
            if alike(mine if bias is None else mine + bias.detach().to(mine), returned, returned, bound):
                return Norm(gain, scale, is_centred)
    return None


def alike(mine: Tensor, theirs: Tensor, part: Tensor, bound: float) -> bool:
    """Whether two sums are the same, measured by one of their parts: a stream may be far longer than what is added."""
    slack = bound * part.abs().mean() + bound / 100 * theirs.abs()  # rounding is of the sum's own size
    return mine.shape == theirs.shape and bool(((mine - theirs).abs() <= slack).all())
