"""The breakdown on screen: whose steps are shown, and the model's own output, fetched off the main thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from attnwidget.comparison import steps_beside
from attnwidget.head_id import HeadId
from attnwidget.session.feeds.base import Feed
from attnwidget.wire import steps
from attnwidget.wire.schema import VIEWS, Breakdown, StepsBeside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import RLock

    from attnwidget.breakdown import Breakdown as Computation
    from attnwidget.comparison import StepsBeside as Compared
    from attnwidget.session.feeds.base import Shown
    from attnwidget.session.jobs import Job
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Selection, Wired

_PAIRS = 1 << 18  # so many weights are looked through for a telling query
_REPORT_EVERY = 0.25  # seconds
_CHANGED = "what is changed under “What if …” is changed in A alone"


class _Place(NamedTuple):
    """What is looked at."""

    attention: str
    head: HeadId
    pinned: tuple[int, ...]  # queries; without any, a telling one is taken
    keys: tuple[int, ...]  # pinned: they get a row in any case
    combine: Any
    what_if: Mapping[str, Any]
    compares: bool  # with what stands beside

    @classmethod
    def of(cls, one: Selection) -> _Place:
        head, compares = HeadId(*one.heads[0]), one.measure == "difference"
        return cls(one.attention, head, tuple(one.queries), tuple(one.keys), one.combine, one.what_if, compares)


class BreakdownFeed(Feed):
    """Computes what the breakdown shows: twice for a text, if the model's own output must first be fetched."""

    def __init__(self, tell: Callable[[Wired], None], lock: RLock | None = None) -> None:
        super().__init__(tell, lock)
        self._taken: dict[bool, int] = {}  # the query where none is pinned, and that where two are compared
        self._sent: tuple[int, AttentionTrace, _Place] | None = None

    def forget(self) -> None:
        """Drop what is known."""
        super().forget()
        self._taken, self._sent = {}, None

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
            self._fetch(shown.trace, sent[2])

    def breakdown(self, trace: AttentionTrace, selection: Selection, *, output: bool = True) -> Computation:
        """Compute the steps at a place, nothing changed."""
        return self._compute(trace, _Place.of(selection), output=output)

    def _queries(self, trace: AttentionTrace, place: _Place) -> tuple[int, ...]:
        if place.pinned:
            return place.pinned
        compares = place.compares and not trace.lacks("difference", place.attention)
        if compares not in self._taken:
            self._taken[compares] = _telling(trace, place, "difference" if compares else "weights")
        return (self._taken[compares],)

    def beside(self, trace: AttentionTrace, selection: Selection) -> Compared | None:
        """Return what stands beside the steps on screen; None where nothing is compared."""
        return self._compare(trace, _Place.of(selection))[0]

    def _compute(self, trace: AttentionTrace, place: _Place, *, output: bool) -> Computation:
        queries = self._queries(trace, place)
        where: dict[str, Any] = {"attention": place.attention, "combine": place.combine, "output": output}
        return trace.breakdown(*place.head, queries, **where)

    def _compare(
        self, trace: AttentionTrace, place: _Place, whole: Computation | None = None
    ) -> tuple[Compared | None, str]:
        """Return what stands beside, or why there is nothing; neither where nothing is compared."""
        if not place.compares or trace.beside is None:
            return None, ""
        if place.what_if:
            return None, _CHANGED
        try:
            queries = self._queries(trace, place)
            return steps_beside(trace, place.attention, place.head, queries, place.combine, whole=whole), ""
        except Exception as error:  # noqa: BLE001 - no partner, no counterpart, no memory: the steps stand without
            return None, str(error) or type(error).__name__

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
            "pipeline": steps.pipeline(trace, place.attention, place.head.layer),
        }
        try:
            whole = self._compute(trace, place, output=not waiting)
        except Exception as error:  # noqa: BLE001 - weights alone, no values, no memory: told in the picture's place
            missing = str(error) or type(error).__name__
            self._tell(Breakdown(**about, missing=missing, **self._weights_alone(trace, place)))
            return False
        changed = whole.what_if(**place.what_if) if place.what_if else None
        found, why = self._compare(trace, place, whole)
        keep = [*place.keys, *_touched(place.what_if), *(steps.most_apart(found) if found else [])]
        parts = steps.steps(whole, changed, keep=keep)
        beside = steps.beside(found, parts["rows"]) if found else StepsBeside(missing=why) if why else None
        projected = steps.projected(whole, waiting=waiting, done=done, total=total)
        queries = list(whole.queries)
        self._tell(Breakdown(**about, queries=queries, missing="", **parts, projected=projected, beside=beside))
        return True

    def _weights_alone(self, trace: AttentionTrace, place: _Place) -> dict[str, Any]:
        """Return what is told where there are no steps: weights, if they are compared."""
        found, why = self._compare(trace, place)
        if found is None:
            return {"queries": list(place.pinned), "beside": StepsBeside(missing=why) if why else None}
        parts = steps.weights_alone(found.here, keep=[*place.keys, *steps.most_apart(found)])
        return {"queries": list(found.here.queries), **parts, "beside": steps.beside(found, parts["rows"])}

    def _fetch(self, trace: AttentionTrace, place: _Place) -> None:
        """Run the model once more, for W_O and for what its own modules return."""
        reported = time.monotonic()

        def work(job: Job[None]) -> None:
            def on_layer(done: int, total: int) -> None:
                nonlocal reported
                if time.monotonic() - reported > _REPORT_EVERY:
                    job.report("", done, total)
                    reported = time.monotonic()

            trace.find_projections(on_layer)
            trace.pipeline(place.head.layer, attention=place.attention)  # what stands around it, too

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


def _telling(trace: AttentionTrace, place: _Place, measure: str) -> int:
    """Choose a query that shows something: the one with the strongest link between two different words of the text.

    By the difference, the one with the link that differs most.
    """
    layer, head = place.head
    attending, attended = trace.sides(place.attention)
    n, m = len(attending.text), len(attended.text)
    if n * m > _PAIRS:
        return n - 1
    found = trace.measure(measure, layer, head, attention=place.attention)
    weights = found.nan_to_num(neginf=0).abs()  # (n, m)
    weights[attending.special] = 0
    weights[:, attended.special] = 0
    weights[:, 0] = 0  # where heads rest that have nothing to say
    if attending is attended:
        weights.fill_diagonal_(0)
    if not weights.any():
        return n - 1
    return int(weights.argmax()) // m
