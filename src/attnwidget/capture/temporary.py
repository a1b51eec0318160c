"""Attributes set for the time of a capture, and given back whatever happens."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass
class _Changed:
    owner: object  # kept alive, so that its id stays its own
    original: Any
    value: Any  # that it has meanwhile
    holders: int = 0


_changed: dict[tuple[int, str], _Changed] = {}
_lock = Lock()


@contextmanager
def set_temporarily(settings: Iterable[tuple[object, str, Any]]) -> Iterator[None]:
    """Set attributes and give back the originals when the last holder leaves.

    Counting holders keeps captures apart that overlap in two threads, or lie within one another,
    on models that share a module or a config: the first one out must not switch off the others,
    and the last one out must not restore what another had set.

    Parameters
    ----------
    settings : iterable of (object, attribute, value)
        All holders of one attribute must set the same value.
    """
    taken: list[tuple[int, str]] = []
    try:
        for owner, name, value in settings:
            key = id(owner), name
            with _lock:
                entry = _changed.setdefault(key, _Changed(owner, getattr(owner, name), value))
                entry.holders += 1
                taken.append(key)
                setattr(owner, name, value)
        yield
    finally:
        for key in taken:
            with _lock:
                entry = _changed[key]
                entry.holders -= 1
                if not entry.holders:
                    # what its owner has set in the meantime stays
                    if getattr(entry.owner, key[1]) == entry.value:
                        setattr(entry.owner, key[1], entry.original)
                    del _changed[key]
