"""Every head's link of the pinned pair, and on request what cutting it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from attnwidget import measures
from attnwidget.session.feeds.long import LongFeed, counting
from attnwidget.session.jobs import Stopped
from attnwidget.session.question import question
from attnwidget.wire import effects as wire
from attnwidget.wire import schema
from attnwidget.wire.schema import VIEWS

if TYPE_CHECKING:
    import threading

    from attnwidget.effects import Effects
    from attnwidget.session.feeds.base import Shown
    from attnwidget.session.jobs import Job


class LinksFeed(LongFeed):
    """Fills every head's link of the pinned pair; what cutting it does, once somebody asks."""

    _about: tuple[Any, ...] = ()
    _last: schema.Links | None = None
    _run = 0  # on screen

    def follow(self, shown: Shown) -> None:
        """Tell the numbers of a pinned pair, where the view shows them."""
        now = shown.selection
        if VIEWS[now.view] != "effects" or not now.queries or not now.keys:
            return
        about = shown.whole, now.attention, question(now, shown.whole), now.queries, now.keys
        self._run = shown.run
        if about == self._about:
            if self._last is not None and self._last.run != shown.run:
                self._say(self._last)
            return
        self._about, self._last = about, None
        self._begin(lambda job, _: _pair(job, shown), self._end)

    def cut(self, shown: Shown) -> None:
        """Cut the pair's link in one head at a time."""
        last = self._last
        if last is None or last.state == "running" or self._job is not None:
            return
        self._say(replace(last, state="running", done=0, total=0))
        trace, attention, target, queries, keys = self._about

        def work(job: Job[Any], enough: threading.Event) -> Effects:
            on_pass = counting(job, enough, lambda done, total: self._add(done=done, total=total))
            return shown.whole.effects(target, "edge", attention=attention, pair=(queries, keys), on_done=on_pass)

        def finish(job: Job[Any]) -> None:
            try:
                found = job.result()
            except Stopped:
                raise
            except Exception as error:  # noqa: BLE001 - told in the table
                lacks = {**(self._last or last).lacks, "cut": str(error) or type(error).__name__}
                self._add(state="missing", lacks=lacks)
                return
            arrays = {**(self._last or last).arrays, "cut": wire.grid(found.grid(attention), trace, attention)}
            self._add(arrays=arrays, state="stopped" if found.stopped else "ready")

        self._begin(work, finish)

    def _say(self, state: schema.Links) -> None:
        self._last = replace(state, run=self._run)  # another one may have come meanwhile, with heads off
        self._tell(self._last)

    def _add(self, **known: Any) -> None:
        if self._last is not None:
            self._say(replace(self._last, **known))

    def _end(self, job: Job[Any]) -> None:
        try:
            found = job.result()
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - told in the table's place
            _, attention, _, queries, keys = self._about
            lacks = {"weight": str(error) or type(error).__name__}
            found = schema.Links(run=self._run, attention=attention, queries=queries, keys=keys, arrays={}, lacks=lacks)
        self._say(found)


def _pair(job: Job[Any], shown: Shown) -> schema.Links:
    """Compute what each head's link of the pinned pair is, without running the model for each."""
    trace, now = shown.whole, shown.selection
    arrays, lacks = {}, {}
    for name, measure in {"weight": "weights", "norm": "norms", "share": "contribution"}.items():
        job.report("")
        if measure not in measures.names():
            continue
        try:
            if "output" in measures.get(measure).needs:
                trace.find_projections(lambda *_: job.report(""))
            values, _ = trace.pair_grid(now.queries, now.keys, measure=measure, attention=now.attention)
            arrays[name] = wire.grid(values, trace, now.attention)
        except ValueError as error:
            lacks[name] = str(error)
    return schema.Links(
        run=shown.run, attention=now.attention, queries=now.queries, keys=now.keys, arrays=arrays, lacks=lacks
    )
