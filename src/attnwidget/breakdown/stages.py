"""The two stages that both the model's computation and a changed one go through: scores, softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor


def scores_of(
    scaled: Tensor, softcap: float | None, bias: Tensor | None, allowed: Tensor
) -> tuple[Tensor | None, Tensor]:
    """Take scaled products (m,) to what goes into the softmax; return them capped, if they are, and the scores."""
    capped = None if softcap is None else softcap * torch.tanh(scaled / softcap)  # (m,)
    scores = scaled if capped is None else capped
    scores = scores if bias is None else scores + bias  # (m,)
    return capped, scores.masked_fill(~allowed, -torch.inf)


def softmax_of(scores: Tensor, sink: float | None) -> dict[str, Any]:
    """Take the softmax apart: its maximum, exponentials, sum and weights."""
    maximum = float(scores.max()) if sink is None else max(float(scores.max()), sink)
    base = 0.0 if maximum == -torch.inf else maximum  # −inf − (−inf) would be NaN
    exponentials = (scores - base).exp()  # (m,)
    total = exponentials.sum()
    drained = None if sink is None else torch.tensor(sink - base, dtype=scores.dtype).exp().to(total)
    total = total if drained is None else total + drained
    return {
        "maximum": maximum,
        "exponentials": exponentials,
        "total": float(total),
        "sink": None if drained is None else float(drained / total),
        "weights": exponentials / total if total != 0 else exponentials,
    }
