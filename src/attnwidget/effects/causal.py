"""Causal effects: the model is run again without a head, or without a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attnwidget.effects.edits import HeadOff
from attnwidget.effects.results import Effects
from attnwidget.effects.target import Target
from attnwidget.head_id import HeadId

if TYPE_CHECKING:
    from attnwidget.effects.again import OnDone, Traced
    from attnwidget.effects.edits import Cut, Edit

EffectKind = Literal["ablate", "patch", "attribution", "edge", "decompose"]

_UNITS = {"difference": "logits", "output": "share of its length"}


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
    if kind != "ablate" or value != "zero":
        raise NotImplementedError
    again = trace.rerun.get()
    asked = again.resolve(trace, Target.read(target))
    heads = _heads(trace, attention)
    edits: list[list[Edit]] = [[HeadOff(name, *one)] for name, one in heads]
    stopped = False

    def told(done: int, total: int) -> None:
        nonlocal stopped
        try:
            if on_done is not None:
                on_done(done, total)
        except Enough:
            stopped = True
            raise

    base, outcomes = again.outcomes(edits, asked, told)
    changes = (outcomes - base).float()  # (heads,)
    order = changes.abs().nan_to_num(-1).argsort(descending=True, stable=True).tolist()
    return Effects(
        asked,
        kind,
        str(value),
        "each head's output set to zero, one at a time",
        base,
        [heads[at][0] for at in order],
        [str(heads[at][1]) for at in order],
        changes[order],
        _UNITS.get(asked.kind, "nats"),
        stopped=stopped,
    )


def without(trace: Traced, heads: list[HeadId], value: str, attention: str) -> Any:
    """Capture the same text with heads off; see `AttentionTrace.without`."""
    _check_heads(trace, heads, attention)
    return trace.rerun.get().edited([HeadOff(attention, *one) for one in heads])


def _heads(trace: Traced, attention: str | None) -> list[tuple[str, HeadId]]:
    """List the heads of one attention, or of all."""
    if attention is not None and attention not in trace.attentions:
        raise ValueError(f"attention must be one of {trace.attentions}, got {attention!r}")
    return [
        (name, HeadId(layer, head))
        for name in trace.attentions
        if attention in {None, name}
        for layer in range(trace.n_layers(name))
        for head in range(trace.n_heads(name))
    ]


def _check_heads(trace: Traced, heads: list[HeadId], attention: str) -> None:
    layers, count = trace.n_layers(attention), trace.n_heads(attention)
    for one in heads:
        if not (0 <= one.layer < layers and 0 <= one.head < count):
            raise ValueError(f"there is no head {one}: the model has L0-H0 to {HeadId(layers - 1, count - 1)}")
