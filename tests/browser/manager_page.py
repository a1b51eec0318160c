"""Widget managers of hosts that run elsewhere, on a page of ours: their code, a kernel's comms that end in the test."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ipywidgets.widgets.widget import _remove_buffers

from attnwidget.front_end import FrontEnd

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from attnwidget import AttentionWidget

ROOT = Path(__file__).parents[2]
PAGE = Path(__file__).with_name("manager_page.html")
ANYWIDGET = Path(sys.prefix) / "share/jupyter/nbextensions/anywidget/index.js"

_spec = importlib.util.spec_from_file_location("get_managers", ROOT / "scripts/get_managers.py")
_managers = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_managers)


def manager(package: str) -> Path:
    """Return a manager's code, fetched before by `make managers`, or skip."""
    path = _managers.path_of(package)
    if not path.exists():
        pytest.skip(f"{package} is not here: `make managers` fetches it from the npm registry")
    return path


class Comm:
    """Takes the place of a widget's comm."""

    def __init__(self, name: str, outbox: list[dict[str, Any]]) -> None:
        self.comm_id = name
        self.outbox = outbox

    def send(self, data: dict[str, Any], buffers: list[Any] | None = None, **_: Any) -> None:
        """Keep a message for the page."""
        packed = [base64.b64encode(bytes(one)).decode() for one in buffers or []]
        self.outbox.append({"comm": self.comm_id, "data": json.loads(json.dumps(data, default=str)), "buffers": packed})

    def on_msg(self, _callback: object) -> None:
        """Accept what ipywidgets registers."""

    def close(self, *_: object, **__: object) -> None:
        """Accept the end."""


class Kernel:
    """A widget, its layout and the shared front end, as the managers get to know them."""

    def __init__(self, context: BrowserContext, widget: AttentionWidget) -> None:
        self.widget = widget
        code = FrontEnd.shared()
        self.widgets = {"layout": widget.layout, "code-layout": code.layout, "code": code, "widget": widget}
        self.before = {name: one.comm for name, one in self.widgets.items()}
        self.outbox: list[dict[str, Any]] = []
        self.inbox: list[dict[str, Any]] = []
        for name, one in self.widgets.items():
            one.comm = Comm(name, self.outbox)
        self.asked: list[str] = []
        context.expose_function("toKernel", lambda text: self.inbox.append(json.loads(text)))
        context.expose_function("fromKernel", self.deliver)
        context.expose_function("opened", self.opened)
        context.expose_function("trait", lambda name: json.loads(json.dumps(getattr(widget, name))))

    def opened(self) -> list[dict[str, Any]]:
        """Return what opens each comm."""
        messages = []
        for name, one in self.widgets.items():
            state, paths, buffers = _remove_buffers(one.get_state())
            packed = [base64.b64encode(bytes(raw)).decode() for raw in buffers]
            message = {"comm": name, "state": state, "buffer_paths": paths, "buffers": packed}
            messages.append(json.loads(json.dumps(message, default=str)))
        return messages

    def deliver(self) -> list[dict[str, Any]]:
        """Work on what came in and hand over what goes out."""
        while self.inbox:
            message = self.inbox.pop(0)
            one, data = self.widgets[message["comm"]], message["data"]
            if data["method"] == "update":
                one.set_state(data["state"])
            elif data["method"] == "custom":
                self.asked.append(data["content"]["ask"])
                one._handle_custom_msg(data["content"], [])
        return [self.outbox.pop(0) for _ in range(len(self.outbox))]  # another thread may be adding to it

    def end(self) -> None:
        """Give the shared front end its comm back."""
        for name, one in self.widgets.items():
            one.comm = self.before[name]
