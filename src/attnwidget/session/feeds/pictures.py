"""Every head's small picture, of the measure that is shown: of a long text first from few queries, then from more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.session.feeds.base import Feed
from attnwidget.session.jobs import Stopped, works_at_once
from attnwidget.wire.pictures import FIRST, THEN, is_sampled, no_pictures, pictures

if TYPE_CHECKING:
    from attnwidget.session.feeds.base import Shown
    from attnwidget.session.jobs import Job
    from attnwidget.wire.schema import Pictures


class PicturesFeed(Feed):
    """Draws them once for a run, an attention and a measure; anew when another measure is chosen."""

    _begun: tuple[int, str, str] | None = None
    _failed = False  # asked again, it is tried again

    def forget(self) -> None:
        """Drop what is known."""
        super().forget()
        self._begun = None

    def follow(self, shown: Shown) -> None:
        """Draw another measure, where one has been drawn."""
        if self._begun not in {None, _about(shown)}:
            self.begin(shown)

    def begin(self, shown: Shown) -> None:
        """Draw them off the main thread."""
        run, trace, selection, *_ = shown
        if self._begun == _about(shown) and not self._failed:
            return
        if self._job is not None:
            self._job.stop()
        self._begun, self._failed = _about(shown), False

        waits = works_at_once()  # somebody does, for the first

        def work(job: Job[Pictures]) -> Pictures:
            trace.prepare(selection.measure, lambda *_: job.report(""))
            about = trace, selection.attention, selection.measure, run, lambda: job.report("")
            if is_sampled(trace, selection.attention):
                first = pictures(*about, queries=FIRST)
                if waits:
                    return first
                job.hand_on(lambda: self._tell(first))
            return pictures(*about, queries=THEN)

        def finish(job: Job[Pictures]) -> None:
            try:
                self._tell(job.result())
            except Stopped:
                raise
            except Exception as error:  # noqa: BLE001  (said beside the heads, which can be chosen without)
                self._failed = True
                self._tell(no_pictures(selection.measure, run, error))

        self._work(work, finish)


def _about(shown: Shown) -> tuple[int, str, str]:
    return shown.run, shown.selection.attention, shown.selection.measure
