"""The breakdown on screen: whose steps are shown, and the model's own output, fetched off the main thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from attnwidget.session.feeds.base import Feed
from attnwidget.wire import steps
from attnwidget.wire.schema import VIEWS, Breakdown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import RLock

    from attnwidget.breakdown import Breakdown as Computation
    from attnwidget.head_id import HeadId
    from attnwidget.session.feeds.base import Shown
    from attnwidget.session.jobs import Job
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Selection, Wired

_PAIRS = 1 << 18  # so many weights are looked through for a telling query
_REPORT_EVERY = 0.25  # seconds


class _Place(NamedTuple):
    """What is looked at."""

    attention: str
    head: HeadId
    pinned: tuple[int, ...]  # queries; without any, a telling one is taken
    keys: tuple[int, ...]  # pinned: they get a row in any case
    combine: Any
    what_if: Mapping[str, Any]

    @classmethod
    def of(cls, one: Selection) -> _Place:
        return cls(one.attention, one.heads[0], tuple(one.queries), tuple(one.keys), one.combine, one.what_if)


class BreakdownFeed(Feed):
    """Computes what the breakdown shows: twice for a text, if the model's own output must first be fetched."""

    def __init__(self, tell: Callable[[Wired], None], lock: RLock | None = None) -> None:
        super().__init__(tell, lock)
        self._query: int | None = None  # that was taken where none was pinned
        self._sent: tuple[int, AttentionTrace, _Place] | None = None

    def forget(self) -> None:
        """Drop what is known."""
        super().forget()
        self._query = self._sent = None

    def follow(self, shown: Shown) -> None:
        """Tell the browser the steps at a place, if a view shows them and it does not know them yet."""
        if VIEWS[shown.selection.view] != "steps":
            return
        sent = shown.run, shown.trace, _Place.of(shown.selection)
        if self._sent == sent:
            return
        waiting = not shown.trace.knows_projections
        has_steps = self._send(*sent, waiting=waiting)
        self._sent = sent
        if has_steps and waiting and self._job is None:
            self._fetch(shown.trace)

    def breakdown(self, trace: AttentionTrace, selection: Selection, *, output: bool = True) -> Computation:
        """Compute the steps at a place, nothing changed."""
        return self._compute(trace, _Place.of(selection), output=output)

    def _compute(self, trace: AttentionTrace, place: _Place, *, output: bool) -> Computation:
        layer, head = place.head
        if not place.pinned and self._query is None:
            self._query = _telling(trace, place)
        queries = place.pinned or (self._query or 0,)
        where: dict[str, Any] = {"attention": place.attention, "combine": place.combine, "output": output}
        return trace.breakdown(layer, head, queries, **where)

    def _send(
        self, run: int, trace: AttentionTrace, place: _Place, *, waiting: bool, done: int = 0, total: int = 0
    ) -> bool:
        about: dict[str, Any] = {
            "run": run,
            "attention": place.attention,
            "head": place.head,
            "pinned": list(place.pinned),
            "combine": place.combine,
            "what_if": dict(place.what_if),
        }
        try:
            whole = self._compute(trace, place, output=not waiting)
        except Exception as error:  # noqa: BLE001 - weights alone, no values, no memory: told in the picture's place
            missing = str(error) or type(error).__name__
            self._tell(Breakdown(**about, queries=list(place.pinned), missing=missing))
            return False
        changed = whole.what_if(**place.what_if) if place.what_if else None
        parts = steps.steps(whole, changed, keep=[*place.keys, *_touched(place.what_if)])
        projected = steps.projected(whole, waiting=waiting, done=done, total=total)
        self._tell(Breakdown(**about, queries=list(whole.queries), missing="", **parts, projected=projected))
        return True

    def _fetch(self, trace: AttentionTrace) -> None:
        """Run the model once more, for W_O and for what its own modules return."""
        reported = time.monotonic()

        def work(job: Job[None]) -> None:
            def on_layer(done: int, total: int) -> None:
                nonlocal reported
                if time.monotonic() - reported > _REPORT_EVERY:
                    job.report("", done, total)
                    reported = time.monotonic()

            trace.find_projections(on_layer)

        def again(**how: Any) -> None:
            if self._sent is not None and self._sent[1] is trace:
                self._send(*self._sent, **how)

        def finish(job: Job[None]) -> None:
            job.result()
            again(waiting=False)

        self._work(work, finish, report=lambda _, done, total: again(waiting=True, done=done, total=total or 0))


def _touched(what_if: Mapping[str, Any]) -> list[int]:
    """List the keys that a change, in its checked form, is about."""
    return [*map(int, what_if.get("scores", {})), *what_if.get("masked", []), *what_if.get("removed", [])]


def _telling(trace: AttentionTrace, place: _Place) -> int:
    """Choose a query that shows something: the one with the strongest link between two different words of the text."""
    layer, head = place.head
    attending, attended = trace.sides(place.attention)
    n, m = len(attending.text), len(attended.text)
    if n * m > _PAIRS:
        return n - 1
    weights = trace.weights(layer, head, attention=place.attention).nan_to_num().clone()  # (n, m)
    weights[attending.special] = 0
    weights[:, attended.special] = 0
    weights[:, 0] = 0  # where heads rest that have nothing to say
    if attending is attended:
        weights.fill_diagonal_(0)
    if not weights.any():
        return n - 1
    return int(weights.argmax()) // m
