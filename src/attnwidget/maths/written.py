"""What a head writes for one key into a direction: into a logit, say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.maths.softmax import product, upcast

if TYPE_CHECKING:
    from torch import Tensor


def written_into(weights: Tensor, values: Tensor, output_weight: Tensor, directions: Tensor) -> Tensor:
    """Compute α_ij (v_j W_O) · u_i: what each head writes for each key into a direction of each query's own.

    With u the way from the layer's output to a logit, its norms held, these are the terms of direct logit attribution
    (Elhage et al. 2021, "A mathematical framework for transformer circuits"): over keys they add up to its share.

    Parameters
    ----------
    weights : Tensor
        (heads, queries, keys), after the softmax.
    values : Tensor
        (heads, keys, d_v), those of the head's group where heads share them.
    output_weight : Tensor
        (heads, d_v, d_model), each head's slice of W_O.
    directions : Tensor
        (queries, d_model), each query's u; see `effects.directions`.

    Returns
    -------
    Tensor
        (heads, queries, keys).
    """
    ways = ways_of(output_weight, directions)  # (heads, queries, d_v)
    return weights * product(ways, upcast(values).transpose(-1, -2))  # (heads, queries, keys)


def ways_of(output_weight: Tensor, directions: Tensor) -> Tensor:
    """Compute W_O u_i, what a value is multiplied with for each query, (heads, queries, d_v)."""
    return product(upcast(directions), upcast(output_weight).transpose(-1, -2))
