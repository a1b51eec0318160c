"""An attention function for transformers that computes what SDPA does and records what it saw.

It is registered once, for the whole process, and finds the recorder of *its* forward pass in a
context variable: passes in two threads, or within one another, cannot mix.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.recorder import Recorder, fused
from attnwidget.maths import QKVLayer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

NAME = "attnwidget"

_recorder: ContextVar[Recorder | None] = ContextVar("attnwidget_recorder", default=None)


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """Record every attention that is computed inside, in this thread."""
    token = _recorder.set(recorder)
    try:
        yield recorder
    finally:
        _recorder.reset(token)


@contextmanager
def not_recording() -> Iterator[None]:
    """Record nothing inside, also where another capture is under way around it."""
    token = _recorder.set(None)
    try:
        yield
    finally:
        _recorder.reset(token)


def attention(  # noqa: PLR0917 - transformers' own signature
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    is_causal: bool | None = None,  # noqa: FBT001
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Compute attention as SDPA does; inside `recording` also record it.

    Parameters are those of every attention function of transformers: query (batch, heads, n, d_k),
    key and value (batch, key heads, m, d), mask (batch, 1 or heads, n, m). Returns the output
    (batch, n, heads, d_v), and no weights.
    """
    recorder = _recorder.get()
    wants_causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    # as SDPA: one query, the last one, sees every key
    causal = attention_mask is None and bool(wants_causal) and (query.shape[2] > 1 or key.shape[2] == 1)
    softcap, sinks = kwargs.get("softcap"), kwargs.get("s_aux")
    sdpa_cannot = softcap is not None or sinks is not None

    def plain() -> Tensor:
        output: Tensor
        arguments = (module, query, key, value)
        options = {"scaling": scaling, "dropout": dropout, **kwargs}
        if sdpa_cannot:
            mask = _additive(attention_mask, query, key, causal=causal)
            output, _ = _own_eager(module)(*arguments, mask, **options)
            return output
        options["is_causal"] = is_causal
        output, _ = sdpa_attention_forward(*arguments, attention_mask, **options)
        return output

    if recorder is None:
        return plain(), None
    if query.shape[0] != 1:
        raise UnsupportedModelError(f"expected one text per pass, got {query.shape[0]}")
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    mask = recorder.read_mask(attention_mask, query, causal=causal)
    position_bias = kwargs.get("position_bias")  # (1, heads, n, m)
    bias = mask.bias if position_bias is None else recorder.read_bias(position_bias, mask)
    done = None
    if not sdpa_cannot and bias is mask.bias:
        done = fused(query, key, value, mask, scale)
    output, lse = done or (plain(), None)  # (1, n, heads, d_v), (heads, n)
    # (heads, n, d_k), (key heads, m, d_k), (key heads, m, d_v)
    layer = QKVLayer(
        query[0], key[0], value[0], scale, mask.rule, bias=bias, softcap=softcap, sinks=sinks, known_lse=lse
    )
    recorder.add(module, output, layer)
    return output, None


def _own_eager(module: nn.Module) -> Any:
    """Return the eager attention that the model's own file defines: it knows softcap and sinks."""
    eager = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
    if eager is None:
        raise UnsupportedModelError(f"{type(module).__name__} uses a softcap or sinks and defines no eager attention")
    return eager


def _additive(mask: Tensor | None, query: Tensor, key: Tensor, *, causal: bool) -> Tensor | None:
    """Write a mask as eager attention takes it: added to the scores, (batch, 1, n, m)."""
    if mask is None:
        if not causal:
            return None
        n, m = query.shape[2], key.shape[2]
        mask = torch.ones(1, 1, n, m, dtype=torch.bool, device=query.device).tril()  # (1, 1, n, m)
    if mask.dtype != torch.bool:
        return mask
    zero = torch.zeros((), dtype=query.dtype, device=query.device)
    return torch.where(mask, zero, torch.finfo(query.dtype).min)  # (batch, 1, n, m)


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
