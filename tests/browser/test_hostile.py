"""Hostile strings in the widget itself, and in a saved page: no element, attribute, script or request comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from playwright.sync_api import Page, expect

import attnwidget
from attnwidget.export.page import page as page_of
from browser.fake_comm import Mounted
from hostile import hostile

if TYPE_CHECKING:
    from pathlib import Path

COUNT, BATCH = 5000, 500
STRINGS = hostile(COUNT)
FOUND = """(root) => {
  const every = [...root.querySelectorAll("*")];
  const names = new Set(every.map((one) => one.localName));
  const odd = every.flatMap((one) => [...one.attributes].filter(({ name, value }) =>
    /^on|^srcdoc$/.test(name) || (/href|src|action|style/.test(name) && /script:|evil|text.html/.test(value))));
  return { names: [...names], odd: odd.map(({ name, value }) => `${name}=${value}`), hit: window.wasHit ?? false };
}"""
NEVER = {"script", "iframe", "img", "object", "embed", "link", "base", "meta", "video", "a", "foreignobject", "math"}


def trace_of(tokens: list[str]) -> attnwidget.AttentionTrace:
    weights = torch.eye(len(tokens)).flip(1)[None, None]  # (1, heads, queries, keys)
    return attnwidget.AttentionTrace.from_attentions([weights], tokens, model_name=tokens[0])


def nothing_came_of_them(page: Page, blocked: list[str], asked: list[str]) -> None:
    root = page.locator("[data-attnwidget]")
    found = root.evaluate(FOUND)
    assert not NEVER & set(found["names"])
    assert found["odd"] == []
    assert found["hit"] is False
    assert blocked == []
    assert not [one for one in asked if "evil" in one]


def test_in_the_widget(page: Page, blocked: list[str]) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda _: asked.append("evil dialog"))
    page.add_init_script("window.hit = () => { window.wasHit = true; }")
    widget = attnwidget.AttentionWidget(trace_of(STRINGS[:BATCH]))
    at = Mounted(page, widget)
    at.wait()
    for start in range(0, COUNT, BATCH):
        tokens = STRINGS[start : start + BATCH]
        widget._session.open(trace_of(tokens), attnwidget.wire.schema.Texts(), None)
        at.wait()
        for view in ("text", "lines"):
            widget.view = view
            at.wait()
            nothing_came_of_them(page, blocked, asked)
    page.locator("[data-side=query]").first.hover()
    page.locator("[data-side=query]").first.click()
    page.locator("[data-side=key]").nth(1).click()
    at.wait()
    nothing_came_of_them(page, blocked, asked)
    expect(page.locator("[data-side=query] .label").nth(5)).to_be_attached()


def test_in_a_page(page: Page, blocked: list[str], tmp_path: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script("window.hit = () => { window.wasHit = true; }")
    session = attnwidget.AttentionWidget(trace_of(STRINGS[:100]))._session
    file = tmp_path / "page.html"
    file.write_bytes(page_of(session))
    page.goto(file.as_uri())
    expect(page.locator("[data-attnwidget]")).to_have_attribute("data-state", "ready", timeout=30_000)
    nothing_came_of_them(page, blocked, asked)
