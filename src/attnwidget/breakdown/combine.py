"""Several queries taken together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from attnwidget.breakdown.core import Breakdown

COMBINE = ("mean", "sum")


def combine(parts: list[Breakdown], how: str) -> Breakdown:
    """Take several queries together."""
    first = parts[0]
    count = len(parts) if how == "mean" else 1

    def over_all(tensors: Sequence[Tensor | None]) -> Tensor | None:
        there = [one for one in tensors if one is not None]
        return torch.stack(there).sum(0) / count if there else None

    allowed = torch.stack([part.allowed for part in parts])  # (queries, m)
    hidden = ~allowed.any(0)  # (m,): from all of them, so that all tell of it
    seeing = (allowed | hidden).sum(0)  # (m,)

    def over_seeing(tensors: Sequence[Tensor | None]) -> Tensor | None:
        """Leave out, for each key, the queries that may not see it."""
        there = [one for one in tensors if one is not None]
        if not there:
            return None
        table = torch.stack(there)  # (queries, m, …)
        sees = (allowed | hidden).view(*allowed.shape, *(1,) * (table.ndim - 2))
        summed = table.masked_fill(~sees, 0).sum(0)
        return summed / seeing.view(-1, *(1,) * (table.ndim - 2)) if how == "mean" else summed

    names = ("products", "dots", "scaled", "capped", "bias", "scores")
    seen: dict[str, Any] = {name: over_seeing([getattr(part, name) for part in parts]) for name in names}
    seen["scores"] = seen["scores"].masked_fill(hidden, -torch.inf)
    linear = ("query", "weights", "weighted_values", "head_output", "head_outputs", "contributions", "attention_output")
    summed: dict[str, Any] = {name: over_all([getattr(part, name) for part in parts]) for name in linear}
    bias = first.output_bias
    sinks = [part.sink for part in parts if part.sink is not None]
    return replace(
        first,
        queries=tuple(query for part in parts for query in part.queries),
        **seen,
        **summed,
        allowed=allowed.any(0),
        maximum=None,
        exponentials=None,
        total=None,
        sink=sum(sinks) / count if sinks else None,
        output_bias=bias if bias is None or how == "mean" else bias * len(parts),
        removed=sum(part.removed for part in parts) / count,
        parts=tuple(parts),
    )
