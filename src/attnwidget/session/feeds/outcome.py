"""What the model says at the place that is asked about: as it is, and without the heads that are off or so masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from msgspec.structs import replace

from attnwidget.effects import Target
from attnwidget.effects.edits import HeadOff
from attnwidget.session.feeds.long import LongFeed, labels_of
from attnwidget.session.jobs import Stopped
from attnwidget.session.question import question
from attnwidget.wire import effects as wire
from attnwidget.wire import schema
from attnwidget.wire.schema import VIEWS

if TYPE_CHECKING:
    from attnwidget.effects import Asked
    from attnwidget.session.feeds.base import Shown
    from attnwidget.session.jobs import Job
    from attnwidget.trace import AttentionTrace

_LIKELY = 5  # tokens, before and after
_SMALL = 512  # tokens of a text whose loss is told unasked


class OutcomeFeed(LongFeed):
    """Fills what the model says at the place that is asked about: as it is, and as the run on screen is."""

    _known: tuple[Any, ...] = ()
    _last: schema.Outcome | None = None
    _run = 0  # on screen

    def follow(self, shown: Shown) -> None:
        """Tell it where the view shows it, and wherever the model runs otherwise."""
        now = shown.selection
        if VIEWS[now.view] != "effects" and shown.as_is is None:
            return
        target = question(now, shown.whole)
        known = shown.whole, shown.trace, now.attention, target
        self._run = shown.run
        if known == self._known:
            if self._last is not None and self._last.run != shown.run:
                self._say(self._last)
            return
        self._known, self._last = known, None
        self._begin(lambda job, _: self._compute(job, shown, target), self._end)

    def _compute(self, job: Job[Any], shown: Shown, target: Target | None) -> schema.Outcome:
        whole = shown.whole
        off = list(shown.off)
        last = schema.Outcome(run=shown.run, off=off)
        try:
            again = whole.rerun.get()
            asked = again.resolve(whole, target)
            job.report("")
            told = replace(
                last,
                asked=wire.asked(asked, labels_of(asked, whole)),
                unit=unit_of(asked),
                target=_change(shown, asked),
                loss=_loss(shown),
            )
        except ValueError as error:
            return replace(last, message=str(error))
        if not whole.predictions.predicts:
            return told
        row = asked.rows[-1]
        job.report("")
        return replace(told, row=row, likely=_likely(whole, _changed(shown), row))

    def _end(self, job: Job[Any]) -> None:
        try:
            self._say(job.result())
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - told in its place
            self._say(schema.Outcome(run=0, off=[], message=str(error) or type(error).__name__))

    def _say(self, state: schema.Outcome) -> None:
        self._last = replace(state, run=self._run)  # another one may have come meanwhile
        self._tell(self._last)


def unit_of(asked: Asked) -> str:
    """Name the unit of a target's number."""
    return {"difference": "logits", "output": "share of its length"}.get(asked.kind, "nats")


def _change(shown: Shown, asked: Asked) -> schema.Change:
    """Return a target's number of the model as it is, and as it runs on screen."""
    again, off = shown.whole.rerun.get(), shown.off
    if not shown.trace.put_mask:
        edits = [[HeadOff(shown.selection.attention, *head) for head in off]] if off else []
        before, found = again.outcomes(edits, asked)
        return schema.Change(before=wire.number(before), after=wire.number(float(found[0])) if len(found) else None)
    before, _ = again.outcomes([], asked)
    if _changed(shown) is None or asked.kind == "output":  # how far a vector moves is told of edits alone
        return schema.Change(before=wire.number(before))
    after, _ = shown.trace.rerun.get().outcomes([], asked)
    return schema.Change(before=wire.number(before), after=wire.number(after))


def _changed(shown: Shown) -> AttentionTrace | None:
    """Return the trace on screen, if it is of a run of the model as it is not."""
    return None if shown.as_is is None or shown.trace.rerun.missing else shown.trace


def _loss(shown: Shown) -> schema.Change:
    whole = shown.whole
    if not whole.predictions.predicts or _changed(shown) is None or len(whole.tokens) > _SMALL:
        return schema.Change()
    try:
        return _change(shown, whole.rerun.get().resolve(whole, Target.loss()))
    except ValueError:  # a text of one token
        return schema.Change()


def _likely(whole: AttentionTrace, edited: AttentionTrace | None, row: int) -> list[schema.Likely]:
    """Return the likeliest tokens of either, and how likely both take each."""
    before = whole.predictions.probabilities(row).cpu()  # (vocabulary,)
    after = None if edited is None else edited.predictions.probabilities(row).cpu()
    count = min(_LIKELY, len(before))
    ids = list(
        dict.fromkeys(at for one in (before, after) if one is not None for at in one.topk(count).indices.tolist())
    )
    if any(bool(torch.isnan(one).any()) for one in (before, after) if one is not None):
        return []
    return [
        schema.Likely(id=at, token=label, before=float(before[at]), after=None if after is None else float(after[at]))
        for at, label in zip(ids, whole.predictions.labels(ids), strict=True)
    ]
