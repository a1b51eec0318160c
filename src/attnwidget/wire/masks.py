"""Masks in the browser: the one that is put on, in words; and any of them in small, beside the model's own."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, get_args

import torch
from torch.nn.functional import adaptive_avg_pool2d

from attnwidget.maths import QKVLayer, masks
from attnwidget.trace.masked import why_not
from attnwidget.wire.envelope import pack
from attnwidget.wire.schema import MaskMode, MaskPreset, MaskReply, MaskShown

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import AskMask

_CELLS = 64  # a side, up to which every pair has a cell


def mask_shown(trace: AttentionTrace, attention: str, mask: Any, mode: MaskMode) -> MaskShown:
    """Say which mask is on a trace."""
    n, m = (len(side.text) for side in trace.sides(attention))
    return MaskShown(
        mask=mask,
        mode=mode,
        brief=masks.brief(mask),
        sentence=_sentence(trace, attention, mask, mode),
        blind=len(masks.blind(masks.read(mask, n, m))),
    )


def _sentence(trace: AttentionTrace, attention: str, mask: Any, mode: MaskMode) -> str:
    n, m = (len(side.text) for side in trace.sides(attention))
    layers = [trace.layer(number, attention=attention) for number in range(trace.n_layers(attention))]
    # with a sink's logit the softmax has a value, and the output is 0
    has_sinks = any(isinstance(one, QKVLayer) and one.sinks is not None for one in layers)
    return masks.explain(mask, n, m, in_model=mode == "model" and not has_sinks)


def mask_reply(trace: AttentionTrace, attention: str, ask: AskMask, run: int) -> tuple[MaskReply, bytes]:
    """Draw a mask in small beside that of a head of the model as it is."""
    n, m = (len(side.text) for side in trace.sides(attention))
    own = trace.allowed(ask.layer, ask.head, attention=attention).cpu()  # (n, m)
    asked = own if ask.mask is None else masks.read(ask.mask, n, m)  # (n, m)
    array = pack(torch.stack([_small(own), _small(asked)]))
    return (
        MaskReply(
            run=run,
            dtype=array["dtype"],
            shape=array["shape"],
            exact=max(n, m) <= _CELLS,
            sentence="" if ask.mask is None else _sentence(trace, attention, ask.mask, ask.mode),
            causal=not bool(own.triu(1).any()),
            presets=list(_presets()),
            missing={mode: why_not(trace, attention, mode) for mode in get_args(MaskMode)},
        ),
        array["data"],
    )


def _small(allowed: Tensor) -> Tensor:
    """Reduce a mask (n, m) to the share of each cell's pairs that may attend, uint8 (rows, columns)."""
    rows, columns = (min(size, _CELLS) for size in allowed.shape)
    shares = allowed.float()
    if allowed.shape != (rows, columns):
        shares = adaptive_avg_pool2d(shares[None], (rows, columns))[0]  # (rows, columns)
    return (shares * 255).round().to(torch.uint8)


@cache
def _presets() -> tuple[MaskPreset, ...]:
    causal = masks.preset("causal", 8)
    found = []
    for one in masks.PRESETS:
        kept = masks.preset(f"{one.example}+causal", 8)
        ahead = not torch.equal(kept, causal) and not torch.equal(kept, masks.preset(one.example, 8))
        given = one.example.partition(":")[2]
        numbers = [int(number) for number in given.split(",") if number]
        found.append(
            MaskPreset(
                name=one.name,
                numbers=list(one.numbers[: len(numbers)]),
                lowest=one.lowest,
                example=numbers,
                ahead=ahead,
            )
        )
    return tuple(found)
