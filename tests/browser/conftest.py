"""Fixtures for tests in a real Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from browser.chromium import block_network, find_chromium, launch
from browser.jupyter import Jupyter, serve

expect.set_options(timeout=15_000)  # ms; on a busy machine all takes longer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs the browser, so that `-m "not browser"` leaves it out."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start one Chromium for all tests."""
    with sync_playwright() as playwright:
        if find_chromium(playwright) is None:
            pytest.skip("no Chromium found; set CHROMIUM to name one")
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Open a fresh profile."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def blocked(context: BrowserContext) -> list[str]:
    """List the addresses outside this machine that pages asked for, in vain."""
    return block_network(context)


@pytest.fixture
def page(context: BrowserContext, blocked: list[str]) -> Page:  # noqa: ARG001
    """Open a page that reaches this machine only."""
    return context.new_page()


@pytest.fixture(scope="session")
def jupyter() -> Iterator[Jupyter]:
    """Run one Jupyter server for all tests."""
    with serve() as server:
        yield server
