"""Direct effects: what every part of the model writes into a logit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attnwidget.effects.again import Traced
    from attnwidget.effects.results import Decomposition


def decompose(trace: Traced, target: Any) -> Decomposition:
    """Decompose a logit; see `AttentionTrace.decompose`."""
    raise NotImplementedError
