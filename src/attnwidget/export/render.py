"""SVG → PNG and PDF, without a browser: by resvg, and by vl-convert where that is installed."""

from __future__ import annotations

import re
import struct
from functools import cache
from pathlib import Path
from typing import Any

import resvg_py

from attnwidget.export.small import chunk, smaller

FONTS = Path(__file__).with_name("fonts")
FAMILY = "Attnwidget Sans"
_SIZE = re.compile(r'(<svg [^>]*?)width="([\d.]+)(in)?" height="([\d.]+)(?:in)?"')
_PIXELS_MAX = 40_000_000  # of a picture: 160 MB while it is drawn

# What the fonts in this package have; of another text the machine's fonts are loaded beside them, which takes a while.
COVERED = re.compile(
    "[\t\n\r -~\u00a0-\u017f\u0391-\u03a1\u03a3-\u03ce\u0401-\u040c\u040e-\u044f\u0451-\u045c\u045e-\u045f\u05d0-\u05ea"
    "–—‘’“”†•…‹›€™←↑→↓−√∞≈≠≤≥■▪▲►▼◄◊○●‖▸␣\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}]*"  # noqa: RUF001
)


def png(svg: str, density: float, *, small: bool = False, skip_system_fonts: bool = False) -> bytes:
    """Draw an SVG file's picture.

    Parameters
    ----------
    svg : str
        As `engine.draw` returns it: its size is in px or in inches.
    density : float
        Pixels a px; an inch has 96 px.
    small : bool
        Whether similar colours become one, so that it takes a third of the bytes; of an opaque picture.
    skip_system_fonts : bool
        Draw with the fonts in this package alone.
    """
    width, height = size_of(svg)
    if not 0 < density <= 20:
        raise ValueError(f"density must be above 0 and at most 20 pixels a px, not {density}")
    if width * height * density**2 > _PIXELS_MAX:
        raise ValueError(
            f"a picture of {width * density:.0f} × {height * density:.0f} pixels is too large: take less density"
        )
    plain = skip_system_fonts or COVERED.fullmatch(re.sub(r"<[^>]*>", "", svg)) is not None
    data = bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            width=round(width * density),
            dpi=96,
            skip_system_fonts=plain,
            font_files=_font_files(),
            font_family=FAMILY,
            sans_serif_family=FAMILY,
        )
    )
    # How large it is meant to be, in pixels a metre: what sets a paper goes by it.
    dots = round(96 * density / 0.0254)
    data = data[:33] + chunk(b"pHYs", struct.pack(">IIB", dots, dots, 1)) + data[33:]
    return smaller(data) if small else data


def size_of(svg: str) -> tuple[float, float]:
    """Return the width and height of one of this package's SVG files, in px."""
    found = _SIZE.match(svg)
    if found is None:
        raise ValueError("this is no figure of this package")
    unit = 96 if found[3] else 1
    return unit * float(found[2]), unit * float(found[4])


@cache
def _font_files() -> list[str]:
    return [str(path) for path in sorted(FONTS.glob("*.ttf"))]


def pdf(svg: str) -> bytes:
    """Write an SVG file's picture as PDF, its text as text.

    Raises
    ------
    ImportError
        If the extra is not installed; the message says how to.
    """
    converter = _converter()
    # It takes a px for a point, of which an inch has 72.
    points = [one * 72 / 96 for one in size_of(svg)]
    sized = _SIZE.sub(lambda found: f'{found[1]}width="{points[0]:.2f}" height="{points[1]:.2f}"', svg, count=1)
    return bytes(converter.svg_to_pdf(sized))


@cache
def _converter() -> Any:
    try:
        import vl_convert
    except ImportError:
        raise ImportError("a PDF takes one more library: pip install 'attnwidget[pdf]'") from None
    vl_convert.register_font_directory(str(FONTS))
    return vl_convert
