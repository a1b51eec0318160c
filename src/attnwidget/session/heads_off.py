"""The text on screen as the model computes it without some heads: run in the background, on a twin."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from attnwidget.session.jobs import Job, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import RLock

    from attnwidget.head_id import HeadId
    from attnwidget.trace import AttentionTrace


class HeadsOff:
    """Runs the model without heads, the newest wish only.

    Parameters
    ----------
    show : function
        Called with the heads that are off and the trace without them, under the lock.
    fail : function
        Called with why there is none, under the lock.
    lock : RLock
        As of every feed.

    Attributes
    ----------
    now : list of HeadId
        Those without which the trace on screen was made.
    """

    def __init__(
        self,
        show: Callable[[list[HeadId], AttentionTrace], None],
        fail: Callable[[Exception], None],
        lock: RLock,
    ) -> None:
        self.now: list[HeadId] = []
        self._show, self._fail, self._lock = show, fail, lock
        self._job: Job[AttentionTrace] | None = None

    def want(self, off: list[HeadId], whole: AttentionTrace, attention: str) -> None:
        """Run without these heads, or show the model as it is at once."""
        self.drop()
        if off == self.now:
            return
        if not off:
            self._show(off, whole)
            return

        def finish(job: Job[AttentionTrace]) -> None:
            if job is not self._job:
                return  # something else is wanted by now
            self._job = None
            try:
                with suppress(Stopped):
                    self._show(off, job.result())
            except Exception as error:  # noqa: BLE001 - told on screen: nobody in Python is waiting
                self._fail(error)

        self._job = Job(lambda _: whole.without(*off, attention=attention), finish=finish, lock=self._lock)
        self._job.start()

    def drop(self) -> None:
        """Forget what runs."""
        if self._job is not None:
            self._job.stop()
            self._job = None

    def settle(self) -> None:
        """Wait for what runs."""
        job = self._job
        if job is not None:
            job.settle()
