"""A trace whose heads attend as another variant of attention does, from the queries and keys that they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attnwidget import variants
from attnwidget.maths import Mask, WeightsLayer
from attnwidget.trace.masked import other
from attnwidget.trace.projections import Projections

if TYPE_CHECKING:
    from attnwidget.maths import Layer
    from attnwidget.trace.core import AttentionTrace

_ALONE = (
    "each head attends as another variant does here, from the queries and keys that the model made: no pass of the "
    "model has these weights"
)
_MOST = 1 << 26  # weights of all layers: 256 MB
_NO_WEIGHTS = {
    "flash": "flash attention never has weights, and those that it stands for are the scaled dot product's",
    "differential": "differential attention makes one head of two, and its weights may be below 0: see AttentionLab",
}


def with_variant(trace: AttentionTrace, name: str, attention: str, options: dict[str, Any]) -> AttentionTrace:
    """Let all heads of an attention attend as a variant does; see `AttentionTrace.with_variant`."""
    variant = variants.get(name)
    if name in _NO_WEIGHTS:
        raise ValueError(_NO_WEIGHTS[name])
    layers = range(trace.n_layers(attention))
    n, m = (len(side.text) for side in trace.sides(attention))
    if (count := n * m * trace.n_heads(attention) * len(layers)) > _MOST:
        raise ValueError(f"that takes {4 * count / 1e6:,.0f} MB of weights: shorten the text, or capture fewer layers")
    found: list[Layer] = []
    for number in layers:
        if number not in trace.kept(attention):
            found.append(trace.layer(number, attention=attention))
            continue
        inputs = variants.from_trace(trace, number, attention=attention)
        attended = inputs.attend(variant, **options)
        if attended.weights is None:
            raise ValueError(f"{variant.label} has no weights with these options")
        heads, allowed = len(inputs.q), attended.allowed
        mask = allowed[0] if len(allowed) == 1 else allowed.expand(heads, n, m)
        found.append(WeightsLayer(attended.weights.expand(heads, n, m).float(), Mask.from_dense(mask)))

    made = other(trace, attention, found, Projections(), _ALONE)
    made.missing = _ALONE
    return made
