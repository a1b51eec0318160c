"""Every call of `scaled_dot_product_attention` in a pass, seen as it is computed, whoever makes it."""

from __future__ import annotations

import re
from inspect import signature
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.maths import Mask, QKVLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch.utils.hooks import RemovableHandle

    # see(name of the module, module, layer, output (1, n, heads, d_v), whether keys come from elsewhere)
    See = Callable[[str, nn.Module, QKVLayer, Tensor, bool], None]

_NAME = "scaled_dot_product_attention"
_CROSS = re.compile(r"cross|encdec|encoder_attn|enc_attn", re.IGNORECASE)
_ELSEWHERE = re.compile(r"context|memory|encoder|source|^kv|^keys?$|key_value", re.IGNORECASE)


class SdpaWatch(TorchFunctionMode):
    """Read every call inside, in this thread and without touching the module; dropout is off.

    Calls within `nn.MultiheadAttention` are its own, and not shown.

    Parameters
    ----------
    see : function
        Is shown every attention, in the order in which they are computed.
    buffers : sequence of Tensor
        What the module keeps from one pass to the next, such as a cache of keys: what lies there is copied.
    """

    def __init__(self, see: See, buffers: Sequence[Tensor] = ()) -> None:
        super().__init__()
        self._see = see
        self._kept = {one.untyped_storage().data_ptr() for one in buffers}
        # the modules that are being called, and whether they were given something to look at
        self._inside: list[tuple[str, nn.Module, bool]] = []

    def follow(self, name: str, module: nn.Module) -> Iterator[RemovableHandle]:
        """Keep account of which module is being called; the hooks are to be removed afterwards."""

        def enter(part: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
            self._inside.append((name, part, _looks_elsewhere(part, args, kwargs)))

        yield module.register_forward_pre_hook(enter, with_kwargs=True)
        yield module.register_forward_hook(lambda *_: self._leave())

    def _leave(self) -> None:
        self._inside.pop()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the function as it is, without dropout, and look at what it took."""
        kwargs = dict(kwargs or {})
        if getattr(func, "__name__", "") != _NAME or any(
            isinstance(part, nn.MultiheadAttention) for _, part, _ in self._inside
        ):
            return func(*args, **kwargs)
        order = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
        given = dict(zip(order, args, strict=False)) | kwargs | {"dropout_p": 0.0}
        output: Tensor = func(**given)
        name, part, elsewhere = self._inside[-1]
        layer = self._read(name or type(part).__name__, **given)
        n, m = layer.shape[1:]
        heads = _one_text(output, name).transpose(0, 1)[None]  # (1, n, heads, d_v)
        self._see(name, part, layer, heads, n != m or elsewhere or _CROSS.search(name) is not None)
        return output

    def _read(
        self,
        name: str,
        *,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        is_causal: bool = False,
        scale: float | None = None,
        **_: Any,
    ) -> QKVLayer:
        kind = query.device.type
        if torch.is_autocast_enabled(kind):  # what SDPA rounds them to
            query, key, value = (x.to(torch.get_autocast_dtype(kind)) for x in (query, key, value))
        # (heads, n, d_k), (key heads, m, d_k), (key heads, m, d_v)
        q, k, v = (_one_text(x, name) for x in (query, key, value))
        q, k, v = (x.clone() if x.untyped_storage().data_ptr() in self._kept else x for x in (q, k, v))
        if len(k) != len(v):  # one of them is the same for all heads
            k, v = (x.expand(max(len(k), len(v)), -1, -1) for x in (k, v))
        q = q.expand(max(len(q), len(k)), -1, -1)
        bias, mask = _read_mask(attn_mask, len(q), q.shape[1], k.shape[1])
        if is_causal:
            mask = Mask(after=0)
        factor = q.shape[-1] ** -0.5 if scale is None else float(scale)
        return QKVLayer(q, k, v, factor, bias=bias, mask=mask)


def _one_text(tensor: Tensor, name: str) -> Tensor:
    """Drop the batch of one: (heads, n, d)."""
    if tensor.is_nested or tensor.ndim not in {3, 4}:
        shape = "a nested tensor" if tensor.is_nested else tuple(tensor.shape)
        raise UnsupportedModelError(f"expected {_NAME} in {name} on (1, heads, n, d) or (heads, n, d), got {shape}")
    if tensor.ndim == 4 and len(tensor) != 1:
        raise UnsupportedModelError(f"expected one text per pass, got a batch of {len(tensor)} in {name}")
    return tensor[0] if tensor.ndim == 4 else tensor


def _read_mask(given: Tensor | None, heads: int, n: int, m: int) -> tuple[Tensor | None, Mask]:
    """Read SDPA's mask: False or −inf forbids, other floats are added, (1 or heads, n, m)."""
    if given is None:
        return None, Mask()
    mask = given.detach()
    mask = mask[0] if mask.ndim == 4 else mask
    mask = mask.expand(heads if mask.ndim == 3 and len(mask) > 1 else 1, n, m)  # (1 or heads, n, m)
    if mask.dtype == torch.bool:
        return None, Mask.from_dense(mask)
    allowed = mask > torch.finfo(mask.dtype).min / 2  # forbidden: −inf, or the lowest number
    bias = mask.masked_fill(~allowed, 0)
    return bias if bias.count_nonzero() else None, Mask.from_dense(allowed)


def _looks_elsewhere(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> bool:
    """Whether a module was given a second tensor to look at, by the name of the argument."""
    try:
        given = signature(module.forward).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        given = kwargs
    tensors = {name: one for name, one in given.items() if isinstance(one, Tensor) and one.is_floating_point()}
    first = next(iter(tensors.values()), None)
    return any(
        one is not first and _ELSEWHERE.search(name) is not None and not _same(one, first)
        for name, one in tensors.items()
    )


def _same(one: Tensor, other: Tensor | None) -> bool:
    return other is not None and one.shape == other.shape and torch.equal(one, other)
