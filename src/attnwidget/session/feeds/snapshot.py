"""What must be drawn without a kernel: the heads on screen, kept in the state as the selection moves."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from attnwidget import measures
from attnwidget.session.feeds.base import Feed
from attnwidget.wire import tiles
from attnwidget.wire.schema import VIEWS, Snapshot

if TYPE_CHECKING:
    from attnwidget.session.feeds.base import Shown

logger = logging.getLogger(__name__)


class SnapshotFeed(Feed):
    """Keeps in the saved state what the view shows now."""

    _last: Snapshot | None = None
    _shown: Shown
    _is_watched = False

    def forget(self) -> None:
        """Drop what is known."""
        super().forget()
        self._last = None

    def begin(self, shown: Shown) -> None:
        """Run the model off the main thread, if what is shown needs its W_O."""
        self._is_watched = True
        if self._job is None and _waits(shown):
            self._work(lambda job: shown.trace.find_projections(lambda *_: job.report("")), self._go_on)

    def _go_on(self, _job: object) -> None:
        if not _waits(self._shown):
            self.follow(self._shown)

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
        if not _waits(shown):
            try:
                self._last = tiles.snapshot(trace, selection, run, wanted)
            except Exception:  # a user's own measure: the browser asks, and is told why
                logger.debug("no snapshot", exc_info=True)
        self._tell(self._last)
        if self._is_watched:
            self.begin(shown)


def _waits(shown: Shown) -> bool:
    """Whether the model would have to run here and now."""
    return "output" in measures.get(shown.selection.measure).needs and not shown.trace.knows_projections
