"""Queries, keys and values of attention that is written out in torch, seen as it is computed.

Models outside transformers' attention interface compute products, a softmax and a weighted sum by
themselves. `Watch` sees the operands go by, in this thread only and without touching the model.
What it saw is a guess until `attnwidget.capture.eager` has recomputed the model's own weights
from it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor
from torch.overrides import TorchFunctionMode


class Seen(NamedTuple):
    """The operands of one layer's attention."""

    q: Tensor  # (heads, n, d_k)
    k: Tensor  # (key heads, m, d_k)
    v: Tensor  # (key heads, m, d_v)
    scale: float | None  # None where it was applied elsewhere
    bias: Tensor | None  # (heads, n or 1, m)


_PRODUCT = {"matmul", "__matmul__", "bmm", "baddbmm"}


class Watch(TorchFunctionMode):
    """Follow product → softmax → product, and keep the operands."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Seen] = []
        self._product: tuple[Tensor, Tensor, float | None, Tensor | None] | None = None
        self._is_normalised = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the function as it is, and look at what it took."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name in _PRODUCT:
            self._see(name, args, kwargs)
        elif name == "softmax":
            self._is_normalised = self._product is not None
        return result

    def _see(self, name: str, args: Any, kwargs: Any) -> None:
        operands = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        if len(operands) < 2 or operands[-1].ndim < 3:
            return  # a projection
        left, right = operands[-2:]
        if self._is_normalised and self._product is not None:
            q, k, scale, bias = self._product
            if left.shape[-1] == k.shape[-2]:
                self.seen.append(Seen(_flat(q), _flat(k), _flat(right), scale, bias))
            self._product, self._is_normalised = None, False
            return
        scale, bias = None, None
        if name == "baddbmm":  # BLOOM: beta · bias + alpha · q kᵀ
            scale, bias = float(kwargs.get("alpha", 1)), operands[0] * kwargs.get("beta", 1)
        self._product = left, right.transpose(-1, -2), scale, bias


def _flat(tensor: Tensor) -> Tensor:
    """Drop the batch of one: (heads, n, d)."""
    return tensor[0] if tensor.ndim == 4 else tensor
