"""What stands on the way from a part of the model to its logit, and is linear only while something is held.

A norm divides a row by its own length: with that scale held at what it is for this row, it is an affine map. That it
is one, is proven on what the module really does, whatever its code: LayerNorm, RMSNorm, T5's, Gemma's 1 + g. An
activation, as masked language models have one in their head, is a gate: gelu(z) = z · Φ(z), with the gate held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from torch import Tensor

from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Callable

    from attnwidget.capture.labels import Place

_ALIKE = 1e-4  # of the largest number that a norm gives: how near an affine map must come to it
_ALIKE_HALF = 5e-2  # in half precision


class Ledger(Protocol):
    """Where it is written down what was met on the way back."""

    def note(self, place: Place, shares: Tensor) -> None:
        """Keep what a constant writes into the target, (rows,)."""

    def hold(self, place: Place, kind: str) -> None:
        """Keep what was held: of a "norm" its scale, of an "activation" its gate."""

    def fail(self, place: Place) -> None:
        """Keep what proved to be neither."""


class Held:
    """A module on the way, proven when the way leads over it.

    Parameters
    ----------
    place : Place
        The module's, and which of its calls.
    run : function
        What it does, of one tensor.
    ledger : Ledger
        What is told of it.
    """

    def __init__(self, place: Place, run: Callable[[Tensor], Tensor], ledger: Ledger) -> None:
        self._place, self._run, self._ledger = place, run, ledger

    def __call__(self, x: Tensor) -> Tensor:
        """Run it as it is; the way back leads over what it is with its scale, or gate, held."""
        with torch.no_grad():
            y = self._run(x)
        if not isinstance(y, Tensor) or y.shape != x.shape:
            return self._run(x)
        found: Tensor = _Held.apply(x, y, self)  # type: ignore[no-untyped-call]
        return found

    def back(self, x: Tensor, y: Tensor, grad: Tensor) -> Tensor:
        """Return what a target's gradient, as (…, d) as both, is before the module."""
        whole, width = torch.zeros_like(grad), grad.shape[-1]
        rows = grad.reshape(-1, width).abs().amax(-1) > 0
        x, y, grad = (upcast(one.reshape(-1, width)[rows]) for one in (x, y, grad))  # (rows, d)
        whole.reshape(-1, width)[rows] = self._back(x, y, grad, whole.dtype).to(whole)
        return whole

    def _back(self, x: Tensor, y: Tensor, grad: Tensor, dtype: torch.dtype) -> Tensor:
        if torch.equal(x, y):
            return grad
        with torch.no_grad():
            norm = as_norm(self._run, x, y, dtype)
            if norm is not None:
                self._ledger.hold(self._place, "norm")
                self._ledger.note(self._place, (grad * norm.bias).sum(-1))
                scaled = grad * norm.scales  # (rows, d)
                return scaled - scaled.mean(-1, keepdim=True) if norm.is_centred else scaled
            turned = upcast(self._run(x.flip(-1).to(dtype)[None]))[0].flip(-1)  # of each number alone, wherever it is
            if torch.allclose(turned, y, rtol=0, atol=_bound(dtype) * float(y.abs().max())):
                self._ledger.hold(self._place, "activation")
                return grad * torch.where(x == 0, 0, y / x)
        self._ledger.fail(self._place)
        return torch.zeros_like(grad)


class Norm(NamedTuple):
    """What a norm is with its scales held: x → (x − its mean) ∘ scales + bias, or without the mean.

    Attributes
    ----------
    scales : Tensor
        (rows, d), each row's 1/σ times the gain.
    is_centred : bool
        Whether the mean is taken off.
    bias : Tensor
        (d,).
    """

    scales: Tensor
    is_centred: bool
    bias: Tensor


def as_norm(run: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, dtype: torch.dtype) -> Norm | None:
    """Find the norm that makes y of x, both (rows, d), if it is one; `run` computes in `dtype`.

    A norm N has N(±p) = ±g ∘ (p − m) / σ + b. So one p tells b, and g but for a factor, which every row brings: d
    numbers of a row must then come out of one.
    """
    width = x.shape[-1]
    signs = 1.0 - 2.0 * (torch.arange(width, device=x.device) % 2)
    probe = signs * (1 + torch.arange(width, device=x.device) / width)  # (d,)
    there, back = (upcast(run(one.to(dtype)[None, None]))[0, 0] for one in (probe, -probe))
    if not (there.isfinite() & back.isfinite()).all():
        return None
    bias, odd = (there + back) / 2, (there - back) / 2  # (d,)
    best: tuple[float, Tensor, bool] | None = None
    for is_centred in (True, False):
        p, rows = (one - one.mean(-1, keepdim=True) if is_centred else one for one in (upcast(probe.to(dtype)), x))
        gain = odd / p  # (d,)
        plain = gain * rows  # (rows, d)
        factor = ((y - bias) * plain).sum(-1, keepdim=True) / plain.square().sum(-1, keepdim=True)  # (rows, 1)
        error = (y - bias - factor * plain).abs().amax(-1) / (y - bias).abs().amax(-1)  # (rows,)
        worst = float(error.nan_to_num(torch.inf).max())
        if best is None or worst < best[0]:
            best = worst, gain * factor, is_centred
    assert best is not None  # noqa: S101 - there were two
    return Norm(best[1], best[2], bias) if best[0] <= _bound(dtype) else None


def _bound(dtype: torch.dtype) -> float:
    return _ALIKE if dtype in {torch.float32, torch.float64} else _ALIKE_HALF


class _Held(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, held: Held) -> Tensor:
        ctx.save_for_backward(x, y)
        ctx.held = held
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return ctx.held.back(*ctx.saved_tensors, grad), None, None


class Constant(torch.autograd.Function):
    """Nothing on the way there; on the way back what an affine map's constant writes is noted."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, constant: Tensor, place: Place, ledger: Ledger) -> Tensor:
        """Hand it on."""
        ctx.save_for_backward(constant)
        ctx.place, ctx.ledger = place, ledger
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        """Note it."""
        (constant,) = ctx.saved_tensors
        rows = upcast(grad.reshape(-1, grad.shape[-1]))  # (n, d)
        ctx.ledger.note(ctx.place, (rows * upcast(constant)).sum(-1)[rows.abs().amax(-1) > 0])
        return grad, None, None, None
