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
    from collections.abc import Callable
    from threading import RLock

    from attnwidget.effects import Decomposition, Effects
    from attnwidget.session.feeds.base import Shown
    from attnwidget.session.jobs import Job
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Wired

_WITH_MODEL = "For effects, capture the text with its model: AttentionWidget(text, model=model)"

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

    _kind: schema.EffectKind | None = None  # that was chosen
    _value: Value = "zero"
    _about: _About | None = None
    _last: schema.Effects | None = None

    def __init__(self, tell: Callable[[Wired], None], lock: RLock | None = None) -> None:
        super().__init__(tell, lock)
        self.found: Effects | None = None

    def follow(self, shown: Shown) -> None:
        """Compute what the view shows, if it does not know it yet."""
        if VIEWS[shown.selection.view] == "effects":
            self._ask(shown)

    def ask(self, shown: Shown, kind: schema.EffectKind, value: Value) -> None:
        """Go over to another kind of effect, or go on with one that was stopped."""
        is_whole = self._last is not None and self._last.state in {"ready", "running"}
        shows = None if self._about is None else (self._about.kind, self._about.value)
        if (kind, value) == shows and not is_whole:
            self._about = None
        self._kind, self._value = kind, value
        self._ask(shown)

    def on_screen(self, shown: Shown) -> Effects:
        """Return the effects on screen, computed here if they are not there."""
        if self.found is not None and self._about == self._about_of(shown):
            return self.found
        about = self._about_of(shown)
        return shown.whole.effects(about.target, about.kind, about.value, attention=about.attention)

    def _ask(self, shown: Shown) -> None:
        about = self._about_of(shown)
        if about == self._about and self._last is not None:
            if self._last.run != shown.run:
                self._say(replace(self._last, run=shown.run))
            return
        last, before = self._last, self._about
        self._about, self.found = about, None
        known = {} if last is None or before is None or before[:3] != about[:3] else _of_target(last)
        new: dict[str, Any] = {"attention": about.attention, "kind": about.kind, "value": about.value}
        self._say(schema.Effects(run=shown.run, state="running", **known, **new))
        self._begin(lambda job, enough: self._compute(job, enough, about), self._end)

    def _about_of(self, shown: Shown) -> _About:
        now = shown.selection
        target = question(now, shown.whole)
        usual: schema.EffectKind = "ablate" if target is not None and target.kind == "loss" else "decompose"
        return _About(shown.whole, now.attention, target, self._kind or usual, self._value)  # no head writes a loss

    def _say(self, state: schema.Effects) -> None:
        self._last = state
        self._tell(state)

    def _add(self, **known: Any) -> None:
        if self._last is not None:
            self._say(replace(self._last, **known))

    def _compute(self, job: Job[Any], enough: threading.Event, about: _About) -> dict[str, Any]:
        trace, attention, target, kind, value = about
        if trace.rerun.missing:
            return {"state": "missing", "message": f"{trace.rerun.missing}. {_WITH_MODEL}"}
        asked = trace.rerun.get().resolve(trace, target)
        known: dict[str, Any] = {"asked": wire.asked(asked, labels_of(asked, trace))}
        try:
            found = trace.decompose(target)
        except ValueError as error:
            known |= {"no_sum": str(error)}
            if kind == "decompose":
                return {**known, "state": "missing", "message": str(error)}
        else:
            known |= {"sum": wire.summed(found), "no_sum": ""}
            if kind == "decompose":
                return known | _written(found, about)
        job.hand_on(lambda: self._add(**known))

        parts: list[Effects] = []

        def on_done(done: int, total: int) -> None:
            self._add(done=done, total=total, **(_told(parts[-1], about) if parts else {}))

        whole = trace.effects(
            target,
            kind,
            value,
            attention=attention,
            on_done=counting(job, enough, on_done),
            on_part=lambda one: parts.__setitem__(slice(None), [one]),
        )
        return {**known, **_told(whole, about), "state": "stopped" if whole.stopped else "ready", "found": whole}

    def _end(self, job: Job[Any]) -> None:
        try:
            known = job.result()
            self.found = known.pop("found", None)
            self._add(**known)
        except Stopped:
            raise
        except Enough:
            self._add(state="stopped")
        except Exception as error:  # noqa: BLE001 - told in the picture's place
            self._add(state="missing", message=str(error) or type(error).__name__)


def _told(found: Effects, about: _About) -> dict[str, Any]:
    """Say what each head does when it is off."""
    return {
        "protocol": found.protocol,
        "unit": found.unit,
        "base": wire.number(found.base),
        "grid": wire.grid(found.grid(about.attention), about.trace, about.attention),
    }


def _of_target(last: schema.Effects) -> dict[str, Any]:
    """Return what does not go by the kind of effect."""
    return {name: getattr(last, name) for name in ("asked", "sum", "no_sum")}


def _written(found: Decomposition, about: _About) -> dict[str, Any]:
    """Say what each head writes directly."""
    heads = wire.heads_of(found, about.attention)
    protocol = "; ".join(["what each head writes straight into the answer", *found.held])
    known = {"base": wire.number(found.logit), "unit": "logits", "state": "ready", "protocol": protocol}
    if heads is None:
        why = f"the {about.attention}'s heads write nothing into the answer directly: see what switching them off does"
        return {**known, "state": "missing", "message": why}
    return {**known, "grid": wire.grid(heads, about.trace, about.attention)}
