"""Effects as the browser draws them: a grid over heads, a logit as a sum in the order of the model, what was asked."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import torch

from attnwidget.tokens.labels import encodable
from attnwidget.wire import schema
from attnwidget.wire.envelope import encode_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from attnwidget.effects import Asked, Decomposition
    from attnwidget.trace import AttentionTrace

_ROWS = 8  # of a span that are named
_OF_LAYER = re.compile(r"L(\d+) (.+)")
_BEFORE = {"embedding", "position", "token type", "embedding norm bias"}
_WHOSE = {"cross": "cross-attention"}


def asked(one: Asked, labels: Sequence[str]) -> schema.Asked:
    """Write what was asked; `labels` are how its tokens read."""
    ids = [] if one.kind == "loss" else list(one.ids)
    tokens = [] if one.kind == "loss" else [encodable(label) for label in labels]
    rows = list(one.rows)
    return schema.Asked(
        kind=one.kind, rows=rows[:_ROWS], count=len(rows), ids=ids, tokens=tokens, label=encodable(one.label)
    )


def grid(numbers: Tensor, trace: AttentionTrace, attention: str) -> schema.Envelope:
    """Write numbers of heads, (layers, heads), as many as the attention has: NaN where there is none."""
    whole = torch.full((trace.n_layers(attention), trace.n_heads(attention)), torch.nan)
    whole[: numbers.shape[0], : numbers.shape[1]] = numbers
    return encode_array(whole)


def heads_of(found: Decomposition, attention: str) -> Tensor | None:
    """Return what the heads of an attention write, (layers, heads); None of one that writes nothing directly."""
    return found.heads if attention == found.attention else found.cross if attention == "cross" else None


def summed(found: Decomposition) -> schema.Sum:
    """Write a decomposition in the order of the model: a layer's heads as one, before its other parts."""
    ends: tuple[list[schema.Piece], list[schema.Piece]] = ([], [])  # before the layers, and behind them
    layers: dict[int, list[schema.Piece]] = {}
    for name, heads in {found.attention: found.heads, "cross": found.cross}.items():
        for layer, row in enumerate([] if heads is None else heads):
            if bool(row.isnan().all()):
                continue  # its W_O is not proven, as `missing` says
            layers.setdefault(layer, []).append(_piece(_WHOSE.get(name, "attention"), float(row.sum()), layer))
    for name, value in found.parts.items():
        match = _OF_LAYER.fullmatch(name)
        if match:
            layers.setdefault(int(match[1]), []).append(_piece(match[2], value, int(match[1])))
        else:
            ends[name not in _BEFORE].append(_piece(name, value))
    return schema.Sum(
        pieces=[*ends[0], *(piece for _, those in sorted(layers.items()) for piece in those), *ends[1]],
        total=number(found.total),
        logit=number(found.logit),
        missing=[encodable(one) for one in found.missing],
    )


def number(value: float) -> float | None:
    """Return a number as JSON has it: None for what is none."""
    return value if math.isfinite(value) else None


def _piece(name: str, value: float, layer: int | None = None) -> schema.Piece:
    return schema.Piece(name=encodable(name), layer=layer, value=number(value))
