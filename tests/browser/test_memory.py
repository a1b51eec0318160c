"""What a page holds does not grow with use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnwidget import AttentionWidget
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

WORDS = ["the", "animal", "didn't", "cross", "the", "road", "because", "it", "was", "too", "tired"]


def held(devtools: CDPSession) -> tuple[int, int]:
    """Nodes and listeners that are left when the garbage is collected."""
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    counters = devtools.send("Memory.getDOMCounters")
    return counters["nodes"], counters["jsEventListeners"]


def use(at: Mounted, rounds: range) -> None:
    """Once of everything that was suspected; the same at the end as at the beginning."""
    page = at.page
    for nth in rounds:
        box = page.get_by_label("Text", exact=True)
        box.fill(" ".join(WORDS[: 3 + nth % 8]))
        box.press("Enter")
        at.wait()
        page.set_viewport_size({"width": 848 + 97 * (nth % 5), "height": 700 + 50 * (nth % 3)})
        page.locator(f"[data-head=L{nth % 4}-H1]").click()
        page.locator("[data-head=L3-H7]").click(modifiers=["Shift"])
        page.locator("[data-side=query]").first.click()
        page.locator("[data-side=key]").nth(1).click(modifiers=["Shift"])
        page.locator("[data-category]").first.click()
        page.locator("[data-listed-head]").nth(nth % 3).click()
        page.get_by_role("button", name="hide first token").click()
        page.locator(".next-button").click()
        at.wait()
        page.get_by_role("button", name="hide first token").click()
        page.locator(".next-button").click()
        page.get_by_role("tab", name="Breakdown").click()
        at.wait()
        page.locator("[data-step='5']").click()
        page.get_by_role("tab", name="Lines").click()
        at.wait()
        page.locator("[data-category]").first.click()
        page.keyboard.press("Escape")
        at.wait()
    page.set_viewport_size({"width": 848, "height": 700})
    at.widget.text, at.widget.heads = "the end", ["L0-H0"]
    at.wait()
    at.wait_for_more()


def test_use_leaves_nothing_behind(page: Page) -> None:
    at = Mounted(page, AttentionWidget(" ".join(WORDS)))
    at.wait()
    devtools = page.context.new_cdp_session(page)
    use(at, range(4))  # what is made once is made
    nodes, listeners = held(devtools)
    use(at, range(12))
    more_nodes, more_listeners = held(devtools)
    assert more_nodes < nodes + 12 * 4  # measured: one each time, of the tester's; one picture's tokens would be 60
    assert more_listeners < listeners + 12  # measured: none
