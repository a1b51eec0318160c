"""Whether queries and keys give the weights that a model is said to have, and if not, what is probably wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from attnwidget.maths.mask import Mask
from attnwidget.maths.softmax import weighted_sum
from attnwidget.maths.tile import ALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from attnwidget.maths.layers import QKVLayer, WeightsLayer

_TOLERANCE = 1e-4  # of weights in float32; others by their rounding
_ROUNDINGS = 8  # of half precision that may come together in one weight


def check_reproduced(layers: Sequence[QKVLayer], given: Sequence[WeightsLayer]) -> float:
    """Compare recomputed weights with given ones, layer by layer and head by head.

    Parameters
    ----------
    layers : sequence of QKVLayer
        With values.
    given : sequence of WeightsLayer
        The weights that they should have.

    Returns
    -------
    float
        The largest |difference| that it makes in a head's output.

    Raises
    ------
    ValueError
        If they differ by more than rounding; with the figure, and what would mend it.
    """
    if len(layers) != len(given) or layers[0].shape[0] != given[0].shape[0]:
        raise ValueError(
            f"weights must be of the same layers and heads as q: {len(layers)} layers × {layers[0].shape[0]} heads, "
            f"got {len(given)} × {given[0].shape[0]}"
        )
    errors = []
    for number, (layer, theirs) in enumerate(zip(layers, given, strict=True)):
        away = distance(layer, theirs.given)
        if not away <= tolerance(layer, theirs.given):
            raise ValueError(_why(number, away, layer, theirs.given))
        errors.append(max(_moved(layer, theirs.given, head) for head in range(layer.shape[0])))
    return max(errors)


def tolerance(layer: QKVLayer, given: Tensor) -> float:
    """Return by how much weights of these precisions may differ from recomputed ones."""
    return max(_TOLERANCE, *(_ROUNDINGS * torch.finfo(x.dtype).eps for x in (layer.q, layer.k, given)))


def distance(layer: QKVLayer, given: Tensor) -> float:
    """Return the largest |recomputed − given| weight of (heads, queries, keys); infinite where only one is NaN."""
    return max(
        float(_difference(layer, given, head).abs().nan_to_num(torch.inf).max()) for head in range(layer.shape[0])
    )


def _difference(layer: QKVLayer, given: Tensor, head: int) -> Tensor:
    mine = layer.weights(slice(head, head + 1), ALL, ALL)  # (1, queries, keys)
    theirs = given[head : head + 1].to(mine)
    return (mine - theirs).masked_fill(mine.isnan() & theirs.isnan(), 0)


def _moved(layer: QKVLayer, given: Tensor, head: int) -> float:
    values = layer.values(slice(head, head + 1), ALL)  # (1, keys, d_v)
    return 0.0 if values is None else float(weighted_sum(_difference(layer, given, head), values).abs().max())


def _why(number: int, away: float, layer: QKVLayer, given: Tensor) -> str:
    """Say what would give these weights; else that it is probably the rotation."""
    if away == torch.inf:
        return f"q and k do not give the weights in layer {number}: one of the two is not a number where the other is"
    rules = {"": layer.mask, 'mask="causal"': Mask(after=0), "mask=None": Mask()}
    scales = {"": layer.scale, "scale=1.0": 1.0, "scale=None": layer.q.shape[-1] ** -0.5}
    found = next(
        (
            ", ".join(filter(None, (rule, scale)))
            for rule, mask in rules.items()
            for scale, factor in scales.items()
            if (rule or scale)
            and distance(replace(layer, mask=mask, scale=factor, known_lse=None), given) <= tolerance(layer, given)
        ),
        "",
    )
    reason = (
        f"with {found} they would be the same"
        if found
        else "q and k were probably taken before the rotation of the model's rotary positions (or before a norm): take "
        "them as they are multiplied, after it; a bias, a soft cap or a window cannot be told by from_qkv"
    )
    return f"q and k do not give the weights in layer {number}: they differ by up to {away:.2g}; {reason}"
