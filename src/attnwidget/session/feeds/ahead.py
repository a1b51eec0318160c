"""All heads of a short text, sent ahead: another head then shows at once, with the kernel busy or gone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from attnwidget.session.feeds.base import Feed
from attnwidget.session.jobs import Stopped, later, running_loop
from attnwidget.wire import tiles

if TYPE_CHECKING:
    from attnwidget.session.feeds.base import Shown
    from attnwidget.session.jobs import Job
    from attnwidget.wire.schema import Ahead


_PAUSE = 1.5  # seconds

logger = logging.getLogger(__name__)


class AheadFeed(Feed):
    """Sends every head's weights once for a run and an attention, if they are few enough."""

    _begun: tuple[int, str] | None = None
    _pausing: Shown | None = None  # before the work on it

    def forget(self) -> None:
        """Drop what is known."""
        super().forget()
        self._begun = self._pausing = None

    def settle(self) -> None:
        """Wait for what runs, without a pause before it."""
        if self._pausing is not None:
            self._compute(self._pausing)
        super().settle()

    def begin(self, shown: Shown) -> None:
        """Compute them off the main thread, when what else a new picture asks for has had its time."""
        about = shown.run, shown.selection.attention
        if self._begun == about or not tiles.fits_ahead(shown.trace, shown.selection.attention):
            return
        self._begun, self._pausing = about, shown
        loop = running_loop()
        if loop is None:
            self._compute(shown)
        else:
            later(_PAUSE, loop, lambda: self._compute(shown))

    def _compute(self, shown: Shown) -> None:
        def work(job: Job[Ahead]) -> Ahead:
            return tiles.ahead(shown.trace, shown.selection.attention, shown.run, lambda: job.report(""))

        def finish(job: Job[Ahead]) -> None:
            try:
                self._tell(job.result())
            except Stopped:
                raise
            except Exception:  # a head that is chosen is asked for, and what fails is told there
                logger.debug("nothing sent ahead", exc_info=True)

        with self._lock:
            if self._pausing is shown:
                self._pausing = None
                self._work(work, finish)
