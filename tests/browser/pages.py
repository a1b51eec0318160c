"""A saved page in a browser, opened from disk: what it answers, beside what the kernel does."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from playwright.sync_api import expect

from attnwidget.session import Session
from attnwidget.session.requests import handlers
from attnwidget.wire.schema import AnyRequest, Texts

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page
    from torch import Tensor

    from attnwidget import AttentionTrace

TO_TEXT = """(one) => {
  let text = "";
  for (const byte of new Uint8Array(one.buffer, one.byteOffset, one.byteLength)) text += String.fromCharCode(byte);
  return btoa(text);
}"""
ASK = """asks => Promise.all(asks.map((ask, at) => new Promise((done) => {
  const id = `test-${at}`;
  const hear = (reply, buffers) => {
    if (reply.id !== id) return;
    attnwidget.model.off("msg:custom", hear);
    done([reply, buffers.map(TO_TEXT)]);
  };
  attnwidget.model.on("msg:custom", hear);
  attnwidget.model.send({ ...ask, id });
})))""".replace("TO_TEXT", TO_TEXT)
BREAKDOWN = """() => JSON.stringify(attnwidget.model.get("_breakdown"), (name, value) =>
  ArrayBuffer.isView(value) ? (TO_TEXT)(value) : value
)""".replace("TO_TEXT", TO_TEXT)
DTYPES = {"float32": torch.float32, "uint8": torch.uint8, "int32": torch.int32}


def session_of(trace: AttentionTrace, **options: Any) -> Session:
    """Open a trace without a widget."""
    session = Session(options=options)
    session.open(trace, Texts(), None)
    return session


def array(about: dict[str, Any], data: bytes) -> Tensor:
    """Read an array as it travels."""
    return torch.frombuffer(bytearray(data), dtype=DTYPES[about["dtype"]]).view(about["shape"])


class Saved:
    """A page of a session's, opened from disk."""

    def __init__(self, page: Page, path: Path, content: bytes) -> None:
        self.page = page
        self.violations: list[str] = []
        page.on("console", lambda message: self.violations.append(message.text))
        page.on("pageerror", lambda error: self.violations.append(str(error)))
        path.write_bytes(content)
        page.goto(path.as_uri())

    @property
    def root(self) -> Locator:
        """The widget's root element."""
        return self.page.locator("[data-attnwidget]")

    def wait(self) -> None:
        """Wait until what is asked for is drawn: also what is asked for in the next frame, as by a slider."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        expect(self.root).to_have_attribute("data-state", "ready", timeout=20_000)

    def answer(self, asks: list[dict[str, Any]]) -> list[tuple[dict[str, Any], bytes]]:
        """Return the page's replies, each with its numbers."""
        self.wait()
        return [(reply, base64.b64decode(texts[0]) if texts else b"") for reply, texts in self.page.evaluate(ASK, asks)]

    def breakdown(self) -> dict[str, Any]:
        """Return the breakdown's state, its arrays as tensors."""
        self.wait()
        state = msgspec.json.decode(self.page.evaluate(BREAKDOWN))
        for part in (state, state["changed"] or {}):
            part["arrays"] = {
                name: array(one, base64.b64decode(one["data"])) for name, one in part.get("arrays", {}).items()
            }
        return state


def kernels(session: Session, ask: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return what the kernel answers."""
    request = msgspec.convert(ask | {"id": "test-1"}, AnyRequest)
    found = handlers(session)[type(request)](request, lambda *_: None)
    reply, data = found if isinstance(found, tuple) else (found, b"")
    return {} if reply is None else reply.to_state(), data
