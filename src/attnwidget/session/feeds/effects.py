"""What every head does to the model's answer: what it writes directly, at once; what switching it off changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from msgspec.structs import replace

from attnwidget.effects import Enough, Target
from attnwidget.session.feeds.long import LongFeed, counting, labels_of
from attnwidget.session.jobs import Stopped
from attnwidget.session.question import question
from attnwidget.wire import effects as wire
from attnwidget.wire import schema
from attnwidget.wire.schema import VIEWS

if TYPE_CHECKING:
    import threading

    from attnwidget.effects import Decomposition, Effects
    from attnwidget.session.feeds.base import Shown
    from attnwidget.session.jobs import Job
    from attnwidget.trace import AttentionTrace

Value = Literal["zero", "mean"]


class _About(NamedTuple):
    """What effects are of: the same of the same trace are not computed again."""

    trace: AttentionTrace
    attention: str
    target: Target | None
    kind: schema.EffectKind = "decompose"
    value: Value = "zero"


class EffectsFeed(LongFeed):
    """Fills the grid of all heads: what each writes, at once; what it does when it is off, as far as it is known."""

    _kind: schema.EffectKind = "decompose"
    _value: Value = "zero"
    _about: _About | None = None
    _last: schema.Effects | None = None

    def follow(self, shown: Shown) -> None:
        """Compute what the view shows, if it does not know it yet."""
        if VIEWS[shown.selection.view] == "effects":
            self._ask(shown)

    def ask(self, shown: Shown, kind: schema.EffectKind, value: Value) -> None:
        """Go over to another kind of effect, or go on with one that was stopped."""
        is_whole = self._last is not None and self._last.state in {"ready", "running"}
        if (kind, value) == (self._kind, self._value) and not is_whole:
            self._about = None
        self._kind, self._value = kind, value
        self._ask(shown)

    def on_screen(self, shown: Shown) -> Effects:
        """Compute the effects on screen, for Python."""
        where = question(shown.selection, shown.whole), self._kind, self._value
        return shown.whole.effects(*where, attention=shown.selection.attention)

    def _ask(self, shown: Shown) -> None:
        now = shown.selection
        about = _About(shown.whole, now.attention, question(now, shown.whole), self._kind, self._value)
        if about == self._about and self._last is not None:
            if self._last.run != shown.run:
                self._say(replace(self._last, run=shown.run))
            return
        self._about = about
        self._say(
            schema.Effects(
                run=shown.run, attention=about.attention, kind=about.kind, value=about.value, state="running"
            )
        )
        self._begin(lambda job, enough: self._compute(job, enough, about), self._end)

    def _say(self, state: schema.Effects) -> None:
        self._last = state
        self._tell(state)

    def _add(self, **known: Any) -> None:
        if self._last is not None:
            self._say(replace(self._last, **known))

    def _compute(self, job: Job[Any], enough: threading.Event, about: _About) -> dict[str, Any]:
        trace, attention, target, kind, value = about
        asked = trace.rerun.get().resolve(trace, target)
        known: dict[str, Any] = {"asked": wire.asked(asked, labels_of(asked, trace))}
        try:
            found = trace.decompose(target)
        except ValueError as error:
            known |= {"no_sum": str(error)}
            if kind == "decompose":
                return {**known, "state": "missing", "message": str(error)}
        else:
            known |= {"sum": wire.summed(found)}
            if kind == "decompose":
                return known | _written(found, about)
        job.hand_on(lambda: self._add(**known))

        def on_done(done: int, total: int) -> None:
            self._add(done=done, total=total)

        on_pass = counting(job, enough, on_done)
        whole = trace.effects(target, kind, value, attention=attention, on_done=on_pass)
        return {
            **known,
            "protocol": whole.protocol,
            "unit": whole.unit,
            "base": wire.number(whole.base),
            "grid": wire.grid(whole.grid(attention), trace, attention),
            "state": "stopped" if whole.stopped else "ready",
        }

    def _end(self, job: Job[Any]) -> None:
        try:
            self._add(**job.result())
        except Stopped:
            raise
        except Enough:
            self._add(state="stopped")
        except Exception as error:  # noqa: BLE001 - told in the picture's place
            self._add(state="missing", message=str(error) or type(error).__name__)


def _written(found: Decomposition, about: _About) -> dict[str, Any]:
    """Say what each head writes directly."""
    heads = wire.heads_of(found, about.attention)
    known = {"base": wire.number(found.logit), "unit": "logits", "state": "ready"}
    if heads is None:
        why = f"the {about.attention}'s heads write nothing into the answer directly: see what switching them off does"
        return {**known, "state": "missing", "message": why}
    return {**known, "grid": wire.grid(heads, about.trace, about.attention)}
