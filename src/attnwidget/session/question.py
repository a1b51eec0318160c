"""What is asked of the model: the reader's target, at the place that is pinned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from attnwidget.effects import Target

if TYPE_CHECKING:
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Selection


def question(now: Selection, trace: AttentionTrace) -> Target | None:
    """Return the target of a selection, at the query that was pinned last; None is the default of the model.

    A loss, and a target that names its place itself, do not go by the pins; nor does anything by those of an encoder,
    whose tokens are no place of the model's answer.
    """
    target = Target.read(now.target)
    if not now.queries or now.attention == "encoder" or (target and (target.at is not None or target.kind == "loss")):
        return target
    at = (now.queries[-1],)
    if target is not None:
        return replace(target, at=at)
    return Target("logprob" if trace.predictions.predicts else "output", at=at)
