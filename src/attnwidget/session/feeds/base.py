"""What every feed is: something that fills one state of the wire as what is shown moves on."""

from __future__ import annotations

from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from attnwidget.session.jobs import Job, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from attnwidget.head_id import HeadId
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Selection, Wired

T = TypeVar("T")


class Shown(NamedTuple):
    """What stands on screen, or is about to."""

    run: int
    trace: AttentionTrace
    selection: Selection
    model: Any = None  # None where there is none
    tokenizer: Any = None
    as_is: AttentionTrace | None = None  # where heads are off: the trace of the model with all of them
    off: tuple[HeadId, ...] = ()  # those without which `trace` was made

    @property
    def whole(self) -> AttentionTrace:
        """The trace of the model as it is."""
        return self.trace if self.as_is is None else self.as_is


class Feed:
    """Fills one state, and no other.

    Parameters
    ----------
    tell : function
        Called with each new value of the state, on whichever thread it was made.
    lock : RLock, optional
        Held while a feed is told anything, and while its work ends.
    """

    def __init__(self, tell: Callable[[Wired], None], lock: RLock | None = None) -> None:
        self._tell = tell
        self._lock = lock or RLock()
        self._job: Job[Any] | None = None

    def follow(self, shown: Shown) -> None:
        """Take notice of another selection, or of another run: tell what must be there at once."""

    def begin(self, shown: Shown) -> None:
        """Make what can wait until the first drawing; what was made or begun already is not made again."""

    def forget(self) -> None:
        """Drop what is known: another run, or another attention, is on screen."""
        if self._job is not None:
            self._job.stop()
            self._job = None

    def settle(self) -> None:
        """Wait for what runs."""
        if self._job is not None:
            self._job.settle()

    def close(self) -> None:
        """End whatever runs."""
        self.forget()

    def _work(self, work: Callable[[Job[T]], T], finish: Callable[[Job[T]], None], **how: Any) -> None:
        """Work as a `Job` does; its end is left out if it is forgotten, or other work of this feed has begun."""

        def end(job: Job[T]) -> None:
            if job is self._job:
                self._job = None
                with suppress(Stopped):
                    finish(job)

        self._job = Job(work, finish=end, lock=self._lock, **how)
        self._job.start()
