"""What the feeds of effects share: long work that its reader may end, and keep what was computed until then."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from attnwidget.effects import Enough
from attnwidget.session.feeds.base import Feed

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import RLock

    from attnwidget.effects import Asked
    from attnwidget.session.jobs import Job
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Wired

_REPORT_EVERY = 0.25  # seconds


class LongFeed(Feed):
    """Work that somebody may end, and keep what was computed until then."""

    def __init__(self, tell: Callable[[Wired], None], lock: RLock | None = None) -> None:
        super().__init__(tell, lock)
        self._enough = threading.Event()

    def forget(self) -> None:
        """Keep on: what is computed is of the model as it is, which `follow` looks to."""

    def close(self) -> None:
        """End whatever runs."""
        super().forget()

    def stop(self) -> None:
        """End what runs; what is there stays."""
        self._enough.set()

    def _begin(self, work: Callable[[Job[Any], threading.Event], Any], finish: Callable[[Job[Any]], None]) -> None:
        super().forget()
        enough = self._enough = threading.Event()
        self._work(lambda job: work(job, enough), finish)


def counting(job: Job[Any], enough: threading.Event, tell: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Return what is called after every pass: it tells now and then, and raises where the end is wanted."""
    reported = time.monotonic()

    def on_done(done: int, total: int) -> None:
        nonlocal reported
        if enough.is_set():
            raise Enough
        if time.monotonic() - reported > _REPORT_EVERY:
            reported = time.monotonic()
            job.hand_on(lambda: tell(done, total))
        else:
            job.report("")

    return on_done


def labels_of(asked: Asked, trace: AttentionTrace) -> list[str]:
    """Return how the tokens of a target read; none of a loss, or where there is no vocabulary."""
    if asked.kind in {"loss", "output"} or not trace.predictions.predicts:
        return []
    return trace.predictions.labels(list(asked.ids))
