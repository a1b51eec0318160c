"""What one forward pass leaves behind: every layer's Q, K, V and mask, and the capture's error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.maths import ALL, Mask, QKVLayer, weighted_sum

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKED_ROWS = 8  # of every head, spread evenly: recomputed and compared with the model's output

# Private, but it gives the log-sum-exp along with the output, at SDPA's speed.
_FLASH_CPU = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)


class SeenMask(NamedTuple):
    """A mask as the model made it, read."""

    rule: Mask
    bias: Tensor | None = None  # (1 or heads, n, m), what is added to allowed scores
    additive: Tensor | None = None  # (1, 1 or heads, n or 1, m), rule and bias for the fused kernel
    tensor: Tensor | None = None  # the original, kept alive so that its id stays its own


@dataclass
class Recorder:
    """The layers of one forward pass, in the order in which they were computed."""

    on_layer: Callable[[int], None] | None = None  # called with the number of layers done
    layers: list[QKVLayer] = field(default_factory=list)
    _errors: list[Tensor] = field(default_factory=list)
    _masks: dict[int, SeenMask] = field(default_factory=dict)

    @property
    def max_error(self) -> float:
        """Largest |recomputed weights · V − the model's own output|; NaN is not hidden."""
        return float(torch.stack([error.cpu().double() for error in self._errors]).max())

    def read_mask(self, mask: Tensor | None, query: Tensor, *, causal: bool) -> SeenMask:
        """Read the mask that a layer got, (1, 1 or heads, n or 1, m). Layers share few of them."""
        if mask is None:
            return SeenMask(Mask(after=0) if causal else Mask())
        if id(mask) not in self._masks:
            self._masks[id(mask)] = _read(mask, query)
        return self._masks[id(mask)]

    def add(self, output: Tensor, layer: QKVLayer) -> None:
        """Keep a layer, and compare some of its rows with the output (1, n, heads, d_v)."""
        self.layers.append(layer)
        n = layer.shape[1]
        rows = torch.linspace(0, n - 1, min(n, CHECKED_ROWS), device=output.device).round().long()
        again = weighted_sum(layer.weights(ALL, rows, ALL), layer.v)  # (heads, rows, d_v)
        theirs = output[0].index_select(0, rows).transpose(0, 1)  # (heads, rows, d_v)
        difference = (again - theirs).abs()  # (heads, rows, d_v)
        if layer.mask.keep is not None or layer.mask.dense is not None:
            # A row that sees nothing has no weights. Some implementations return a mean there.
            sees = layer.allowed(ALL, rows, ALL).any(-1, keepdim=True)  # (1 or heads, rows, 1)
            difference = difference.masked_fill(~sees, 0)
        self._errors.append(difference.max())
        if self.on_layer is not None:
            self.on_layer(len(self.layers))


def _read(mask: Tensor, query: Tensor) -> SeenMask:
    if mask.ndim != 4:
        raise UnsupportedModelError(f"expected a mask (1, heads, n, m), got {tuple(mask.shape)}")
    allowed = mask[0].expand(-1, query.shape[2], -1)  # (1 or heads, n, m)
    if mask.dtype != torch.bool:
        values = allowed
        allowed = values > torch.finfo(mask.dtype).min / 2  # forbidden: −inf, or the lowest number
        bias = values.masked_fill(~allowed, 0)  # (1 or heads, n, m)
        return SeenMask(Mask.from_dense(allowed), bias if bias.count_nonzero() else None, mask, tensor=mask)
    rule = Mask.from_dense(allowed)
    additive = None
    if rule.before is not None or rule.after not in (None, 0) or rule.dense is not None:
        additive = query.new_zeros(mask.shape).masked_fill_(~mask, -torch.inf)  # (1, …, n, m)
    elif rule.keep is not None:
        additive = query.new_zeros(rule.keep.shape).masked_fill_(~rule.keep, -torch.inf)  # (m,)
        additive = additive[None, None, None]  # (1, 1, 1, m)
    return SeenMask(rule, additive=additive, tensor=mask)


def fused(query: Tensor, key: Tensor, value: Tensor, mask: SeenMask, scale: float) -> tuple[Tensor, Tensor] | None:
    """Compute the output (1, n, heads, d) and the log-sum-exp (heads, n) in one go.

    Returns None where the kernel does not apply: another device, d_k ≠ d_v, another torch.
    """
    is_fit = query.device.type == "cpu" and query.shape[-1] == value.shape[-1]
    if _FLASH_CPU is None or not is_fit:
        return None
    options: dict[str, Any] = {"attn_mask": mask.additive, "scale": scale}
    causal = mask.rule.is_causal
    try:
        output, lse = _FLASH_CPU(query, key, value, 0.0, causal, **options)
    except (RuntimeError, TypeError):  # private: its arguments and its limits may change
        return None
    return output.transpose(1, 2).contiguous(), lse[0]


def own(*tensors: Tensor) -> list[Tensor]:
    """Keep tensors by reference, but copy those that would keep a far larger storage alive.

    GPT-2's Q, K and V fill one storage together; GPT-NeoX's V alone would hold on to the
    unrotated Q and K.
    """
    used: dict[int, int] = {}
    for tensor in tensors:
        at = tensor.untyped_storage().data_ptr()
        used[at] = used.get(at, 0) + tensor.numel() * tensor.element_size()
    kept = []
    for tensor in tensors:
        storage = tensor.untyped_storage()
        is_lean = storage.nbytes() <= 1.25 * used[storage.data_ptr()]
        kept.append(tensor if is_lean else tensor.clone())
    return kept
