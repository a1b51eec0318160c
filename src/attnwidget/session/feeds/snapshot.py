"""What must be drawn without a kernel: the heads on screen, kept in the state as the selection moves."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attnwidget import measures
from attnwidget.session.feeds.base import Feed
from attnwidget.wire import tiles
from attnwidget.wire.schema import VIEWS, Snapshot

if TYPE_CHECKING:
    from attnwidget.session.feeds.base import Shown
    from attnwidget.session.jobs import Job

logger = logging.getLogger(__name__)


class SnapshotFeed(Feed):
    """Keeps in the saved state what the view shows now."""

    _last: Snapshot | None = None
    _shown: Shown
    _is_watched = False
    _slow: frozenset[tuple[object, ...]] = frozenset()  # what takes long, and has been computed

    def forget(self) -> None:
        """Drop what is known."""
        super().forget()
        self._last, self._slow = None, frozenset()

    def begin(self, shown: Shown) -> None:
        """Compute off the main thread what takes a pass of the model, or long."""
        self._is_watched = True
        if self._job is None and self._waits(shown):

            def work(job: Job[None]) -> None:
                shown.trace.prepare(shown.selection.measure, lambda *_: job.report(""))
                for _, attention, measure, layer in _slow_of(shown):
                    job.report("")
                    with suppress(ValueError):  # the browser asks, and is told why
                        shown.trace.measure(measure, layer, 0, attention=attention)  # kept by the trace

            self._work(work, lambda _: self._go_on(shown))

    def _go_on(self, done: Shown) -> None:
        self._slow |= _slow_of(done)
        if not self._waits(self._shown):
            self.follow(self._shown)
        else:
            self.begin(self._shown)

    def follow(self, shown: Shown) -> None:
        """Send the heads that the state does not hold yet, with the others of their layer if the text is short."""
        self._shown = shown
        run, trace, selection, *_ = shown
        wanted = selection.heads if VIEWS[selection.view] == "tiles" else []  # what nobody sees is not sent
        last = self._last
        about: dict[str, Any] = {"run": run, "measure": selection.measure, "words": selection.words}
        if (
            last is not None
            and about == {name: getattr(last, name) for name in about}
            and {*selection.heads} <= {*last.heads}
        ):
            return
        self._last = Snapshot(heads=[], **about)
        if not self._waits(shown):
            try:
                self._last = tiles.snapshot(trace, selection, run, wanted)
            except Exception:  # a user's own measure: the browser asks, and is told why
                logger.debug("no snapshot", exc_info=True)
        self._tell(self._last)
        if self._is_watched:
            self.begin(shown)

    def _waits(self, shown: Shown) -> bool:
        """Whether the model would have to run here and now, or something else would take long."""
        return not shown.trace.is_prepared(shown.selection.measure) or not _slow_of(shown) <= self._slow


def _slow_of(shown: Shown) -> frozenset[tuple[Any, ...]]:
    """Return what of a selection takes long: of which run, attention, measure and layer."""
    run, _, selection, *_ = shown
    if not measures.get(selection.measure).is_slow:
        return frozenset()
    return frozenset((run, selection.attention, selection.measure, one.layer) for one in selection.heads)
