"""Direct effects: what every part of the model writes into a logit.

Elhage et al. 2021, "A mathematical framework for transformer circuits": the residual stream is a sum, and the final
norm with its scale held, and the unembedding, map it to the logits. So a head writes Σ_j α_ij (v_j W_O^h) · u into the
logit of row i, with u what the way from there to the logit multiplies with; of a model whose only norm on the way is
the last one, u = g ∘ W_U[token] / σ_i (centred, if the norm is), where g is the norm's gain. What an MLP or a later
head makes of what a head wrote is no part of it: that is an effect, and takes a pass without the head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from attnwidget.effects.results import Decomposition
from attnwidget.effects.target import Target
from attnwidget.maths import ALL, QKVLayer, weighted_sum
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.effects.again import Traced


def decompose(trace: Traced, target: Any) -> Decomposition:
    """Decompose a logit; see `AttentionTrace.decompose`."""
    again = trace.rerun.get()
    asked = again.resolve(trace, Target.read(target))
    if asked.kind == "loss" or len(asked.rows) != 1:
        raise ValueError(
            "a loss is not linear in the logits, and of several rows: decompose the logit of a token, or the "
            "difference of two, at one position"
        )
    found = again.written(trace, asked)
    (row,) = asked.rows
    grids: dict[str, Tensor] = {}
    missing = list(found.missing)
    for name in (one for one in trace.attentions if one != "encoder"):
        grid = torch.full((trace.n_layers(name), trace.n_heads(name)), torch.nan)
        for number in range(trace.n_layers(name)):
            projection = trace.projection(number, attention=name)
            if isinstance(projection, str):
                missing.append(f"the heads of L{number}{' of the cross-attention' * (name == 'cross')}: {projection}")
                continue
            layer, u = trace.layer(number, attention=name), found.directions[name, number].cpu()
            assert isinstance(layer, QKVLayer)  # noqa: S101 - it has a proven W_O
            assert layer.v is not None  # noqa: S101 - as above
            rows = torch.tensor([row])
            heads = weighted_sum(layer.weights(ALL, rows, ALL), layer.v)[:, 0].cpu()  # (heads, d_v)
            grid[number] = (heads * (upcast(projection.weight).cpu() @ u)).sum(-1)
        grids[name] = grid
    main = next(name for name in grids if name != "cross")
    total = sum(float(grid.nan_to_num(0).sum()) for grid in grids.values()) + sum(found.parts.values())
    return Decomposition(
        asked, grids[main], main, found.parts, total, found.logit, grids.get("cross"), tuple(missing), found.held
    )
