"""The front end's code: packed, and once for all widgets of a kernel.

A saved notebook keeps every widget's state. So the state holds a small loader (`js/src/loader.ts`) and a reference to
one shared model with the packed code; where a host cannot share models, the code itself.
"""

from __future__ import annotations

import base64
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
from traitlets import Instance, Unicode

from attnwidget.hosts import in_marimo

_STATIC = Path(__file__).parent / "static"


class Bundle:
    """A front end's code, as `js/build.mjs` builds it.

    Parameters
    ----------
    name : str
        Of its code.
    loader : str
        The file of the small module that finds it.
    figures : str, optional
        The file of what travels beside it.
    """

    def __init__(self, name: str, loader: str, figures: str = "") -> None:
        self._packed, unpacked = _STATIC / f"{name}.js.gz", _STATIC / f"{name}.js"
        self._figures = _STATIC / figures if figures else None
        for path in (_STATIC / loader, self._packed, self._figures):
            if path and not path.exists():
                missing = f"{path} is missing: in a clone, `make build` makes it (Node 20); a wheel brings it along"
                raise ImportError(missing)
        self.loader = (_STATIC / loader).read_text(encoding="utf-8")
        # anywidget's hot reloading follows the code as it is, which a wheel leaves out.
        self.followed = os.environ.get("ANYWIDGET_HMR") == "1" and unpacked.exists()
        # A path, which anywidget watches, keeps every widget alive after its end.
        self.esm: Path | str = unpacked if self.followed else self.loader

    @cached_property
    def packed(self) -> bytes:
        """The code: a JavaScript module, gzip."""
        return self._packed.read_bytes()

    @cached_property
    def text(self) -> str:
        """The same as a state holds it."""
        return base64.b64encode(self.packed).decode()

    @property
    def figures(self) -> str:
        """What travels beside it, as a state holds it; empty where nothing does."""
        return base64.b64encode(self._figures.read_bytes()).decode() if self._figures else ""


WIDGET = Bundle("widget", "loader.js", "figures.js.gz")
LAB = Bundle("lab", "lab-loader.js")


def packed() -> bytes:
    """Return the widget's code: a JavaScript module, gzip."""
    return WIDGET.packed


class FrontEnd(anywidget.AnyWidget):
    """The model that holds the code, and imports it as soon as a browser has it. It shows nothing.

    As text: that travels through every host, and through saved notebooks.
    """

    bundle = WIDGET
    _esm = WIDGET.loader
    _code = Unicode().tag(sync=True, echo_update=False)
    _figures = Unicode().tag(sync=True, echo_update=False)  # what draws them in a notebook without a kernel

    _shared: FrontEnd | None = None

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take nothing from a browser: what one wrote here, all others would run."""

    @classmethod
    def shared(cls) -> FrontEnd:
        """Return this kernel's one; a new one if that was closed, as `Widget.close_all` does."""
        if cls._shared is None or cls._shared.comm is None:
            cls._shared = cls(_code=cls.bundle.text, _figures=cls.bundle.figures)
        return cls._shared


class LabFrontEnd(FrontEnd):
    """The same for the lab's code."""

    bundle = LAB
    _esm = LAB.loader

    _shared: FrontEnd | None = None


def begin() -> None:
    """Have the browser import the code while a model runs, in a host that can share it."""
    if not WIDGET.followed and not in_marimo():
        FrontEnd.shared()


class PackedWidget(anywidget.AnyWidget):
    """`AnyWidget` with a front end of this package: a subclass with another one names that and its `_esm`."""

    _home: type[FrontEnd] = FrontEnd
    _esm = WIDGET.esm

    # The browser reads one of the two; marimo would send them round with every change.
    _front_end = Instance(FrontEnd, allow_none=True).tag(
        sync=True, echo_update=False, **ipywidgets.widget_serialization
    )
    _code = Unicode().tag(sync=True, echo_update=False)

    def __init__(self, **traits: Any) -> None:
        bundle = self._home.bundle
        if not bundle.followed:
            traits |= {"_code": bundle.text} if in_marimo() else {"_front_end": self._home.shared()}
        super().__init__(**traits)
