"""A widget in a bare page: the real Python half and the real front end, joined by a comm of our own.

What Jupyter does between them is done here in a few lines, so that a test holds both ends: it sees every
message and every byte, may delay or cut the line, and needs no server.
"""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipywidgets.widgets.widget import _remove_buffers

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PAGE = Path(__file__).with_name("fake_comm.html")
BUNDLE = Path(__file__).parents[2] / "src" / "attnwidget" / "static" / "widget.js"
LONGEST = 60  # seconds that anything may take


class FakeComm:
    """Takes the place of ipywidgets' comm."""

    def __init__(self, comm_id: str = "fake") -> None:
        self.comm_id = comm_id  # that of the comm it replaces: ipywidgets keeps its widgets by it
        self.outbox: list[dict[str, Any]] = []
        self.others: list[list[dict[str, Any]]] = []  # of further browsers on the same widget
        self.sent_bytes = 0

    def send(self, data: dict[str, Any], buffers: list[Any] | None = None, **_: Any) -> None:
        """Keep a message for the page."""
        raw = [bytes(one) for one in buffers or []]
        self.sent_bytes += len(json.dumps(data, default=str)) + sum(map(len, raw))
        for outbox in (self.outbox, *self.others):
            outbox.append(_packed(data, raw))

    def on_msg(self, _callback: object) -> None:
        """Accept what ipywidgets registers; messages come in by `Mounted.receive`."""

    def close(self, *_: object, **__: object) -> None:
        """Accept the end."""


def _packed(data: dict[str, Any], buffers: list[bytes]) -> dict[str, Any]:
    return {**data, "buffers": [base64.b64encode(one).decode() for one in buffers]}


class Mounted:
    """A widget on a page."""

    def __init__(
        self, page: Page, widget: Any, *, alive: bool = True, beside: Mounted | None = None, bundle: Path = BUNDLE
    ) -> None:
        self.page = page
        self.bundle = bundle
        self.widget = widget
        self.alive = alive
        self.held = False  # a kernel that is busy: it answers later
        self.cut = False  # a connection that is down: what is sent is lost
        self.inbox: list[dict[str, Any]] = []
        self.asked: set[str | None] = set()  # questions of this page that the kernel works on
        self.outbox: list[dict[str, Any]]
        if beside is None:
            self.comm = widget.comm = FakeComm(widget.model_id)
            self.outbox = self.comm.outbox
        else:
            self.comm = beside.comm
            self.outbox = []
            self.comm.others.append(self.outbox)
        page.expose_function("toKernel", self.receive)
        page.expose_function("fromKernel", self.deliver)
        state, paths, buffers = _remove_buffers(widget.get_state())
        self.open(_packed({"state": state, "buffer_paths": paths}, [bytes(one) for one in buffers]))

    def open(self, saved: dict[str, Any]) -> None:
        """Draw the page from a saved state."""
        self.page.route(
            "http://localhost/widget.js", lambda route: route.fulfill(path=self.bundle, content_type="text/javascript")
        )
        self.page.route("http://localhost/", lambda route: route.fulfill(path=PAGE, content_type="text/html"))
        self.page.goto("http://localhost/")
        self.page.evaluate("saved => mount(saved)", saved)

    def receive(self, message: str) -> None:
        """Take a message from the page, as the kernel would."""
        if not self.cut:
            self.inbox.append(json.loads(message))

    def deliver(self) -> list[dict[str, Any]]:
        """Work on what came in and hand over what goes out."""
        while self.alive and not self.held and self.inbox:
            message = self.inbox.pop(0)
            if message["method"] == "update":
                self.widget.set_state(message["state"])
            else:
                self.asked.add(message["content"].get("id"))
                self.widget._handle_custom_msg(message["content"], [])
        if self.held or not self.alive:
            return []
        out = []
        while self.outbox:  # one by one: another thread may be adding to it
            message = self.outbox.pop(0)
            self.asked.discard(message.get("content", {}).get("id"))
            if not self.cut:
                out.append(message)
        return out

    @property
    def root(self) -> Locator:
        """The widget's root element."""
        return self.page.locator("[data-attnwidget]")

    def rest(self) -> None:
        """Wait until nothing more comes of what was done: all questions are answered, and all frames are drawn.

        What the kernel computes unasked, as the scores of all heads or the model's own output, may still come.
        """
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            rested = self.page.evaluate("rested()")
            under_way = self.alive and not self.held and (self.inbox or self.outbox or self.asked)
            if rested and not under_way:
                return
        raise TimeoutError(f"still under way: {self.inbox} {self.asked}")

    def wait(self, state: str = "ready") -> None:
        """Wait until the widget is in a state, and at rest."""
        there = """(state) => {
            const root = document.querySelector("#here > div").shadowRoot.querySelector("[data-attnwidget]");
            return root.dataset.state === state;
        }"""
        while True:
            self.page.evaluate("settled()")
            self.page.wait_for_function(there, arg=state)
            self.rest()  # what was handed over just now may have moved it again
            if self.page.evaluate(there, state):
                return

    def wait_for_more(self) -> None:
        """Wait for what the kernel tells in its own time, too: small pictures, the heads' scores, its own output."""
        self.page.wait_for_function("""() => {
            const run = model.get("_outline").run;
            const isHere = ["_pictures", "_categories"].every((name) => model.get(name)?.run === run);
            return isHere && model.get("_breakdown")?.projected?.state !== "running";
        }""")
        self.wait()

    def wait_while_silent(self) -> None:
        """Wait until the front end has given up expecting an answer soon."""
        self.page.wait_for_function("""() => {
            hurry();
            const root = document.querySelector("#here > div").shadowRoot.querySelector("[data-attnwidget]");
            return root.dataset.state === "no-kernel";
        }""")
