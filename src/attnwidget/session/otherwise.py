"""The text on screen as the model computes it without some heads, or under another mask: run in the background."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from attnwidget.session.jobs import Job, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import RLock

    from attnwidget.head_id import HeadId
    from attnwidget.session.jobs import Report
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import MaskMode, Selection

_REPORT_EVERY = 0.25  # seconds between two reports, and before the first
_RUNNING = "running the model with the other mask"


class Wish(NamedTuple):
    """How the text is to be computed otherwise than by the model as it is.

    Attributes
    ----------
    off : tuple of HeadId
        Without these heads.
    mask : str, list or None
        Under this mask, as `masks.plain` writes it; None is the model's own.
    mode : "head" or "model"
        Whether each head is by itself under it, or the model is run with it.
    """

    off: tuple[HeadId, ...] = ()
    mask: Any = None
    mode: MaskMode = "head"

    @classmethod
    def of(cls, selection: Selection) -> Wish:
        """Read it off a selection: without a mask no mode is wished for."""
        mode: MaskMode = "head" if selection.mask is None else selection.mask_mode
        return cls(tuple(selection.off), selection.mask, mode)

    @property
    def reach(self) -> str:
        """How far the mask reaches, in words."""
        return "in all layers" if self.mode == "model" else "each head alone"

    def carried_out(
        self, whole: AttentionTrace, attention: str, on_layer: Callable[[int, int], None]
    ) -> AttentionTrace:
        """Compute the same text so; raise ValueError with the reason where that cannot be."""
        trace = whole.without(*self.off, attention=attention) if self.off else whole
        if self.mask is None:
            return trace
        if self.mode == "model":
            return trace.run_with_mask(self.mask, on_layer)
        return trace.with_mask(self.mask, attention=attention)


AS_THE_MODEL = Wish()


class Otherwise:
    """Computes the text otherwise, the newest wish only.

    Parameters
    ----------
    show : function
        Called with a wish and its trace, under the lock.
    fail : function
        Called with why there is none, under the lock.
    report : function
        Called with how far it is, where it takes long: message, done, total.
    rest : function
        Called when something that was reported is given up.
    lock : RLock
        As of every feed.

    Attributes
    ----------
    now : Wish
        That the trace on screen was made by.
    has_reported : bool
        Whether what runs has said how far it is.
    """

    def __init__(
        self,
        show: Callable[[Wish, AttentionTrace], None],
        fail: Callable[[Exception], None],
        report: Report,
        rest: Callable[[], None],
        lock: RLock,
    ) -> None:
        self.now = AS_THE_MODEL
        self.has_reported = False
        self._show, self._fail, self._tell, self._rest, self._lock = show, fail, report, rest, lock
        self._job: Job[AttentionTrace] | None = None

    def want(self, wish: Wish, whole: AttentionTrace, attention: str) -> None:
        """Compute so, or show the model as it is at once."""
        self.drop()
        if wish == self.now:
            return
        if wish == AS_THE_MODEL:
            self._show(wish, whole)
            return

        def work(job: Job[AttentionTrace]) -> AttentionTrace:
            reported = time.monotonic()

            def on_layer(done: int, total: int) -> None:
                nonlocal reported
                if job.stopped:
                    raise Stopped
                if time.monotonic() - reported > _REPORT_EVERY:
                    job.report(_RUNNING, done, total)
                    reported = time.monotonic()

            return wish.carried_out(whole, attention, on_layer)

        def finish(job: Job[AttentionTrace]) -> None:
            if job is not self._job:
                return  # something else is wanted by now
            self._job = None
            try:
                with suppress(Stopped):
                    self._show(wish, job.result())
            except Exception as error:  # noqa: BLE001 - told on screen: nobody in Python is waiting
                self._fail(error)
            self.has_reported = False

        self._job = Job(work, finish=finish, report=self._report, lock=self._lock)
        self._job.start()

    def _report(self, message: str, done: int, total: int | None) -> None:
        self.has_reported = True
        self._tell(message, done, total)

    def drop(self) -> None:
        """Forget what runs."""
        if self._job is not None:
            self._job.stop()
            self._job = None
        if self.has_reported:
            self.has_reported = False
            self._rest()

    def settle(self) -> None:
        """Wait for what runs."""
        job = self._job
        if job is not None:
            job.settle()
