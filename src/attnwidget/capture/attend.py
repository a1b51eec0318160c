"""Attention computed as SDPA or the model's own eager code would, without a mask of n × m."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from attnwidget.capture.errors import UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from attnwidget.maths import Mask

    # kernel(query, key, value, mask, causal=…) with the mask added to the scores, (1, 1 or heads, n, m)
    # → output (1, n, heads, d_v), and the log-sum-exp (1, heads, n) where it comes along
    Kernel = Callable[..., tuple[Tensor, Tensor | None]]

_ROWS = 1024  # queries that are computed at once where the rule has to be written out for them
_SCORES = 1 << 25  # scores of all heads that eager attention may make at once: 128 MB


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scale: float,
    bias: Tensor | None = None,
    rule: Mask,
    forbidden: float = -torch.inf,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """Compute what a layer's attention returns.

    Parameters
    ----------
    module : nn.Module
        The layer's attention.
    query, key, value : Tensor
        (1, heads, n, d_k), (1, key heads, m, d_k), (1, key heads, m, d_v).
    scale : float
        Factor of the products.
    bias : Tensor, optional
        (1 or heads, n, m), added to the scores.
    rule : Mask
        Which pairs may attend.
    forbidden : float
        What is added where the rule forbids; it shows in rows that may attend to nothing.
    **options
        What else the model gives its attention function. With `softcap` or `s_aux` (sinks), which
        SDPA does not know, the eager attention of the model's own file computes.

    Returns
    -------
    tuple
        The output (1, n, heads, d_v), and the rows' log-sum-exp (heads, n) if the kernel gives it.
    """
    is_eager = needs_eager(options)
    make = _KERNELS.get(query.device.type, _sdpa) if query.shape[-1] == value.shape[-1] else _sdpa
    is_flash = not is_eager and make is _flash
    kernel = _eager(module, scale, options) if is_eager else make(module, scale)
    heads, n, m = query.shape[1], query.shape[2], key.shape[2]
    is_simple = bias is None and rule.before is None and rule.after in {None, 0} and rule.dense is None
    if is_simple and not is_eager and (rule.keep is None or (is_flash and forbidden == -torch.inf)):
        mask = None if rule.keep is None else _written(rule.keep[None, None], query, forbidden)  # (1, 1, 1, m)
        output, lse = kernel(query, key, value, mask, causal=rule.is_causal)
        return output, None if lse is None else lse[0]
    rows = max(1, min(_ROWS, _SCORES // (heads * m))) if is_eager else _ROWS
    outputs, sums = [], []
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        # what the rule lets these rows reach, and at least one key
        first = 0 if rule.before is None else min(max(0, start - rule.before), m - 1)
        last = m if rule.after is None else max(first + 1, min(m, stop + rule.after))
        at = [torch.arange(*ends, device=query.device) for ends in ((start, stop), (first, last))]
        mask = _written(rule.allowed(*at), query, forbidden)  # (1, 1 or heads, rows, keys)
        if bias is not None:
            mask = mask + bias[:, start:stop, first:last].to(mask)  # (1, 1 or heads, rows, keys)
        output, lse = kernel(query[:, :, start:stop], key[:, :, first:last], value[:, :, first:last], mask)
        outputs.append(output)
        sums += [] if lse is None else [lse]
    return torch.cat(outputs, 1), torch.cat(sums, 2)[0] if len(sums) == len(outputs) else None


def needs_eager(options: dict[str, Any]) -> bool:
    """Whether a model gives its attention function what SDPA does not know."""
    return options.get("softcap") is not None or options.get("s_aux") is not None


def attend_unrecorded(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, *, causal: bool, **options: Any
) -> Tensor:
    """Compute for a pass that nobody records, of any batch, what the model would have without us.

    Returns (batch, n, heads, d_v). `causal` is what the lack of a mask means.
    """
    if not needs_eager(options):
        output: Tensor
        output, _ = sdpa_attention_forward(module, query, key, value, mask, is_causal=causal, **options)
        return output
    if mask is None and causal:
        rows, columns = (torch.arange(x.shape[2], device=x.device) for x in (query, key))
        mask = columns <= rows[:, None]  # (n, m)
    if mask is not None and mask.dtype == torch.bool:
        mask = _written(mask, query, -torch.inf)  # (1, …, n, m)
        mask = mask.reshape(-1, *mask.shape[-3:])  # (batch, 1 or heads, n, m)
    scale = options.pop("scaling")
    kernel = _eager(module, query.shape[-1] ** -0.5 if scale is None else scale, options)
    return kernel(query, key, value, mask)[0]


def _written(allowed: Tensor, query: Tensor, forbidden: float) -> Tensor:
    """Write (1 or heads, n, m) as it is added to the scores, (1, 1 or heads, n, m)."""
    return query.new_zeros(1, *allowed.shape).masked_fill_(~allowed.to(query.device), forbidden)


def _flash(module: nn.Module, scale: float) -> Kernel:
    """SDPA on a CPU, which takes a mask and the causal flag together and returns the log-sum-exp."""
    sdpa = _sdpa(module, scale)

    def kernel(
        q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, causal: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        try:
            output, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(  # noqa: SLF001
                q, k, v, 0.0, causal, attn_mask=mask, scale=scale
            )
        except (AttributeError, RuntimeError, TypeError):  # private: name, arguments and limits may change
            if mask is not None and causal:
                rows, columns = (torch.arange(x.shape[2]) for x in (q, k))
                mask = mask.masked_fill(columns > rows[:, None], -torch.inf)  # (1, 1 or heads, n, m)
            return sdpa(q, k, v, mask, causal=causal)
        return output.transpose(1, 2).contiguous(), lse

    return kernel


def _fused(module: nn.Module, scale: float) -> Kernel:
    """SDPA on CUDA, by those of its kernels that return the log-sum-exp."""
    sdpa = _sdpa(module, scale)

    def kernel(
        q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, causal: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        shared = q.shape[1] // k.shape[1]
        # (1, heads, m, d)
        k_all, v_all = (x.repeat_interleave(shared, 1) if shared > 1 else x for x in (k, v))
        aten = torch.ops.aten
        try:
            if mask is None and q.dtype in {torch.float16, torch.bfloat16}:
                output, lse, *_ = aten._scaled_dot_product_flash_attention(  # noqa: SLF001
                    q, k_all, v_all, 0.0, causal, return_debug_mask=False, scale=scale
                )
            else:
                output, lse, *_ = aten._scaled_dot_product_efficient_attention(  # noqa: SLF001
                    q, k_all, v_all, attn_bias=mask, compute_log_sumexp=True, is_causal=causal, scale=scale
                )
        except (AttributeError, NotImplementedError, RuntimeError, TypeError):  # private, and each has its limits
            return sdpa(q, k, v, mask, causal=causal)
        return output.transpose(1, 2).contiguous(), lse[..., : q.shape[2]].float()  # its rows are padded

    return kernel


def _sdpa(module: nn.Module, scale: float) -> Kernel:
    def kernel(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, causal: bool = False) -> tuple[Tensor, None]:
        # transformers repeats shared key heads where the kernel would not; it drops the flag beside a mask
        output, _ = sdpa_attention_forward(module, q, k, v, mask, scaling=scale, is_causal=causal)
        return output, None

    return kernel


def _eager(module: nn.Module, scale: float, options: dict[str, Any]) -> Kernel:
    """Use the eager attention that the model's own file defines."""
    eager = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
    if eager is None:
        raise UnsupportedModelError(f"{type(module).__name__} uses a softcap or sinks and defines no eager attention")

    def kernel(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, None]:
        if mask is not None:  # of −inf alone a row would be NaN
            mask = mask.clamp(min=torch.finfo(mask.dtype).min)  # (1, 1 or heads, n, m)
        output, _weights = eager(module, q, k, v, mask, scaling=scale, **options)
        return output, None

    return kernel


_KERNELS = {"cpu": _flash, "cuda": _fused}  # those that return the log-sum-exp
