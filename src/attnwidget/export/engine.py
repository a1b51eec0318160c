"""Runs the front end's own figure code in a JavaScript engine inside Python: one layout for the screen and the file."""

from __future__ import annotations

import base64
import struct
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import quickjs

from attnwidget.export.small import SIGNATURE, chunk

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODE = Path(__file__).parents[1] / "static" / "figure.js"
_MEMORY = 1 << 30  # bytes that a figure may take while it is drawn


@cache
def _code() -> str:
    if not _CODE.exists():
        raise ImportError(f"{_CODE} is missing: in a clone, `make build` makes it (Node 20); a wheel brings it along")
    return _CODE.read_text(encoding="utf-8")


def draw(handed: Mapping[str, Any], seconds: float | None = None) -> str:
    """Draw a figure, on any thread: every call has an engine of its own.

    Parameters
    ----------
    handed : mapping
        What `js/src/figure/kernel.ts` takes.
    seconds : float, optional
        How long it may take.

    Returns
    -------
    str
        SVG.

    Raises
    ------
    RuntimeError
        If it cannot be drawn, or not in that time.
    """
    engine = quickjs.Context()
    engine.set_memory_limit(_MEMORY)
    engine.add_callable("encodePng", _png)
    engine.eval(_code())
    if seconds is not None:
        engine.set_time_limit(seconds)
    engine.set("handed", msgspec.json.encode(handed).decode())
    try:
        return str(engine.eval("attnwidget.figure(handed)"))
    except quickjs.JSException as error:
        raise RuntimeError(f"the figure could not be drawn: {error}") from None


def _png(pixels: str, wide: float, high: float) -> str:
    """Pack pixels, base64 of (height, width, 4) bytes, as a PNG in a data URI."""
    width, height = int(wide), int(high)  # JavaScript's numbers may be floats
    row = 4 * width
    raw = base64.b64decode(pixels)
    lines = b"".join(b"\0" + raw[at : at + row] for at in range(0, row * height, row))
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
