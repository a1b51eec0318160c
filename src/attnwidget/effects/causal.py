"""Causal effects: the model is run again without a head, or without a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from attnwidget.effects.again import OnDone, Traced
    from attnwidget.effects.edits import Cut
    from attnwidget.effects.results import Effects
    from attnwidget.head_id import HeadId

EffectKind = Literal["ablate", "patch", "attribution", "edge", "decompose"]


class Enough(Exception):  # noqa: N818  (an outcome that was asked for, not an error)
    """Raised by `on_done` to end the work, and have what was computed until then."""


def effects(
    trace: Traced,
    target: Any,
    kind: EffectKind,
    value: str | Traced,
    *,
    attention: str | None,
    pair: tuple[Any, Any] | None,
    how: Cut,
    on_done: OnDone | None,
) -> Effects:
    """Compute every head's effect; see `AttentionTrace.effects`."""
    raise NotImplementedError


def without(trace: Traced, heads: list[HeadId], value: str, attention: str) -> Any:
    """Capture the same text with heads off; see `AttentionTrace.without`."""
    raise NotImplementedError
