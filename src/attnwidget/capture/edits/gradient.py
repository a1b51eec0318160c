"""Attribution: what edits would change to first order, from one gradient.

(value put in − value there) · ∂target/∂value, summed over positions and dimensions, as of attribution patching (Nanda
2023; Syed et al. 2023, arXiv 2310.10348). The gradient is that of the text that is edited.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from attnwidget.capture.edits.copies import Copies
from attnwidget.capture.edits.editor import Kept
from attnwidget.effects.edits import HeadOff, Taken
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from attnwidget.capture.edits.editor import Place
    from attnwidget.capture.rerun import Pass
    from attnwidget.effects.edits import Edit
    from attnwidget.effects.target import Asked

_NO_SLOPE = (
    'the change of a vector has no gradient where nothing is changed yet; kind="ablate" computes it, and "attribution" '
    "goes with a token's log-probability, a difference or a loss"
)


def estimates(again: Pass, edits: Sequence[Sequence[Edit]], asked: Asked) -> tuple[float, Tensor]:
    """Return the target, and what it would be with each list of edits if it were linear in the heads, (passes,).

    The edits' values are numbers, or None for zero. No gradient reaches the model's parameters.
    """
    if not asked.needs_logits:
        raise ValueError(_NO_SLOPE)
    kept = Kept(again.heads, with_gradient=True)
    try:
        with torch.inference_mode(mode=False), torch.enable_grad():  # wherever its user is
            rows = Copies(again, asked).run([()], kept=kept, with_gradient=True)  # (1, rows, vocabulary)
            number = asked.of_logits(rows)[0]
            places, outputs = [*kept.outputs], [*kept.outputs.values()]  # each (1, n, heads, d_v)
            slopes = torch.autograd.grad(number, outputs, allow_unused=True)
    except RuntimeError as error:
        raise ValueError(f"this model gives no gradient ({error}); kind='ablate' needs none") from error
    gradients = dict(zip(places, slopes, strict=True))
    base = float(number.detach())
    found = [base + math.fsum(_change(one, kept, gradients) for one in some) for some in edits]
    return base, torch.tensor(found, dtype=torch.float64)


def _change(one: Edit, kept: Kept, gradients: Mapping[Place, Tensor | None]) -> float:
    assert isinstance(one, HeadOff)  # noqa: S101 - attribution is of heads
    assert not isinstance(one.value, Taken)  # noqa: S101 - the numbers are there
    place = one.attention, one.layer
    slope = gradients[place]
    if slope is None:  # nothing that is asked about depends on it
        return 0.0
    queries = slice(None) if one.queries is None else list(one.queries)
    there = upcast(kept.outputs[place].detach()[0, queries, one.head])  # (queries, d_v)
    put = torch.zeros_like(there) if one.value is None else upcast(one.value).to(there)
    return float(((put - there) * upcast(slope[0, queries, one.head])).sum())
