"""Queries, keys and values of attention that is written out in torch, seen as it is computed.

Models outside transformers' attention interface compute products, a softmax and a weighted sum by
themselves. `OperandRecorder` sees the operands go by, in this thread only and without touching the model.
What it saw is a guess until `attnwidget.capture.eager` has recomputed the model's own weights
from it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from attnwidget.maths import scores


class Operands(NamedTuple):
    """The operands of one layer's attention."""

    q: Tensor  # (heads, n, d_k)
    k: Tensor  # (key heads, m, d_k)
    v: Tensor  # (key heads, m, d_v)
    added: tuple[Tensor, ...]  # (heads, 1, m) for each of `scales`, what else went into the softmax


_PRODUCT = {"matmul", "__matmul__", "bmm", "baddbmm"}


class OperandRecorder(TorchFunctionMode):
    """Follow product → softmax → product, and keep the operands."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Operands] = []
        self._product: tuple[Tensor, Tensor] | None = None
        self._added: tuple[Tensor, ...] | None = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the function as it is, and look at what it took."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "softmax" and self._product is not None:
            logits: Tensor = args[0] if args else kwargs["input"]
            q, k = self._product
            self._added = _columns(_flat(q), _flat(k), _flat(logits))
        result = func(*args, **kwargs)
        if name in _PRODUCT:
            self._keep(args, kwargs)
        return result

    def _keep(self, args: Any, kwargs: Any) -> None:
        operands = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        if len(operands) < 2 or operands[-1].ndim < 3:
            return  # a projection
        left, right = operands[-2:]
        if self._added is None or self._product is None:
            self._product = left, right.transpose(-1, -2)
            return
        q, k = self._product
        if left.shape[-1] == k.shape[-2]:
            self.found.append(Operands(_flat(q), _flat(k), _flat(right), self._added))
        self._product = self._added = None


def scales(width: int) -> tuple[float, ...]:
    """Return the factors of the products that are tried: the usual one, and one that q has taken up already."""
    return width**-0.5, 1.0


def _columns(q: Tensor, k: Tensor, logits: Tensor) -> tuple[Tensor, ...]:
    """Return what was added to the scores, if it is the same in every row, as ALiBi is: (heads, 1, m)."""
    if not q.ndim == k.ndim == 3 or q.shape[0] % k.shape[0] or logits.shape != (*q.shape[:2], k.shape[1]):
        return ()
    lowest = torch.finfo(logits.dtype).min / 2
    found = []
    for scale in scales(q.shape[-1]):
        added = logits - scores(q, k, scale=scale)  # (heads, n, m)
        column = added.masked_fill(logits < lowest, -torch.inf).amax(1, keepdim=True)  # (heads, 1, m)
        found.append(column.masked_fill(~column.isfinite(), 0))
    return tuple(found)


def _flat(tensor: Tensor) -> Tensor:
    """Drop the batch of one: (heads, n, d)."""
    return tensor[0] if tensor.ndim == 4 else tensor
