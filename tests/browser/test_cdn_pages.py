"""Pages whose widget manager comes from the network: nbconvert's and ipywidgets' own, served here from local copies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import ipywidgets.embed
from nbconvert import HTMLExporter
from playwright.sync_api import BrowserContext, Page, Route, expect

from attnwidget import AttentionWidget
from browser.manager_page import ANYWIDGET, manager
from saved_notebooks import notebook_of

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "The animal didn't cross the road because it was too tired"
IT = 8


def serve_the_network(context: BrowserContext) -> None:
    """Answer for the servers that these pages name, and for no other."""
    copies = {
        r"/require\.(min\.)?js$": manager("requirejs@2.3.7"),
        r"/@jupyter-widgets/html-manager@[^/]*/dist/embed-amd\.js$": manager("@jupyter-widgets/html-manager@1.0.14"),
        r"/anywidget@[^/]*/dist/index(\.js)?$": ANYWIDGET,
    }

    def answer(route: Route) -> None:
        path = route.request.url
        found = next((copy for pattern, copy in copies.items() if re.search(pattern, path)), None)
        headers = {"access-control-allow-origin": "*"}
        if found is None:
            route.abort()
        else:
            route.fulfill(path=found, content_type="text/javascript", headers=headers)

    context.route(re.compile("https://(cdnjs.cloudflare.com|unpkg.com|cdn.jsdelivr.net)/"), answer)


def read(page: Page) -> None:
    root = page.locator("[data-attnwidget]").first
    expect(root).to_have_attribute("data-state", re.compile("ready|no-kernel"), timeout=30_000)
    root.locator(f"[data-side=query][data-index='{IT}']").hover()
    expect(root.locator("[role=status]")).to_contain_text(re.compile(r"L2-H6 it → \S+ 0\.\d{4}"))
    root.locator(".picker [data-head=L1-H3]").click()
    expect(root.locator(".picker [data-head=L1-H3]")).to_have_attribute("aria-pressed", "true")


def test_the_html_of_nbconvert(page: Page, context: BrowserContext, blocked: list[str], tmp_path: Path) -> None:
    first, second = (AttentionWidget(text, probe=False, heads=["L2-H6"]) for text in (TEXT, "A dog"))
    html, _ = HTMLExporter().from_notebook_node(notebook_of("# Title", first, second))
    file = tmp_path / "notebook.html"
    file.write_text(html)
    serve_the_network(context)
    page.goto(file.as_uri())
    expect(page.locator("[data-attnwidget]")).to_have_count(2, timeout=30_000)
    read(page)
    assert blocked == []


def test_an_embedded_page(page: Page, context: BrowserContext, blocked: list[str], tmp_path: Path) -> None:
    file = tmp_path / "embedded.html"
    widget = AttentionWidget(TEXT, probe=False, heads=["L2-H6"])
    ipywidgets.embed.embed_minimal_html(str(file), views=[widget])
    html = file.read_text()
    file.write_text(re.sub(r' integrity="sha256-[^"]*"', "", html))  # of require.js as a CDN makes it small
    serve_the_network(context)
    page.goto(file.as_uri())
    read(page)
    assert blocked == []
