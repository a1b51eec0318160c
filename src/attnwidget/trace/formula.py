"""How a weight comes about, as a formula that names what these layers have and nothing else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attnwidget.maths import LeftOut, QKVLayer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attnwidget.maths import Layer, Mask


def formula(layers: Sequence[Layer]) -> str:
    """Return the formula of the layers' weights, such as "weight = softmax(q·k ÷ √64 + mask)"."""
    found = dict.fromkeys(_of(layer) for layer in layers if not isinstance(layer, LeftOut))
    return "; in other layers ".join(list(found)[:2]) + (" …" if len(found) > 2 else "")


def _of(layer: Layer) -> str:
    if not isinstance(layer, QKVLayer):
        return "weight: as the model returned it"
    d_k = layer.q.shape[-1]  # q: (heads, queries, d_k)
    is_root = math.isclose(layer.scale, d_k**-0.5, rel_tol=1e-4)
    score = "q·k" if layer.scale == 1 else f"q·k ÷ √{d_k}" if is_root else f"{layer.scale:.4g} × q·k"
    if layer.softcap is not None:
        score = f"{layer.softcap:.4g} tanh({score} ÷ {layer.softcap:.4g})"
    parts = [score, *(["bias"] if layer.bias is not None else []), *(["mask"] if _hides(layer.mask) else [])]
    sink = " with a sink" if layer.sinks is not None else ""
    return f"weight = softmax({' + '.join(parts)}){sink}"


def _hides(mask: Mask) -> bool:
    pads = mask.keep is not None and not bool(mask.keep.all())
    return mask.before is not None or mask.after is not None or mask.dense is not None or pads
