"""The request server: a message in, a reply out, whatever happens in between."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec

from attnwidget.wire.schema import AnyRequest, Cancel, Failure, ProgressEvent, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from attnwidget.wire.schema import Wired

    Alive = Callable[..., None]  # (done, total), where they are known; raises once nobody waits for the reply
    Handler = Callable[[Any, Alive], "Wired | tuple[Wired, bytes] | None"]

REPORT_EVERY = 0.5  # seconds between two events of progress
PATIENCE = 0.25  # seconds that heavy work waits for what is quick

logger = logging.getLogger(__name__)


class CancelledError(Exception):
    """Nobody waits for this any more."""


class StaleError(Exception):
    """The request is about a text that is no longer on screen."""


class RequestServer:
    """Answers requests. Each is checked against the schema, and each gets exactly one reply.

    Parameters
    ----------
    handlers : mapping
        For each kind of request a function from it, and from a function to call between two pieces of work (with how
        much is done of how much, where that is known), to the result, with bytes where there is an array.
    send : function
        Called with a reply and its buffers, on the thread where it was made.
    slow : collection of request types
        Those whose handlers run on another thread, so that the next message, perhaps to cancel them, is not kept
        waiting.
    heavy : collection of request types
        Those of the slow ones that compute for long, in small pieces: they let every other slow request pass.
    start : function
        Starts a slow handler; called with ``heavy=True`` for heavy ones.
    """

    def __init__(
        self,
        handlers: Mapping[type[Request], Handler],
        send: Callable[[dict[str, Any], list[bytes]], None],
        *,
        slow: Collection[type[Request]] = (),
        heavy: Collection[type[Request]] = (),
        start: Callable[..., None] = lambda work, **_: work(),
    ) -> None:
        self._handlers = handlers
        self._send = send
        self._slow = slow
        self._heavy = heavy
        self._quick = 0  # slow requests under way that are not heavy
        self._passed = threading.Condition()
        self._start = start
        self._cancelled: dict[str, threading.Event] = {}  # of the requests that are open

    def receive(self, message: Any) -> None:
        """Answer a message, now or soon."""
        number = message.get("id") if isinstance(message, dict) else None
        try:
            request: Request = msgspec.convert(message, AnyRequest)
        except msgspec.ValidationError as error:
            failure = Failure(message=f"this request cannot be read: {error}")
            self._reply(number if isinstance(number, str) else None, failure)
            return
        if isinstance(request, Cancel):
            for one in request.requests:
                self._cancelled.get(one, threading.Event()).set()
            self._reply(request.id, None)
            return
        cancelled = threading.Event()
        if self._cancelled.setdefault(request.id, cancelled) is not cancelled:
            return  # asked again, and being worked on
        if type(request) in self._heavy:
            self._start(lambda: self._work(request, cancelled), heavy=True)
        elif type(request) in self._slow:
            self._count(1)
            self._start(lambda: self._work_quickly(request, cancelled))
        else:
            self._work(request, cancelled)

    def _count(self, step: int) -> None:
        with self._passed:
            self._quick += step
            self._passed.notify_all()

    def _work_quickly(self, request: Request, cancelled: threading.Event) -> None:
        try:
            self._work(request, cancelled)
        finally:
            self._count(-1)

    def _work(self, request: Request, cancelled: threading.Event) -> None:
        reported = time.monotonic()
        is_heavy = type(request) in self._heavy

        def alive(done: int = 0, total: int = 0) -> None:
            nonlocal reported
            if is_heavy:
                with self._passed:
                    self._passed.wait_for(lambda: self._quick == 0, PATIENCE)
            if cancelled.is_set():
                raise CancelledError
            if total and time.monotonic() - reported > REPORT_EVERY:
                reported = time.monotonic()
                self._send(ProgressEvent(id=request.id, done=done, total=total).to_state(), [])

        answer: Any = Failure(message="interrupted")  # Ctrl-C, or the end of the kernel
        try:
            alive()
            answer = self._handlers[type(request)](request, alive)
        except CancelledError:
            answer = Failure(message="cancelled", kind="cancelled")
        except StaleError:
            answer = Failure(message="another text is on screen", kind="stale")
        except Exception as error:  # every failure must reach the browser, or it would wait for ever
            logger.debug("request %r failed", request, exc_info=True)
            answer = Failure(message=str(error) or type(error).__name__)
        finally:
            self._cancelled.pop(request.id, None)
            self._reply(request.id, answer)

    def _reply(self, number: str | None, answer: Any) -> None:
        if isinstance(answer, Failure):
            self._send(Reply(id=number, error=answer).to_state(), [])
            return
        result, *buffers = answer if isinstance(answer, tuple) else (answer,)
        ok = {} if result is None else result.to_state()
        self._send(Reply(id=number, ok=ok).to_state(), buffers)
