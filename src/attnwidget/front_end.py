"""The front end's code: packed, and once for all widgets of a kernel.

A saved notebook keeps every widget's state. So the state holds a small loader (`js/src/loader.ts`) and a reference to
one shared model with the packed code; where a host cannot share models, the code itself.
"""

from __future__ import annotations

import base64
import os
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
from traitlets import Instance, Unicode

from attnwidget.hosts import in_marimo

_STATIC = Path(__file__).parent / "static"
_LOADER, _PACKED, _UNPACKED = (_STATIC / name for name in ("loader.js", "widget.js.gz", "widget.js"))
_FIGURES = _STATIC / "figures.js.gz"
for _path in (_LOADER, _PACKED, _FIGURES):
    if not _path.exists():
        _MISSING = f"{_path} is missing: in a clone, `make build` makes it (Node 20); a wheel brings it along"
        raise ImportError(_MISSING)

# anywidget's hot reloading follows the code as it is, which a wheel leaves out.
_FOLLOWED = os.environ.get("ANYWIDGET_HMR") == "1" and _UNPACKED.exists()


@cache
def packed() -> bytes:
    """Return the code: a JavaScript module, gzip."""
    return _PACKED.read_bytes()


@cache
def _packed_text() -> str:
    return base64.b64encode(packed()).decode()


class FrontEnd(anywidget.AnyWidget):
    """The model that holds the code, and imports it as soon as a browser has it. It shows nothing.

    As text: that travels through every host, and through saved notebooks.
    """

    _esm = _LOADER.read_text(encoding="utf-8")
    _code = Unicode().tag(sync=True, echo_update=False)
    _figures = Unicode().tag(sync=True, echo_update=False)  # what draws them in a notebook without a kernel

    _shared: FrontEnd | None = None

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take nothing from a browser: what one wrote here, all others would run."""

    @classmethod
    def shared(cls) -> FrontEnd:
        """Return this kernel's one; a new one if that was closed, as `Widget.close_all` does."""
        if cls._shared is None or cls._shared.comm is None:
            cls._shared = cls(_code=_packed_text(), _figures=base64.b64encode(_FIGURES.read_bytes()).decode())
        return cls._shared


def begin() -> None:
    """Have the browser import the code while a model runs, in a host that can share it."""
    if not _FOLLOWED and not in_marimo():
        FrontEnd.shared()


class PackedWidget(anywidget.AnyWidget):
    """`AnyWidget` with this front end."""

    # A path, which anywidget watches, keeps every widget alive after its end.
    _esm = _UNPACKED if _FOLLOWED else _LOADER.read_text(encoding="utf-8")

    # The browser reads one of the two; marimo would send them round with every change.
    _front_end = Instance(FrontEnd, allow_none=True).tag(
        sync=True, echo_update=False, **ipywidgets.widget_serialization
    )
    _code = Unicode().tag(sync=True, echo_update=False)

    def __init__(self, **traits: Any) -> None:
        if not _FOLLOWED:
            traits |= {"_code": _packed_text()} if in_marimo() else {"_front_end": FrontEnd.shared()}
        super().__init__(**traits)
