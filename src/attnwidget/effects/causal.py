"""Causal effects: the model is run again without a head, without a link, or with what another text has there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import torch

from attnwidget.effects.direct import decompose
from attnwidget.effects.edits import HeadOff, Taken
from attnwidget.effects.plans import HeadOf, Plan, cutting, heads_of, patching, replacing
from attnwidget.effects.results import Effects
from attnwidget.effects.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from attnwidget.effects.again import OnDone, Traced
    from attnwidget.effects.edits import Cut
    from attnwidget.effects.plans import Patched
    from attnwidget.effects.target import Asked
    from attnwidget.head_id import HeadId

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
    on_part: Callable[[Effects], None] | None = None,
) -> Effects:
    """Compute every head's effect; see `AttentionTrace.effects`."""
    if kind not in get_args(EffectKind):
        raise ValueError(f"kind must be one of {get_args(EffectKind)}, got {kind!r}")
    if (pair is not None) != (kind == "edge"):
        raise ValueError(
            'kind="edge" needs pair=(query, key): the link that is taken out'
            if kind == "edge"
            else f'pair= is of kind="edge"; kind={kind!r} is of whole heads'
        )
    if kind == "decompose":
        return _decomposed(trace, target, attention)
    if kind == "patch" and isinstance(value, str):
        raise ValueError('kind="patch" needs value=, the trace of another text with as many tokens')
    plan = cutting(trace, attention, pair, how) if pair is not None else replacing(trace, attention, value)
    return _carried_out(trace, target, kind, plan, on_done, on_part)


def patch(
    trace: Traced,
    other: Traced,
    target: Any,
    *,
    what: Patched,
    attention: str | None,
    pair: tuple[Any, Any] | None,
    at: Any,
    on_done: OnDone | None,
) -> Effects:
    """Put another text's numbers into this one's pass; see `AttentionTrace.patch`."""
    plan = patching(trace, other, what, attention=attention, pair=pair, at=at)
    return _carried_out(trace, target, "patch", plan, on_done)


def without(trace: Traced, heads: list[HeadId], value: str, attention: str) -> Any:
    """Capture the same text with heads off; see `AttentionTrace.without`."""
    if not heads:
        raise ValueError('without() needs a head at least, such as "L3-H5"')
    there = heads_of(trace, attention)
    for one in heads:
        if HeadOf(attention, one) not in there:
            last = there[-1].head
            raise ValueError(f"there is no head {one!s}: this attention has L0-H0 to {last!s}")
    if value not in {"zero", "mean"}:
        raise ValueError(f"value must be 'zero' or 'mean', got {value!r}")
    put = Taken(mean=True) if value == "mean" else None
    return trace.rerun.get().edited([HeadOff(attention, *one, put) for one in heads])


def _carried_out(  # noqa: PLR0917 - of what, how, and who is told
    trace: Traced,
    target: Any,
    kind: EffectKind,
    plan: Plan,
    on_done: OnDone | None,
    on_part: Callable[[Effects], None] | None = None,
) -> Effects:
    again = trace.rerun.get()
    asked = again.resolve(trace, Target.read(target))
    stopped = False

    def told(done: int, total: int) -> None:
        nonlocal stopped
        try:
            if on_done is not None:
                on_done(done, total)
        except Enough:
            stopped = True
            raise

    edits = [[edit] for _, edit in plan.edits]
    protocol = f"{plan.protocol}, one head at a time"
    if kind == "attribution":
        protocol = f"estimated from one gradient: {protocol}"

    def table(base: float, outcomes: Tensor) -> Effects:
        return _table(
            asked,
            [head for head, _ in plan.edits],
            (outcomes - base).float(),
            kind=kind,
            value=plan.value,
            protocol=protocol,
            base=base,
            others=plan.others,
            stopped=stopped,
        )

    if kind == "attribution":
        return table(*again.estimates(edits, asked, told))
    part = None if on_part is None else lambda *found: on_part(table(*found))
    return table(*again.outcomes(edits, asked, told, part))


def _table(
    asked: Asked, heads: list[HeadOf], changes: Tensor, *, others: Mapping[str, Tensor], unit: str = "", **about: Any
) -> Effects:
    """Sort heads by what was found of them, (heads,): the largest first, either way; what was not run last."""
    order = changes.abs().nan_to_num(-1, posinf=torch.inf).argsort(descending=True, stable=True)  # (heads,)
    sorted_heads = [heads[at] for at in order.tolist()]
    return Effects(
        asked,
        attentions=[one.attention for one in sorted_heads],
        heads=[str(one.head) for one in sorted_heads],
        effects=changes[order],
        unit=unit or _UNITS.get(asked.kind, "nats"),
        others={name: column[order] for name, column in others.items()},
        **about,
    )


def _decomposed(trace: Traced, target: Any, attention: str | None) -> Effects:
    """Return the heads of a decomposition as a table of effects."""
    found = decompose(trace, target)
    grids = {found.attention: found.heads} | ({} if found.cross is None else {"cross": found.cross})
    if attention is not None and attention not in grids:
        raise ValueError(
            f"attention must be one of {tuple(grids)}, which write into what is predicted; got {attention!r}"
        )
    heads = [one for name in grids if attention in {None, name} for one in heads_of(trace, name)]
    return _table(
        found.target,
        heads,
        torch.stack([grids[one.attention][one.head] for one in heads]),
        kind="decompose",
        value="",
        protocol="what each head writes directly into it, with the scale of the final norm held",
        base=found.logit,
        unit="share of its length" if found.target.kind == "output" else "logits",
        others={},
    )
