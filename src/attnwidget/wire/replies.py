"""Replies that may be asked for again, kept up to a number of bytes: what was used longest ago goes first."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from attnwidget.wire.schema import Wired

    Answer = tuple[Wired, bytes]

LIMIT = 32 << 20  # bytes


class Replies:
    """Remembers answers with arrays.

    Parameters
    ----------
    limit : int
        Bytes of all arrays together; a larger one is not kept at all.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.nbytes = 0
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()

    def answer(self, key: Hashable, compute: Callable[[], Answer]) -> Answer:
        """Return what is kept under a key, else compute and keep it. What raises is not kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        found = compute()
        with self._lock:
            if key not in self._kept and len(found[1]) <= self.limit:
                self._kept[key] = found
                self.nbytes += len(found[1])
            while self.nbytes > self.limit:
                _, (_, oldest) = self._kept.popitem(last=False)
                self.nbytes -= len(oldest)
        return found

    def forget(self) -> None:
        """Drop everything: the numbers are of another text by now."""
        with self._lock:
            self._kept.clear()
            self.nbytes = 0
