"""The documentation site, opened from disk with the network closed. `make test-docs` builds it and runs this."""

from __future__ import annotations

import os
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from browser.chromium import block_network
from docsite import check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, FrameLocator, Page

SITE = Path(os.environ.get("DOCS_SITE", "")).resolve()
AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
LOOK = """async () => {
  const { violations, passes } = await axe.run(document, { iframes: false });
  if (passes.length < 10) throw new Error("axe saw nothing");
  const told = ({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary.slice(0, 240)}`;
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 5).map(told).join(" | ")}`);
}"""

pytestmark = pytest.mark.skipif("DOCS_SITE" not in os.environ, reason="the site is built by `make test-docs`")


def address(name: str) -> str:
    return (SITE / f"{name}.html").as_uri()


def pages() -> list[Path]:
    return [path for path in sorted(SITE.rglob("*.html")) if path.parent.name != "live"]


def lessons() -> list[str]:
    return [f"lessons/{path.stem}" for path in sorted((SITE / "lessons").glob("[0-9]*.html"))]


@pytest.fixture
def quiet(page: Page, blocked: list[str]) -> Iterator[Page]:
    """A page that asks for nothing from elsewhere, and in which nothing goes wrong."""
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    yield page
    assert blocked == []
    assert told == []


def live(page: Page, nth: int = 0) -> FrameLocator:
    """Bring a widget into sight, and wait until it has drawn."""
    frame = page.locator("figure.live iframe").nth(nth)
    frame.evaluate("frame => frame.scrollIntoView({ block: 'center' })")
    expect(frame).to_have_attribute("data-live", "yes", timeout=30_000)
    inside = frame.content_frame
    expect(inside.locator("[data-attnwidget]")).to_have_attribute("data-state", "ready", timeout=30_000)
    return inside


def test_every_link_leads_somewhere_and_the_site_is_small() -> None:
    assert check.faults(SITE) == []


def test_every_page_opens_and_every_widget_draws(quiet: Page) -> None:
    quiet.set_viewport_size({"width": 480, "height": 800})
    drawn = 0
    for path in pages():
        quiet.goto(path.as_uri())
        expect(quiet.locator("h1").first).to_be_visible()
        assert quiet.evaluate("document.documentElement.scrollWidth") <= 480, path
        count = quiet.locator("figure.live").count()
        for nth in range(count):
            live(quiet, nth)
        drawn += count
    assert drawn == len(list((SITE / "live").glob("*.html")))


def test_a_widget_answers(quiet: Page) -> None:
    quiet.goto(address("index"))
    widget = live(quiet).locator("[data-attnwidget]")
    expect(widget.get_by_role("status").first).to_contain_text("animal 0.4966")
    widget.locator("[data-side=query][data-index='11']").click()
    expect(widget.get_by_role("status").first).to_contain_text("tired")
    widget.get_by_role("tab", name="Matrix").click()
    expect(widget).to_have_attribute("data-state", "ready")
    expect(widget.get_by_text("12 × 12 tokens")).to_be_visible()


def test_a_static_host_serves_it(quiet: Page) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=SITE)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        quiet.goto(f"http://127.0.0.1:{server.server_port}/index.html")
        expect(live(quiet).get_by_role("status").first).to_contain_text("animal 0.4966")
        quiet.goto(f"http://127.0.0.1:{server.server_port}/search.html?q=river")
        expect(quiet.locator("#search-results li p").first).to_contain_text("river", ignore_case=True, timeout=20_000)
        server.shutdown()


def test_a_frame_is_as_high_as_its_widget(quiet: Page) -> None:
    quiet.goto(address("breakdown"))
    inside = live(quiet)
    frame = quiet.locator("figure.live iframe")
    expect(inside.get_by_text("Concatenate and project")).to_be_visible()
    inside.locator("html").evaluate("() => new Promise(requestAnimationFrame)")
    height = inside.locator("[data-attnwidget]").evaluate("widget => widget.getBoundingClientRect().height")
    assert height > 800
    expect(frame).to_have_css("height", f"{round(height)}px")


def test_a_frame_follows_the_theme_of_the_site(browser: Browser) -> None:
    context = browser.new_context(color_scheme="light")
    block_network(context)
    page = context.new_page()
    page.goto(address("index"))
    widget = live(page).locator("[data-attnwidget]")
    expect(widget).to_have_attribute("data-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(widget).to_have_attribute("data-theme", "dark")
    page.evaluate("document.body.dataset.theme = 'light'")  # as Furo's button does
    expect(widget).to_have_attribute("data-theme", "light")
    context.close()


def test_search_finds_a_name_and_a_word(quiet: Page) -> None:
    quiet.goto(address("index"))
    box = quiet.get_by_role("textbox", name="Search").first
    box.fill("capture_batch")
    box.press("Enter")
    expect(quiet.locator("#search-results a", has_text="capture_batch").first).to_be_visible(timeout=20_000)
    quiet.goto(f"{address('search')}?q=river")
    expect(quiet.locator("#search-results li").first).to_be_visible(timeout=20_000)


@pytest.mark.skipif(not AXE.exists(), reason="axe-core comes with npm ci")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, theme: Any) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=theme)
    block_network(context)
    page = context.new_page()
    found = {}
    for path in pages():
        page.goto(path.as_uri())
        page.evaluate(AXE.read_text(encoding="utf-8"))
        if violations := page.evaluate(LOOK):
            found[path.name] = violations
    context.close()
    assert found == {}


@pytest.mark.skipif(not AXE.exists(), reason="axe-core comes with npm ci")
def test_axe_finds_nothing_in_a_widget(quiet: Page) -> None:
    found = {}
    for nth, path in enumerate(sorted((SITE / "live").glob("*.html"))):
        quiet.emulate_media(color_scheme="dark" if nth % 2 else "light")
        quiet.goto(path.as_uri())
        expect(quiet.locator("[data-attnwidget]")).to_have_attribute("data-state", "ready", timeout=30_000)
        # A page lets in no script that is not its own; what is run from outside is.
        quiet.evaluate(AXE.read_text(encoding="utf-8"))
        # The heading is that of the page around it.
        if violations := [one for one in quiet.evaluate(LOOK) if not one.startswith("page-has-heading-one")]:
            found[path.name] = violations
    assert found == {}


def test_a_lesson_asks_and_judges_without_a_kernel(quiet: Page) -> None:
    found = lessons()
    assert found
    for name in found:
        quiet.goto(address(name))
        if not quiet.locator("p.question").count():
            continue
        inside = live(quiet)
        question = inside.get_by_role("button", name="Check")
        question.click()
        expect(inside.get_by_role("button", name="Show me")).to_be_visible()
