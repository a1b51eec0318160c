"""Slow work off the kernel's main thread: it reports, and it can be stopped."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    Report = Callable[[str, int, int | None], None]

T = TypeVar("T")

_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="attnwidget")
_queue = ThreadPoolExecutor(max_workers=1, thread_name_prefix="attnwidget-queue")


class Stopped(Exception):  # noqa: N818  (an outcome that was asked for, not an error)
    """The work was stopped by its user."""

    def __str__(self) -> str:
        return "stopped"


class Job(Generic[T]):
    """One piece of slow work.

    Parameters
    ----------
    work : function
        Called with the job, on another thread if an event loop runs, else at once.
    finish : function
        Called with the job on the main thread when the work is over, however it ended.
    report : function, optional
        Called with (message, done, total) on the main thread; total is None where it is not known.
    queued : bool
        For work that nobody waits for: one piece after another, so that threads are left for what is asked.
    """

    def __init__(
        self,
        work: Callable[[Job[T]], T],
        *,
        finish: Callable[[Job[T]], None],
        report: Report | None = None,
        queued: bool = False,
    ) -> None:
        self._pool = _queue if queued else _threads
        self._work = work
        self._finish = finish
        self._report = report
        self._stop = threading.Event()
        self._settled = False
        self._loop = running_loop()
        self._future: Future[T] = Future()

    def start(self) -> None:
        """Begin."""
        if self._loop is None:
            self._do()
            self.settle()
        else:
            self._pool.submit(self._do)

    def _do(self) -> None:
        try:
            self._future.set_result(self._work(self))
        except BaseException as error:  # noqa: BLE001  (kept for whoever asks for the result)
            self._future.set_exception(error)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.settle)

    def report(self, message: str, done: int = 0, total: int | None = None) -> None:
        """Say how far the work is, or raise `Stopped`."""
        if self._stop.is_set():
            raise Stopped
        if self._loop is None:
            self._pass_on(message, done, total)
        else:
            self._loop.call_soon_threadsafe(self._pass_on, message, done, total)

    def _pass_on(self, message: str, done: int, total: int | None) -> None:
        if self._report is not None and not self._settled and not self._stop.is_set():
            self._report(message, done, total)

    def stop(self) -> None:
        """Ask the work to end at its next report."""
        self._stop.set()

    def settle(self) -> None:
        """Wait for the end of the work and call `finish`, once: the main thread may not wait for the loop to do it."""
        self._future.exception()
        if not self._settled:
            self._settled = True
            self._finish(self)

    def result(self) -> T:
        """Return what the work gave, or raise what it raised."""
        return self._future.result()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop of a live kernel, or None in a plain script."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
