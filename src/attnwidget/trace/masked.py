"""A trace under another mask: each head by itself, same queries and keys; or the whole model, run with it."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attnwidget.head_id import HeadId
from attnwidget.maths import ALL, LeftOut, Mask, Projection, QKVLayer, masks
from attnwidget.trace.lacking import why_no_qkv
from attnwidget.trace.predictions import Predictions
from attnwidget.trace.projections import Projections
from attnwidget.trace.rerun import Rerun
from attnwidget.trace.second import SecondPass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from attnwidget.maths import Layer
    from attnwidget.trace.core import AttentionTrace
    from attnwidget.trace.projections import Found, OnLayer

ALONE = (
    "each head is by itself under another mask here, and no pass of the model has these weights: run the model with "
    "the mask, or go back to its own"
)
"""Why what takes a pass cannot be had of heads by themselves."""

_SEVERAL = (
    "an encoder–decoder takes no mask of pairs: its attentions are of different texts. Each head by itself can have one"
)
_MOST = 1 << 28  # pairs of a mask that differs between the heads of a layer


def why_not(trace: AttentionTrace, attention: str, mode: str) -> str:
    """Say why there is no other mask for an attention, as far as that is known beforehand; empty if there may be one.

    Parameters
    ----------
    trace : AttentionTrace
        Of the model as it is.
    attention : str
        Which one.
    mode : "head" or "model"
        Each head by itself, or the whole model.
    """
    if mode == "model":
        return trace.rerun.missing or (_SEVERAL if len(trace.attentions) > 1 else "")
    layers = [trace.layer(number, attention=attention) for number in trace.kept(attention)]
    return next(filter(None, (why_no_qkv(one, "scores", trace.missing) for one in layers)), "")


def with_mask(trace: AttentionTrace, mask: Any, heads: Sequence[Any] | None, attention: str) -> AttentionTrace:
    """Put another mask on heads, each by itself; see `AttentionTrace.with_mask`."""
    reason = why_not(trace, attention, "head")
    if reason:
        raise ValueError(f"no other mask can be put here: {reason}")
    layers = [trace.layer(number, attention=attention) for number in range(trace.n_layers(attention))]
    _, n, m = layers[0].shape
    allowed = masks.read(mask, n, m)  # (n, m)
    rule = Mask.from_dense(allowed)
    if heads is None:
        found = [_masked(one, rule) for one in layers]
    else:
        chosen = _by_layer(heads, layers)
        found = [
            _masked(one, _of_some(one, allowed, chosen[number])) if number in chosen else one
            for number, one in enumerate(layers)
        ]

    def project(_: object, on_layer: OnLayer | None) -> Found:
        trace.find_projections(on_layer)
        _, own = trace.everything()
        # what the modules returned is of the model's own mask
        return {
            name: [replace(one, output=None) if isinstance(one, Projection) else one for one in those]
            for name, those in own.items()
        }

    made = other(trace, attention, found, Projections(project), ALONE)
    made.put_mask = masks.brief(mask)
    return made


def other(trace: AttentionTrace, attention: str, layers: list[Layer], known: Projections, alone: str) -> AttentionTrace:
    """Return the same text with other layers, of which the model knows nothing; `alone` says so."""
    made = copy(trace)
    made._layers = trace._layers | {attention: layers}  # noqa: SLF001 - its own kind
    made._projections = known  # noqa: SLF001
    made._second = SecondPass()  # noqa: SLF001
    made.predictions, made.rerun = Predictions(missing=alone), Rerun(missing=alone)
    made.max_error = None
    return made


def run_with_mask(trace: AttentionTrace, mask: Any, on_layer: OnLayer | None) -> AttentionTrace:
    """Run the model with another mask; see `AttentionTrace.run_with_mask`."""
    name = trace.attentions[0]
    reason = why_not(trace, name, "model")
    if reason:
        raise ValueError(f"the model cannot be run with another mask: {reason}")
    tokens = len(trace.sides(name)[0].text)
    made: AttentionTrace = trace.rerun.get().masked(masks.read(mask, tokens), on_layer)
    made.put_mask = masks.brief(mask)
    return made


def _masked(layer: Layer, rule: Mask) -> Layer:
    if isinstance(layer, LeftOut):
        return replace(layer, mask=rule)
    assert isinstance(layer, QKVLayer)  # noqa: S101 - `why_not` has seen to it
    return replace(layer, mask=rule, known_lse=None)


def _by_layer(heads: Sequence[Any], layers: Sequence[Layer]) -> dict[int, list[int]]:
    chosen: dict[int, list[int]] = {}
    count = layers[0].shape[0]
    for one in HeadId.read_all(heads):
        if not (0 <= one.layer < len(layers) and 0 <= one.head < count):
            raise ValueError(f"there is no head {one!s}: this attention has L0-H0 to L{len(layers) - 1}-H{count - 1}")
        chosen.setdefault(one.layer, []).append(one.head)
    if not chosen:
        raise ValueError('heads: at least one is needed, such as "L3-H5"; without heads= it is all of them')
    return chosen


def _of_some(layer: Layer, allowed: Tensor, heads: list[int]) -> Mask:
    """Return the mask of a layer of which some heads have another one."""
    count, n, m = layer.shape
    if len(set(heads)) == count:
        return Mask.from_dense(allowed)
    if count * n * m > _MOST:
        raise ValueError(
            f"a mask of its own for each of {count} heads would take {count * n * m:,} bytes: leave heads= out, and "
            "all have the same"
        )
    pairs = layer.allowed(ALL, ALL, ALL).expand(count, n, m).clone()  # (heads, n, m)
    pairs[heads] = allowed.to(pairs.device)
    return Mask.from_dense(pairs)
