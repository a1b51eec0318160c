"""What is changed in a head's computation, checked, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import torch

from attnwidget.breakdown.stages import scores_of, softmax_of
from attnwidget.maths import positions, resolve
from attnwidget.maths.softmax import product

if TYPE_CHECKING:
    from torch import Tensor

    from attnwidget.breakdown.core import Breakdown

_COLDEST = 1e-6  # temperature
_LARGEST = 1e30  # of a score set by hand: more would be infinite in float32


@dataclass(frozen=True)
class Change:
    """What is changed in a head's computation; see `Breakdown.what_if`."""

    scaled: bool
    temperature: float
    scores: dict[int, float]
    masked: tuple[int, ...]
    removed: tuple[int, ...]

    @classmethod
    def read(
        cls,
        m: int,
        *,
        scaled: Any = True,
        temperature: Any = 1,
        scores: Any = None,
        masked: Any = (),
        removed: Any = (),
    ) -> Self:
        """Check what a user, or a browser, wrote about m keys."""
        if not isinstance(scaled, bool):
            raise TypeError(f"scaled must be True or False, got {scaled!r}")
        heat = _finite("temperature", temperature)
        if not _COLDEST <= heat <= 1 / _COLDEST:
            raise ValueError(f"temperature must be a number from {_COLDEST:g} to {1 / _COLDEST:g}, got {temperature!r}")
        if not isinstance(scores, Mapping | None):
            raise TypeError(f"scores must map keys to scores, got {scores!r}")
        # JSON writes the keys of a mapping as text
        named = {int(key) if isinstance(key, str) else key: value for key, value in (scores or {}).items()}
        edits = {key: _finite("a score", value) for key, value in zip(_keys(named, m), named.values(), strict=True)}
        return cls(scaled, heat, edits, _keys(masked, m), _keys(removed, m))


def _keys(wanted: Any, m: int) -> tuple[int, ...]:
    if isinstance(wanted, str | bytes):
        raise TypeError(f"expected a list of keys, got {wanted!r}")
    found, _ = resolve(list(wanted), m, "key")
    return tuple(dict.fromkeys(positions(found, m, torch.device("cpu")).tolist()))


def _finite(what: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, OverflowError):
        number = math.nan
    if math.isnan(number) or (abs(number) > _LARGEST and number != -math.inf):
        raise ValueError(f"{what} must be a number, not larger than {_LARGEST:g}, got {value!r}")
    return number


def changed(base: Breakdown, change: Change) -> Breakdown:
    """Compute a single query's head again."""
    factor = base.scale if change.scaled else 1.0
    scaled = base.dots * factor  # (m,)
    capped, scores = scores_of(scaled, base.softcap, base.bias, base.allowed)
    scores = scores / change.temperature  # (m,)
    for key, value in change.scores.items():
        scores[key] = value if base.allowed[key] else -torch.inf
    sink = None if base.sink_logit is None else base.sink_logit / change.temperature
    gone = sorted({*change.masked, *change.removed})
    removed = float(softmax_of(scores, sink)["weights"][gone].sum()) if gone else 0.0
    for key in change.masked:
        scores[key] = -torch.inf
    soft, grown = softmax_of(scores, sink), 1.0
    if change.removed:
        weights: Tensor = soft["weights"]  # (m,)
        left = weights.clone()
        left[list(change.removed)] = 0
        grown = float(weights.sum() / left.sum()) if left.sum() > 0 else 1.0
        soft["weights"] = left * grown
    weighted = soft["weights"][:, None] * base.values  # (m, d_v)
    head_output = weighted.sum(0)  # (d_v,)
    heads, contributions = base.head_outputs.clone(), base.contributions
    heads[base.head] = head_output
    if contributions is not None and base.output_weight is not None:
        contributions = contributions.clone()
        contributions[base.head] = product(head_output, base.output_weight)  # (d_model,)
    return replace(
        base,
        scale=factor,
        scaled=scaled,
        capped=capped,
        scores=scores,
        **soft,
        weighted_values=weighted,
        head_output=head_output,
        head_outputs=heads,
        contributions=contributions,
        removed=removed,
        grown=grown,
        _base=base,
    )
