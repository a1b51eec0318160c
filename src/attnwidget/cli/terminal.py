"""What the commands say to the person at the terminal: on stderr, beside whatever goes to a file."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from attnwidget.replacing import replacing

_EVERY = 0.5  # seconds between two words on how far something is


def say(message: str) -> None:
    """Say a line."""
    print(f"attnwidget: {message}", file=sys.stderr, flush=True)  # noqa: T201


class Steps:
    """Says what is being done, a line for each new thing; how far it is only on a terminal, where it is written over.

    Parameters
    ----------
    quiet : bool
        Whether to say nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._said = ""
        self._at = 0.0
        self._is_open = False  # a line that is to be written over

    def __call__(self, what: str, done: int = 0, total: int | None = None) -> None:
        """Say what is being done, and how far it is."""
        if self._quiet or not what:
            return
        if what != self._said:
            self.end()
            say(f"{what} …")
            self._said = what
        if total and sys.stderr.isatty() and time.monotonic() - self._at > _EVERY:
            self._at, self._is_open = time.monotonic(), True
            print(f"\r  {100 * done // total:3d} %", end="", file=sys.stderr, flush=True)  # noqa: T201

    def end(self) -> None:
        """Leave the line that is written over."""
        if self._is_open:
            print("\r       \r", end="", file=sys.stderr)  # noqa: T201
            self._is_open = False


def checked_output(name: str) -> Path:
    """Return a file's path if it can be written.

    Raises
    ------
    ValueError
        If its folder is not there, or it is one itself.
    """
    path = Path(name)
    if path.is_dir():
        raise ValueError(f"{name} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise ValueError(f"{name} cannot be written: there is no folder {path.parent}")
    return path


def write(path: Path, data: bytes, *, quiet: bool = False) -> None:
    """Write a file whole or not at all, and say so."""
    with replacing(path) as part:
        part.write_bytes(data)
    if not quiet:
        size = f"{len(data) / 1e6:.1f} MB" if len(data) >= 1e6 else f"{max(1, round(len(data) / 1e3))} KB"
        say(f"wrote {path} ({size})")
