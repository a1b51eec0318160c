"""Figures of what a session shows: SVG, PNG and PDF, for a paper or a slide."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from attnwidget import measures
from attnwidget.export import render
from attnwidget.export.engine import draw
from attnwidget.session import Session
from attnwidget.trace import AttentionTrace
from attnwidget.wire import schema, tiles
from attnwidget.wire.cells import TILE, cells
from attnwidget.wire.envelope import pack
from attnwidget.wire.lines import lines
from attnwidget.wire.pictures import pictures
from attnwidget.wire.profile import profile
from attnwidget.wire.schema import VIEWS, Selection, Texts

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    Alive = Callable[..., None]

Theme = Literal["light", "dark"]
_WHOLE = 512  # rows of a text all of whose numbers are handed over, as in the browser
_NUMBERS = 1 << 20  # that are handed over at most
_SHOWN = 16  # rows of a longer text that lines are drawn of, and
_EACH = {False: 6, True: 3}  # how many of each, by whether there are several heads: as js/src/figure/lines.ts has it
_SAMPLED = 4096  # tokens of a text of which not every query is looked at for a matrix
_TOGETHER = 4  # more heads are one
_INCHES = (1, 60)
_PICTURE = 4.5  # inches of the picture in a notebook's output
_LINES = 30  # that it draws at most: each takes its kilobyte
_NOTE = "A still picture. Live: run the cell, or, if its state was saved, File → Trust Notebook."
_SECONDS = 1.0  # that it may take


@dataclass(frozen=True)
class Figure:
    """A picture, ready to be saved.

    Attributes
    ----------
    svg : str
        As an SVG file, with its text as text.
    """

    svg: str

    def png(self, density: float = 2) -> bytes:
        """Return it as a PNG file with `density` pixels a px; an inch has 96 px, so 2 is 192 dpi."""
        return render.png(self.svg, density)

    def pdf(self) -> bytes:
        """Return it as a PDF file, vectors and text; takes ``pip install 'attnwidget[pdf]'``."""
        return render.pdf(self.svg)

    def save(self, path: str | os.PathLike[str], *, density: float = 2) -> None:
        """Write it to a file, whose ending says as what: .svg, .png or .pdf.

        Raises
        ------
        ValueError
            If the file ends otherwise.
        ImportError
            If it is to be a PDF, and the extra is not installed.
        """
        where = Path(path)
        make = {".svg": self.svg.encode, ".png": lambda: self.png(density), ".pdf": self.pdf}
        if where.suffix.lower() not in make:
            raise ValueError(f"a figure is saved as .svg, .png or .pdf, not as {where.name!r}")
        where.write_bytes(make[where.suffix.lower()]())

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        width, height = render.size_of(self.svg)
        return self.png(), {"width": round(width), "height": round(height)}


def figure(
    source: AttentionTrace | Session,
    *,
    width: float | None = None,
    theme: Theme = "light",
    background: bool = True,
    caption: bool = True,
    **selection: Any,
) -> Figure:
    """Draw what a widget would show, without a widget.

    Parameters
    ----------
    source : AttentionTrace or Session
        Attention that was captured, or what a widget is made of.
    width : float, optional
        Inches: 3.3 for a column of a paper, 10 for a slide; letters and spaces follow. Without it as on screen.
    theme : "light" or "dark"
        Colours.
    background : bool
        Whether there is a ground; else the figure is transparent.
    caption : bool
        Whether the model, the text, the layer and head, the formula and the version stand below.
    **selection
        What is shown, as in `AttentionWidget`: `view`, `heads`, `layer`, `queries`, `keys`, `attention`, `measure`,
        `threshold`, `words`, `combine`, `what_if`, `off`, `target`. Of a session, as it is where nothing is said.

    Returns
    -------
    Figure
        With `svg`, `png()`, `pdf()` and `save(path)`.

    Raises
    ------
    TypeError, ValueError, IndexError
        If a name or a value is wrong; the message says what there is.
    """
    known = Selection.__struct_fields__
    unknown = sorted(set(selection) - set(known))
    if unknown:
        raise TypeError(f"unknown keyword {', '.join(map(repr, unknown))}; known: {', '.join(known)}")
    trace = source.settled() if isinstance(source, Session) else source
    if not isinstance(trace, AttentionTrace):
        raise TypeError(f"a figure is of an AttentionTrace or a Session, not of {type(source).__name__}")
    if isinstance(source, Session) and not selection:
        shown = source
    else:
        for side in ("queries", "keys"):
            one = selection.get(side)
            if isinstance(one, (str, int)):
                selection[side] = [one]
        shown = Session(probe=False, options=selection)
        shown.open(trace, Texts(), None)
    return figure_of(shown, width=width, theme=theme, background=background, caption=caption)


def figure_of(
    session: Session,
    *,
    width: float | None = None,
    theme: Theme = "light",
    background: bool = True,
    caption: bool = True,
    most: int | None = None,
    note: str = "",
    alive: Alive = lambda *_: None,
    seconds: float | None = None,
) -> Figure:
    """Draw what a session shows.

    Parameters
    ----------
    session : Session
        With a trace.
    width, theme, background, caption
        As of `figure`.
    most : int, optional
        How many lines at most, the strongest.
    note : str
        What stands below all else.
    alive : function
        Called between two pieces of work; what it raises stops the work.
    seconds : float, optional
        How long it may take.

    Raises
    ------
    ValueError, TypeError
        If the session shows nothing yet, or an option is wrong.
    TimeoutError, RuntimeError
        If it takes longer.
    """
    if width is not None and not (isinstance(width, (int, float)) and _INCHES[0] <= width <= _INCHES[1]):
        raise ValueError(f"width is in inches, from {_INCHES[0]} to {_INCHES[1]}, not {width!r}")
    if theme not in {"light", "dark"}:
        raise ValueError(f'theme must be "light" or "dark", not {theme!r}')
    end = math.inf if seconds is None else time.monotonic() + seconds

    def go_on(*how: Any) -> None:
        alive(*how)
        if time.monotonic() > end:
            raise TimeoutError(f"the figure takes longer than {seconds} s")

    is_late = session.trace is not None and not session.trace.is_prepared(session.selection.measure)
    if seconds is not None and is_late:
        raise TimeoutError("the model would have to run once more for these numbers")
    options = {"width": width, "theme": theme, "background": background, "caption": caption, "most": most, "note": note}
    with session.lock:
        trace, now, run = session.trace, session.selection, session.run_number
        now = replace(now, heads=measures.get(now.measure).apart(now.heads))
        states = {name: session.states.get(name) for name in ("outline", "categories", "breakdown", "effects")}
    if trace is None:
        raise ValueError("there is nothing to draw yet: no text has been run")
    handed = {
        "options": options,
        "selection": now,
        **{name: None if one is None else one.to_state() for name, one in states.items()},
        **_numbers(trace, now, run, go_on),
    }
    go_on()
    return Figure(draw(handed, None if seconds is None else max(0.05, end - time.monotonic())))


def output_picture(session: Session) -> tuple[bytes, dict[str, int]]:
    """Draw what stands beside a widget in a notebook's output, for readers whom no widget reaches.

    Returns
    -------
    png : bytes
        At twice the density, with few colours.
    size : dict
        Its width and height in px.
    """
    drawn = figure_of(session, width=_PICTURE, most=_LINES, note=_NOTE, seconds=_SECONDS)
    width, height = render.size_of(drawn.svg)
    return render.png(drawn.svg, 2, small=True), {"width": round(width), "height": round(height)}


def _numbers(trace: AttentionTrace, now: Selection, run: int, alive: Alive) -> dict[str, Any]:
    """Compute what the view draws: all pairs of a short text, of a longer one what the figure shows of it."""
    nothing: dict[str, Any] = dict.fromkeys(("tiles", "found", "profile", "cells", "pictures"))
    drawn = VIEWS[now.view]
    if drawn == "pictures":
        return {**nothing, "pictures": pictures(trace, now.attention, now.measure, run, alive)}
    if drawn != "tiles":
        return nothing
    sides = trace.sides(now.attention)
    n, m = (len(side.word_texts if now.words else side.text) for side in sides)
    about: dict[str, Any] = {"words": now.words, "measure": now.measure}
    if max(n, m) <= _WHOLE and n * m * len(now.heads) <= _NUMBERS:
        whole = tiles.tile(trace, now.heads, attention=now.attention, **about)  # (heads, n, m)
        return {**nothing, "tiles": pack(whole)}
    if now.view == "matrix":
        found = _cells(trace, now, run, max(n, m), alive)
        return {**nothing, "cells": found, "profile": _profile(trace, now, run, alive)}
    if now.view == "text":
        return {**nothing, "profile": _profile(trace, now, run, alive, opens=True)}
    pinned = [_units(side.words, at, words=now.words) for side, at in zip(sides, (now.queries, now.keys), strict=True)]
    together = _together(now)
    by_keys = bool(pinned[1]) and not pinned[0]
    asked = pinned[1][:_SHOWN] if by_keys else _window(pinned[0], n)
    ask = schema.Lines(
        id="",
        heads=now.heads,
        together=together,
        side="key" if by_keys else "query",
        spans=[(one, one + 1) for one in asked],
        count=_EACH[len(now.heads) > 1 and together is None],
        **about,
    )
    reply, data = lines(trace, now.attention, ask, run, alive)
    found = {"side": ask.side, "asked": asked, "rows": reply.rows, **_array(reply, data)}
    return {**nothing, "found": found, "profile": _profile(trace, now, run, alive)}


def _cells(trace: AttentionTrace, now: Selection, run: int, count: int, alive: Alive) -> dict[str, Any]:
    """Compute a whole matrix in at most 256 × 256 cells; of a very long text from some of its queries."""
    level = max(0, math.ceil(math.log2(count / TILE)))
    ask = schema.Cells(
        id="",
        heads=now.heads,
        together="mean" if len(now.heads) > 1 else None,
        level=level,
        row=0,
        column=0,
        sampled=count > _SAMPLED,
        words=now.words,
        measure=now.measure,
    )
    reply, data = cells(trace, now.attention, ask, run, alive)
    return {"level": level, "step": reply.step, **_array(reply, data)}


def _profile(
    trace: AttentionTrace, now: Selection, run: int, alive: Alive, *, opens: bool = False
) -> dict[str, Any] | None:
    """Compute the numbers of what is pinned against all of the other side.

    Where nothing is pinned, None, or where the text `opens` with it, those of its last token that is no mark.
    """
    if not now.queries and not now.keys:
        if not opens:
            return None
        special = trace.sides(now.attention)[0].special
        now = replace(now, queries=[max((at for at, mark in enumerate(special) if not mark), default=0)])
    ask = schema.Profile(
        id="",
        heads=now.heads,
        together=_together(now),
        queries=now.queries,
        keys=[] if now.queries else now.keys,
        combine=now.combine,
        words=now.words,
        measure=now.measure,
    )
    reply, data = profile(trace, now.attention, ask, run, alive)
    side = trace.sides(now.attention)[0 if now.queries else 1]
    of = _units(side.words, now.queries or now.keys, words=now.words)
    return {"side": "key" if now.queries else "query", "of": of, **_array(reply, data)}


def _together(now: Selection) -> Literal["mean"] | None:
    return "mean" if len(now.heads) > _TOGETHER else None


def _array(reply: schema.LinesReply | schema.ProfileReply | schema.CellsReply, data: bytes) -> dict[str, Any]:
    return {"dtype": reply.dtype, "shape": reply.shape, "data": data}


def _units(word_of: Sequence[int], positions: Sequence[int], *, words: bool) -> list[int]:
    return list(dict.fromkeys(word_of[at] for at in positions)) if words else list(positions)


def _window(pinned: Sequence[int], count: int) -> list[int]:
    """Return the rows around the first that is pinned, and the other pinned ones; without any, the first rows."""
    first = max(0, min(count - _SHOWN, (pinned[0] if pinned else 0) - _SHOWN // 2))
    return sorted({*range(first, min(first + _SHOWN, count)), *pinned[:_SHOWN]})
