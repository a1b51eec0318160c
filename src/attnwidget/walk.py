"""The breakdown on screen: whose steps are shown, and the model's own output, fetched off the main thread."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from attnwidget.breakdown import COMBINE, Breakdown, Change
from attnwidget.jobs import Job, Stopped
from attnwidget.wire.steps import projected, steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attnwidget.trace import AttentionTrace

__all__ = ["COMBINE", "Breakdown", "Place", "Walk", "normalised"]

_PAIRS = 1 << 18  # so many weights are looked through for a telling query
_REPORT_EVERY = 0.25  # seconds


class Place(NamedTuple):
    """What is looked at."""

    attention: str
    head: tuple[int, int]
    pinned: tuple[int, ...]  # queries; without any, a telling one is taken
    keys: tuple[int, ...]  # pinned: they get a row in any case
    combine: str
    what_if: Mapping[str, Any]


class Walk:
    """Computes what the breakdown shows.

    Parameters
    ----------
    tell : function
        Called on the main thread with what the browser gets: twice for a text, if the model's own output must first
        be fetched.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._query: int | None = None  # that was taken where none was pinned
        self._told: tuple[AttentionTrace, Place] | None = None
        self._job: Job[None] | None = None

    def forget(self) -> None:
        """Another text, or another attention, is on screen."""
        self._query = self._told = None
        self.stop()

    def stop(self) -> None:
        """End what runs."""
        if self._job is not None:
            self._job.stop()
            self._job = None

    def show(self, trace: AttentionTrace, place: Place) -> None:
        """Tell the browser the steps at a place, if it does not know them yet."""
        if self._told == (trace, place):
            return
        waiting = not trace.knows_projections
        has_steps = self._send(trace, place, waiting=waiting)
        self._told = trace, place
        if has_steps and waiting and self._job is None:
            self._fetch(trace)

    def breakdown(self, trace: AttentionTrace, place: Place, *, output: bool = True) -> Breakdown:
        """Compute the steps at a place, nothing changed."""
        layer, head = place.head
        if not place.pinned and self._query is None:
            self._query = _telling(trace, place)
        queries = place.pinned or (self._query or 0,)
        where: dict[str, Any] = {"attention": place.attention, "combine": place.combine, "output": output}
        return trace.breakdown(layer, head, queries, **where)

    def _send(self, trace: AttentionTrace, place: Place, *, waiting: bool, done: int = 0, total: int = 0) -> bool:
        about = {
            "attention": place.attention,
            "head": place.head,
            "pinned": list(place.pinned),
            "combine": place.combine,
            "whatIf": dict(place.what_if),
        }
        try:
            whole = self.breakdown(trace, place, output=not waiting)
        except ValueError as error:  # weights alone, or no values
            self._tell({**about, "queries": list(place.pinned), "missing": str(error)})
            return False
        changed = whole.what_if(**place.what_if) if place.what_if else None
        told = steps(whole, changed, keep=[*place.keys, *touched(place.what_if)])
        told["projected"] = projected(whole, waiting=waiting, done=done, total=total)
        self._tell({**about, "queries": list(whole.queries), "missing": "", **told})
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
            if self._told is not None and self._told[0] is trace:
                self._send(*self._told, **how)

        def finish(job: Job[None]) -> None:
            if job is not self._job:
                return  # stopped: another text is on screen
            self._job = None
            try:
                job.result()
            except Stopped:
                return
            again(waiting=False)

        self._job = Job(
            work, finish=finish, report=lambda _, done, total: again(waiting=True, done=done, total=total or 0)
        )
        self._job.start()


def normalised(what_if: Mapping[str, Any], m: int) -> dict[str, Any]:
    """Check what a user or a browser wants changed about m keys, and write it as JSON can carry it, in its order.

    Raises
    ------
    ValueError, TypeError, IndexError
        If something in it is unknown, or not what it should be.
    """
    known = [one.name for one in fields(Change)]
    unknown = sorted(set(what_if) - set(known))
    if unknown:
        msg = f"what_if: unknown {', '.join(map(repr, unknown))}; known: {', '.join(known)}"
        raise ValueError(msg)
    change = asdict(Change.read(m, **what_if))
    if -math.inf in change["scores"].values():
        msg = "what_if: a score must be finite here; masked hides a key"
        raise ValueError(msg)
    change["scores"] = {str(key): score for key, score in change["scores"].items()}
    return {name: list(change[name]) if isinstance(change[name], tuple) else change[name] for name in what_if}


def touched(what_if: Mapping[str, Any]) -> list[int]:
    """List the keys that a change, as `normalised` gives it, is about."""
    return [*map(int, what_if.get("scores", {})), *what_if.get("masked", []), *what_if.get("removed", [])]


def _telling(trace: AttentionTrace, place: Place) -> int:
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
