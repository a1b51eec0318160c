"""Figures beside the widget on screen, and from a browser's JavaScript engine beside the kernel's: the same."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import msgspec
import nbformat
import pytest
from playwright.sync_api import expect

from attnwidget import AttentionWidget
from attnwidget.export import engine, figure
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from browser.jupyter import Jupyter

TEXT = "The animal didn't cross the road because it was too tired"
SVG = "{http://www.w3.org/2000/svg}"


def test_a_figure_shows_what_the_widget_shows(page: Page):
    page.set_viewport_size({"width": 848, "height": 700})
    widget = AttentionWidget(TEXT, heads="L2-H6", queries="tired", keys="animal", probe=False)
    mounted = Mounted(page, widget)
    mounted.wait()
    root = ET.fromstring(widget.figure().svg)
    for side in ("query", "key"):
        shown = mounted.root.locator(f'[data-side="{side}"] .label').all_inner_texts()
        assert [one.text for one in root.iter(f"{SVG}text") if one.get(f"data-{side}")] == shown
    numbers = [one for one in mounted.root.locator('[data-side="key"] .number').all_inner_texts() if one]
    texts = [one.text for one in root.iter(f"{SVG}text")]
    assert [one for one in texts if one in numbers] == numbers
    read = " ".join(mounted.root.locator(".readout").first.inner_text().split())
    title = root.find(f"{SVG}title").text
    head, pair, value = re.match(r"(L2-H6) (.*) (\d\.\d{4})", title).groups()
    assert head in read
    assert value in read
    assert all(word in read for word in pair.split())


@pytest.mark.parametrize("view", ["lines", "matrix", "text", "heads", "breakdown"])
def test_a_browser_draws_the_same_bytes(page: Page, monkeypatch: Any, view: str):
    handed: list[str] = []
    drawn = engine.draw

    def seen(given: Any, seconds: float | None = None) -> str:
        handed.append(msgspec.json.encode(given).decode())
        return drawn(given, seconds)

    monkeypatch.setattr(figure, "draw", seen)
    widget = AttentionWidget(TEXT, view=view, heads="L2-H6", queries="tired", probe=False)
    svg = widget.figure(width=3.3).svg
    page.goto("about:blank")
    page.add_script_tag(content=engine._code())
    pixels = re.findall(r'href="(data:image/png;base64,[^"]*)"', svg)
    # The kernel packs a PNG by zlib; in its place stands what it packed.
    page.evaluate("pixels => { globalThis.encodePng = () => pixels[0]; }", pixels)
    page.evaluate(
        """() => {
            Uint8Array.fromBase64 ??= (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
            Uint8Array.prototype.toBase64 ??= () => "";
        }"""
    )
    assert page.evaluate("json => attnwidget.figure(json)", handed[0]) == svg
    for one in pixels:
        assert base64.b64decode(one.split(",")[1]).startswith(b"\x89PNG")


def test_a_mailed_notebook_shows_the_picture_and_a_trusted_one_the_widget(jupyter: Jupyter, page: Page):
    jupyter.write("pictures.ipynb", f"from attnwidget import AttentionWidget\nAttentionWidget({TEXT!r}, probe=False)")
    notebook = jupyter.open(page, "pictures.ipynb")
    notebook.run_cell(0)
    live, picture = page.locator("[data-attnwidget]"), page.locator(".jp-OutputArea-output img")
    expect(live).to_have_count(1, timeout=60_000)
    expect(live).to_have_attribute("data-state", "ready", timeout=60_000)
    expect(picture).to_have_count(0)
    saved = notebook.save()
    (output,) = [one for one in saved.cells[0].outputs if "data" in one]
    assert base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG")

    # Somebody else's file: not the one that was signed here.
    saved.metadata["mailed"] = True
    output.metadata["mailed"] = True
    nbformat.write(saved, jupyter.folder / "mailed.ipynb")
    jupyter.shut_kernels_down()
    mailed = jupyter.open(page, "mailed.ipynb")
    expect(picture).to_have_count(1, timeout=60_000)
    assert picture.evaluate("img => img.decode().then(() => [img.naturalWidth, img.width])") == [864, 432]
    expect(live).to_have_count(0)
    mailed.run_cell(0)
    expect(live).to_have_attribute("data-state", "ready", timeout=60_000)
    expect(picture).to_have_count(0)
