"""A variant computed on the numbers at hand, and what of it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.lab.knobs import arguments
from attnwidget.maths.masks import BLIND
from attnwidget.variants import (
    Additive,
    Gated,
    Grouped,
    Latent,
    Multiplicative,
    Sunk,
    linear,
    scaled_dot_product,
)
from attnwidget.wire.envelope import encode_array
from attnwidget.wire.schema import LabStrip, LabTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from attnwidget.lab.given import Given
    from attnwidget.variants import Attended, Variant

_ALONE = " The sink takes all of it: there is no key that it could go to."
_NOT_MADE = "Flash attention never has these weights: they are computed once more, to be looked at."
_IMPLIED = "The recurrent form never has these weights: they are those that it implies."
_GATED = "The weights are those of the scaled dot product; a gate works on what they bring."


@dataclass(frozen=True, eq=False)
class Drawn:
    """One head of what a variant computed.

    Attributes
    ----------
    result : Attended
        All heads.
    weights : Tensor
        (n, n), −∞ where the mask forbids the pair.
    whose : str
        Which head, pair or group that is.
    notes : list of str
        What is so on these numbers.
    """

    result: Attended
    weights: Tensor
    whose: str
    notes: list[str]

    @property
    def blind(self) -> list[int]:
        """The rows of this head that may attend to nothing."""
        return [row for row, numbers in enumerate(self.weights) if bool((numbers == -torch.inf).all())]


def compute(variant: Variant, given: Given, values: Mapping[str, Any]) -> Attended:
    """Call a variant's function on what all variants get, with what the reader chose."""
    return given.inputs.attend(variant, **arguments(variant, given, values))


def draw(variant: Variant, given: Given, head: int, values: Mapping[str, Any]) -> Drawn:
    """Compute a variant, and take out what is drawn of a head."""
    result = compute(variant, given, values)
    inputs, notes = given.inputs, []
    weights, at, whose = result.weights, head, f"head {head}"
    if variant.name == "flash":
        weights = plain_weights(given)
        notes.append(_NOT_MADE)
    elif variant.name == "linear" and weights is None:
        weights = linear(inputs.q, inputs.k, inputs.v, mask=inputs.allowed).weights
        notes.append(_IMPLIED)
    elif variant.name == "differential":
        at = head // 2
        whose = f"heads {2 * at} and {2 * at + 1}, a pair"
    elif isinstance(result, Grouped):
        own = result.groups[head]
        sharing = [one for one, group in enumerate(result.groups) if group == own]
        whose = f"head {head}" if len(sharing) == 1 else f"head {head}, keys shared by {_run(sharing)}"
    elif isinstance(result, Gated):
        notes.append(_GATED)
    assert weights is not None  # noqa: S101 - of every other variant
    allowed = result.allowed[at if len(result.allowed) > 1 else 0]  # (n, n)
    return Drawn(result, weights[at].masked_fill(~allowed, -torch.inf), whose, notes)


def plain_weights(given: Given) -> Tensor:
    """Return what the scaled dot product gives every pair, (heads, n, n)."""
    inputs = given.inputs
    found = scaled_dot_product(inputs.q, inputs.k, inputs.v, mask=inputs.allowed, scale=inputs.scale).weights
    assert found is not None  # noqa: S101 - a softmax has weights
    return found


def apart(variant: Variant, drawn: Drawn, plain: Tensor) -> float | None:
    """Return the largest |difference| of weights from a head's plain ones (n, n); None where that tells nothing."""
    if variant.name == "differential" or not plain.numel():
        return None
    found = float((drawn.weights.masked_fill(drawn.weights == -torch.inf, 0) - plain).abs().max())
    return found if found == found else None  # noqa: PLR0124 - NaN


def strip(drawn: Drawn, head: int) -> LabStrip | None:
    """Return what is told of each row beside the matrix."""
    match drawn.result:
        case Gated(gates=gates):
            return LabStrip(label="mean gate", values=encode_array(gates[head].mean(-1)))
        case Sunk(share=share):
            return LabStrip(label="the sink's share", values=encode_array(share[head]))
    return None


def blindness(variant: Variant) -> str:
    """Say what a row does that may attend to nothing."""
    if variant.name == "sink":
        return BLIND.partition(". ")[0] + "." + _ALONE
    if variant.name == "linear":
        return BLIND.partition(". ")[0] + ". A sum over no key is 0, and so are its weights and its output."
    return BLIND


def tables(drawn: Drawn, given: Given, head: int) -> list[LabTable]:
    """Return a variant's own numbers, where they are few enough to be read."""
    tokens, found = given.inputs.keys, []
    match drawn.result:
        case _ if given.small is None:
            pass
        case Additive(w_query=w_query, w_key=w_key, vector=vector):
            found = [
                table("W", "brings the query to the hidden layer", w_query),
                table("U", "brings the key to the hidden layer", w_key),
                table("v", "adds the hidden units up", vector[None]),
            ]
        case Multiplicative(weight=weight) if weight is not None:
            found = [table("W", "stands between query and key", weight)]
        case Gated(gates=gates):
            found = [table("gates", "one for each number of the output", gates[head], tokens)]
        case Latent(latent=latent, up_keys=up_keys, up_values=up_values):
            found = [
                table("c", "all that is kept of the tokens", latent, tokens),
                table("W_UK", "makes this head's keys", up_keys[head]),
                table("W_UV", "makes this head's values", up_values[head]),
            ]
        case Grouped(groups=groups, keys=keys, values=values):
            own = groups[head]
            found = [
                table(f"K of group {own}", "the mean of its heads' keys", keys[own], tokens),
                table(f"V of group {own}", "the mean of its heads' values", values[own], tokens),
            ]
    return found


def small_tables(given: Given, head: int) -> list[LabTable]:
    """Return the tokens' vectors, the weights, and what they make, of a head."""
    if given.small is None:
        return []
    (x, weights), tokens = given.small, given.inputs.keys
    inputs = given.inputs
    return [
        table("x", "the tokens, a vector each; there are no positions in it", x, tokens),
        table("W_Q", "makes the queries", weights.w_query[head]),
        table("W_K", "makes the keys", weights.w_key[head]),
        table("W_V", "makes the values", weights.w_value[head]),
        table("Q = x W_Q", "queries", inputs.q[head], tokens),
        table("K = x W_K", "keys", inputs.k[head], tokens),
        table("V = x W_V", "values", inputs.v[head], tokens),
    ]


def table(name: str, meaning: str, values: Tensor, rows: tuple[str, ...] = ()) -> LabTable:
    """Pack numbers (rows, columns) to be read."""
    return LabTable(name=name, meaning=meaning, rows=list(rows), values=encode_array(values))


def _run(heads: list[int]) -> str:
    """Write neighbouring heads."""
    return f"{heads[0]} and {heads[1]}" if len(heads) == 2 else f"{heads[0]}–{heads[-1]}"
