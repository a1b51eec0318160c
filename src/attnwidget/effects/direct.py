"""Direct effects: what every part of the model writes into a logit.

Elhage et al. 2021, "A mathematical framework for transformer circuits": the residual stream is a sum, and the final
norm with its scale held, and the unembedding, map it to the logits. So a head writes Σ_j α_ij (v_j W_O^h) · u into the
logit of row i, with u what the way from there to the logit multiplies with; of a model whose only norm on the way is
the last one, u = g ∘ W_U[token] / σ_i (centred, if the norm is), where g is the norm's gain. What an MLP or a later
head makes of what a head wrote is no part of it: that is an effect, and takes a pass without the head.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.effects.results import Decomposition
from attnwidget.effects.target import Target
from attnwidget.maths import ALL, Projection, QKVLayer
from attnwidget.maths.written import written_into

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.effects.again import Traced
    from attnwidget.effects.target import Asked

_NO_VALUES = "its queries, keys and values are not known"
_CROSS = " of the cross-attention"


def decompose(trace: Traced, target: Any) -> Decomposition:
    """Decompose a logit; see `AttentionTrace.decompose`."""
    asked = look_up(trace, target)
    found = trace.rerun.get().written(trace, asked)
    unknown: dict[str, list[str]] = {}  # by the reason
    grids: dict[str, Tensor] = {}
    for name in (one for one in trace.attentions if one != "encoder"):
        grids[name] = grid = torch.full((trace.n_layers(name), trace.n_heads(name)), torch.nan)
        for number in range(trace.n_layers(name)):
            projection = trace.projection(number, attention=name)
            if isinstance(projection, str):
                label = f"L{number}{_CROSS * (name == 'cross')}"
                unknown.setdefault(projection or _NO_VALUES, []).append(label)
                continue
            u = found.directions[name, number][None]  # (1, d_model)
            grid[number] = _pairs(trace, name, number, list(asked.rows), u)[:, 0].sum(-1)  # (heads,)
    main = next(name for name in grids if name != "cross")
    return Decomposition(
        asked,
        grids[main],
        main,
        found.parts,
        sum(float(grid.nan_to_num(0).double().sum()) for grid in grids.values()) + sum(found.parts.values()),
        found.logit,
        grids.get("cross"),
        (*found.missing, *(f"the heads of {', '.join(those)} are one part: {why}" for why, those in unknown.items())),
        found.held,
    )


def contributions(trace: Traced, layer: int, target: Any, queries: list[int] | None, attention: str) -> Tensor:
    """Say what each head writes for each key; see `AttentionTrace.contributions`."""
    asked = look_up(trace, target)
    rows = list(asked.rows) if queries is None else queries
    return _pairs(trace, attention, layer, rows, directions(trace, asked, layer, rows, attention))


def directions(trace: Traced, asked: Asked, layer: int, rows: list[int], attention: str) -> Tensor:
    """Return u of some rows: what a vector that a layer's W_O gives there is multiplied with, to be its share.

    Of a model whose only norm on the way is the last one, this is the same for all layers but for what scales a layer
    has: g ∘ W_U[token] / σ_i, centred if the norm is, with σ_i the row's own scale as it is in this pass. Where layers
    norm what they hand on (BERT) or what they write (Gemma-2), it is another in every layer.

    For a measure of pairs, `maths.written.written_into(weights, values, output_weight, directions)` makes of it
    α_ij (v_j W_O^h) · u_i, (heads, queries, keys). In the target's own row, these add up over keys to the head's share
    in `decompose`. In another row i they say the same of the target's tokens as that row would predict them: a
    logit at i, not at the target's row, which no head at i writes into directly.

    The first question runs the model once more; for the same target all rows of all layers are kept.

    Parameters
    ----------
    trace : Traced
        The trace.
    asked : Asked
        As `look_up` returns it.
    layer : int
        Which one.
    rows : list of int
        Which queries.
    attention : str
        "self", "decoder" or "cross".

    Returns
    -------
    Tensor
        float32 (rows, d_model).

    Raises
    ------
    ValueError
        If the layer's W_O is not proven, the attention does not write into what the target is told by, or the way
        could not be found.
    """
    projection = trace.projection(layer, attention=attention)
    if isinstance(projection, str):
        raise ValueError(projection or f"{_NO_VALUES} in this layer")  # noqa: TRY004 - a reason
    if attention == "encoder":
        raise ValueError("the encoder writes nothing into the target directly: the decoder reads it by cross-attention")
    return trace.rerun.get().directions(trace, asked)[attention, layer][rows]


def look_up(trace: Traced, target: Any) -> Asked:
    """Look up a target that can be decomposed: the logit of a token, a difference of two, or a last vector."""
    asked = trace.rerun.get().resolve(trace, Target.read(target))
    if asked.kind == "loss" or len(asked.rows) != 1:
        raise ValueError(
            "a loss is of many rows, and no sum of what parts write: decompose the logit of a token, or the difference "
            "of two, at one position"
        )
    what = {"logprob": ("log p(", "logit("), "output": ("change of the last vector", "length of the last vector")}
    return replace(asked, label=asked.label.replace(*what.get(asked.kind, ("", ""))))


def _pairs(trace: Traced, attention: str, number: int, rows: list[int], u: Tensor) -> Tensor:
    """Compute (heads, rows, keys) of a layer whose W_O is known."""
    layer, projection = trace.layer(number, attention=attention), trace.projection(number, attention=attention)
    assert isinstance(layer, QKVLayer)  # noqa: S101 - it has a proven W_O
    assert isinstance(projection, Projection)  # noqa: S101 - as above
    values = layer.values(ALL, ALL)  # (heads, keys, d_v)
    assert values is not None  # noqa: S101 - as above
    weights = layer.weights(ALL, torch.tensor(rows, device=layer.device), ALL)  # (heads, rows, keys)
    return written_into(weights, values, projection.weight.to(values), u.to(values)).cpu()
