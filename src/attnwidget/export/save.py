"""What the *Save* menu asks for, by format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget.export.figure import Figure, figure_of
from attnwidget.export.numbers import csv_file
from attnwidget.export.page import page
from attnwidget.wire.schema import Save, SaveReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from attnwidget.session import Session


def _drawn(session: Session, ask: Save, alive: Callable[..., None]) -> Figure:
    return figure_of(session, width=ask.width, theme=ask.theme, background=ask.background, alive=alive)


FORMATS: dict[str, tuple[str, Callable[[Session, Save, Callable[..., None]], bytes]]] = {
    "svg": ("image/svg+xml", lambda *about: _drawn(*about).svg.encode()),
    "png": ("image/png", lambda *about: _drawn(*about).png()),
    "pdf": ("application/pdf", lambda *about: _drawn(*about).pdf()),
    "csv": ("text/csv;charset=utf-8", lambda session, _, alive: csv_file(session, alive)),
    "html": ("text/html", lambda session, _, alive: page(session, alive=alive)),
}
"""By format, its media type and what makes the bytes of it from (session, request, alive)."""


def save(session: Session, ask: Save, alive: Callable[..., None]) -> tuple[SaveReply, bytes]:
    """Make the file that is asked for; between steps of long work `alive` is called with how far that is."""
    mime, make = FORMATS[ask.format]
    return SaveReply(name=f"attention.{ask.format}", mime=mime), make(session, ask, alive)
