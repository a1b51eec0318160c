"""Slow work off the kernel's main thread: it reports, it can be stopped, and its end finds a way back."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Generic, TypeVar

from attnwidget.hosts import in_marimo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import RLock

    Report = Callable[[str, int, int | None], None]

T = TypeVar("T")

BUSY = 0.25  # seconds after which a main thread that does not answer counts as busy

logger = logging.getLogger(__name__)

_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="attnwidget")
_asked = ThreadPoolExecutor(max_workers=4, thread_name_prefix="attnwidget-asked")  # never behind slow work
_heavy = ThreadPoolExecutor(max_workers=1, thread_name_prefix="attnwidget-heavy")  # it has all cores to itself
_queue = ThreadPoolExecutor(max_workers=1, thread_name_prefix="attnwidget-queue")
_chosen: ContextVar[list[asyncio.AbstractEventLoop | None]] = ContextVar("chosen")  # by those who say which loop
_home: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("home", default=None)  # of work in the background


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
        Called with the job when the work is over, however it ended: on the thread of the event loop, or, while that
        thread is busy with something long, on the work's own.
    report : function, optional
        Called likewise with (message, done, total); total is None where it is not known.
    lock : RLock, optional
        Held while `finish` and `report` are called. The work itself must not take it: who holds it may wait for the
        work's end.
    queued : bool
        For work that nobody waits for: one piece after another, so that threads are left for what is asked.
    """

    def __init__(
        self,
        work: Callable[[Job[T]], T],
        *,
        finish: Callable[[Job[T]], None],
        report: Report | None = None,
        lock: RLock | None = None,
        queued: bool = False,
    ) -> None:
        self._pool = _queue if queued else _threads
        self._work = work
        self._finish = finish
        self._report = report
        self._stop = threading.Event()
        self._lock = lock or threading.RLock()
        self._begun = threading.Lock()
        self._settled = False
        self._loop = running_loop()
        self._future: Future[T] = Future()

    def start(self) -> None:
        """Begin."""
        if self._loop is None:
            self.settle()
        else:
            self._pool.submit(self._do)

    def _do(self) -> None:
        if self._work_once():
            bring_back(self._loop, self.settle)

    def _work_once(self) -> bool:
        """Do the work here, and say so; not if it has been begun elsewhere."""
        if not self._begun.acquire(blocking=False):
            return False
        try:
            self._future.set_result(self._work(self))
        except BaseException as error:  # noqa: BLE001  (kept for whoever asks for the result)
            self._future.set_exception(error)
        return True

    @property
    def stopped(self) -> bool:
        """Whether its end is wanted."""
        return self._stop.is_set()

    def report(self, message: str, done: int = 0, total: int | None = None) -> None:
        """Say how far the work is, or raise `Stopped`."""
        if self.stopped:
            raise Stopped
        if self._loop is None:
            self._pass_on(message, done, total)
        else:
            try:
                self._loop.call_soon_threadsafe(self._pass_on, message, done, total)
            except RuntimeError:  # the loop has ended, and with it the kernel
                raise Stopped from None

    def hand_on(self, act: Callable[[], None]) -> None:
        """Do something with what is there already, where `finish` is called; raise `Stopped` as `report` does."""

        def under_lock() -> None:
            with self._lock:
                if not self.stopped and not self._settled:
                    act()

        self.report("")
        bring_back(self._loop, under_lock)

    def _pass_on(self, message: str, done: int, total: int | None) -> None:
        with self._lock:
            if self._report is not None and not self._settled and not self.stopped:
                self._report(message, done, total)

    def stop(self) -> None:
        """Ask the work to end at its next report."""
        self._stop.set()

    def settle(self) -> None:
        """Wait for the end of the work and call `finish`, once: the main thread may not wait for the loop to do it.

        Work whose turn has not come is done here: all threads may be waiting for a lock that the caller holds.
        """
        self._work_once()
        self._future.exception()
        with self._lock:
            if not self._settled:
                self._settled = True
                self._finish(self)

    def result(self) -> T:
        """Return what the work gave, or raise what it raised."""
        return self._future.result()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop of a live kernel, or None where work is to be done at once: in a plain script."""
    chosen = _chosen.get([])
    if chosen:
        return chosen[0]
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


@contextmanager
def at_once() -> Iterator[None]:
    """Let jobs that start here work at once, kernel or not."""
    before = _chosen.set([None])
    try:
        yield
    finally:
        _chosen.reset(before)


def works_at_once() -> bool:
    """Whether somebody waits for whatever is started here: then it must not take long."""
    return _chosen.get([...])[0] is None


def later(seconds: float, loop: asyncio.AbstractEventLoop, begin: Callable[[], None]) -> None:
    """Begin jobs in a while, also if the loop's thread is busy then."""

    def start() -> None:
        _chosen.set([loop])  # of this thread alone
        try:
            begin()
        except ValueError:
            logger.debug("nothing to begin with", exc_info=True)

    timer = threading.Timer(seconds, start)
    timer.daemon = True
    timer.start()


def in_background(work: Callable[[], None], *, heavy: bool = False) -> None:
    """Do something that somebody waits for on another thread, if an event loop runs; else at once.

    What is heavy is done one after another, on a thread apart: what is quick is never behind it.
    """
    loop = running_loop()

    def there() -> None:
        _home.set(loop)
        work()

    if loop is None:
        work()
    else:
        (_heavy if heavy else _asked).submit(copy_context().run, there)


def bring_home(act: Callable[[], None]) -> None:
    """Do something on the thread where the work that runs now was started."""
    bring_back(_home.get(), act)


def bring_back(loop: asyncio.AbstractEventLoop | None, act: Callable[[], None]) -> None:
    """Do something on the loop's thread; here, if that thread is busy for longer than `BUSY`, or its loop has ended.

    A kernel in a long cell is busy in that sense: what was computed meanwhile still reaches the browser.
    """
    if loop is None:
        act()
        return
    first = threading.Lock()
    begun = threading.Event()

    def once() -> None:
        if first.acquire(blocking=False):
            begun.set()
            try:
                act()
            except Exception:
                logger.exception("bringing back a result failed")

    try:
        loop.call_soon_threadsafe(once)
    except RuntimeError:  # closed
        once()
        return
    if not begun.wait(BUSY) and not in_marimo():
        once()
