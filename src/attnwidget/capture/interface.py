"""An attention function for transformers that computes what SDPA does and records what it saw.

It is registered once, for the whole process, and finds the recorder of *its* forward pass in a
context variable: passes in two threads, or within one another, cannot mix.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface

from attnwidget.capture.attend import attend, attend_unrecorded
from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.rows import Rows
from attnwidget.capture.rule_mask import leaves_none_out, make_mask
from attnwidget.maths import QKVLayer, RelativeBias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from attnwidget.capture.edits.editor import Editor
    from attnwidget.capture.recorder import Recorder, SeenMask

NAME = "attnwidget"

_recorder: ContextVar[Recorder | Rows | None] = ContextVar("attnwidget_recorder", default=None)
_editor: ContextVar[Editor | None] = ContextVar("attnwidget_editor", default=None)


@contextmanager
def recording(recorder: Recorder | Rows | None, *, is_eager: bool) -> Iterator[None]:
    """Record every attention that is computed inside, in this thread.

    None records nothing. A model that is for eager attention alone is always given its mask.
    """
    token, masks = _recorder.set(recorder), leaves_none_out.set(is_eager)
    try:
        yield
    finally:
        _recorder.reset(token)
        leaves_none_out.reset(masks)


@contextmanager
def not_recording() -> Iterator[None]:
    """Record nothing inside, and edit nothing, also where another capture is under way around it."""
    token, edits = _recorder.set(None), _editor.set(None)
    try:
        yield
    finally:
        _recorder.reset(token)
        _editor.reset(edits)


@contextmanager
def editing(editor: Editor, *, is_eager: bool) -> Iterator[None]:
    """Let an editor change every attention that is computed inside, in this thread; see `recording` for `is_eager`."""
    token, masks = _editor.set(editor), leaves_none_out.set(is_eager)
    try:
        yield
    finally:
        _editor.reset(token)
        leaves_none_out.reset(masks)


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
    """Compute attention as SDPA does; inside `recording` also record it, and inside `editing` change it.

    Parameters are those of every attention function of transformers: query (batch, heads, n, d_k),
    key and value (batch, key heads, m, d), mask (batch, 1 or heads, n, m). Returns the output
    (batch, n, heads, d_v), and no weights.
    """
    recorder, editor = _recorder.get(), _editor.get()
    wants_causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    # as SDPA: one query, the last one, sees every key
    causal = attention_mask is None and bool(wants_causal) and (query.shape[2] > 1 or key.shape[2] == 1)
    options = {"dropout": dropout, **kwargs}
    if recorder is None and editor is None:
        options["scaling"] = scaling
        return attend_unrecorded(module, query, key, value, attention_mask, causal=causal, **options), None
    kind = query.device.type
    if torch.is_autocast_enabled(kind):  # what SDPA would round them to
        query, key, value = (x.to(torch.get_autocast_dtype(kind)) for x in (query, key, value))
    position_bias = options.get("position_bias")  # (1, heads, n, m)
    about: dict[str, Any] = {
        "scaling": scaling,
        "causal": causal,
        "softcap": kwargs.get("softcap"),
        "sinks": kwargs.get("s_aux"),
    }
    if recorder is None or isinstance(recorder, Rows):
        output = attend_unrecorded(  # (batch, n, heads, d_v)
            module, query, key, value, attention_mask, causal=causal, scaling=scaling, **options
        )
        if recorder is None:
            assert editor is not None  # noqa: S101 - else nothing would be looked at
            masks = editor.first(attention_mask), editor.first(position_bias)  # all rows are one text's

            def read(row: int) -> QKVLayer:
                operands = query[row, None], key[row, None], value[row, None]  # each (1, heads, n, d)
                return _read(editor.reader, operands, *masks, **about)[1]

            place = editor.place(module)
            return editor.edit_heads(place, editor.edit_links(place, output, read), value), None
        for row in recorder.of(module, (query, key, value), attention_mask, position_bias):
            _, layer = _read(row.recorder, row.operands, row.mask, row.bias, **about)
            row.recorder.add(module, output[row.number, None, : layer.shape[1]], layer)
        return output, None
    if query.shape[0] != 1:
        raise UnsupportedModelError(f"expected one text per pass, got {query.shape[0]}")
    mask, layer = _read(recorder, (query, key, value), attention_mask, position_bias, **about)
    options.pop("position_bias", None)
    added = position_bias[0] if position_bias is not None and isinstance(layer.bias, RelativeBias) else layer.bias
    options |= {"scale": layer.scale, "bias": added, "rule": mask.rule, "forbidden": mask.forbidden}
    output, lse = attend(module, query, key, value, **options)  # (1, n, heads, d_v), (heads, n)
    layer = replace(layer, known_lse=lse)
    if editor is None:
        recorder.add(module, output, layer)
        return output, None
    place = editor.place(module)
    output = editor.edit_links(place, output, lambda _: layer)
    recorder.add(module, output, editor.forbid(place, layer))
    return editor.edit_heads(place, output, value), None


def _read(
    recorder: Recorder,
    operands: tuple[Tensor, Tensor, Tensor],
    attention_mask: Tensor | None,
    position_bias: Tensor | None,
    *,
    scaling: float | None,
    causal: bool,
    softcap: float | None,
    sinks: Tensor | None,
) -> tuple[SeenMask, QKVLayer]:
    """Read the mask and the bias of one text, (1, heads, n, d) and so on, and put the layer together."""
    query, key, value = operands
    mask = recorder.read_mask(attention_mask, query, causal=causal)
    layer = QKVLayer(
        query[0],  # (heads, n, d_k)
        key[0],  # (key heads, m, d_k)
        value[0],  # (key heads, m, d_v)
        query.shape[-1] ** -0.5 if scaling is None else float(scaling),
        softcap=softcap,
        bias=mask.bias if position_bias is None else recorder.read_bias(position_bias, mask),
        mask=mask.rule,
        sinks=sinks,
    )
    return mask, layer


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, make_mask)
