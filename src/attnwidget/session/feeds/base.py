"""What every feed is: something that fills one state of the wire as what is shown moves on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from attnwidget.session.jobs import Job
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Selection, Wired


class Shown(NamedTuple):
    """What stands on screen, or is about to."""

    run: int
    trace: AttentionTrace
    selection: Selection
    model: Any = None  # None where there is none
    tokenizer: Any = None


class Feed:
    """Fills one state, and no other.

    Parameters
    ----------
    tell : function
        Called with each new value of the state, on whichever thread it was made.
    """

    def __init__(self, tell: Callable[[Wired], None]) -> None:
        self._tell = tell
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

    def close(self) -> None:
        """End whatever runs."""
        self.forget()
