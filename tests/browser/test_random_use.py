"""Whatever a reader clicks, scrolls and types, in whatever view: no errors, and nothing is left behind."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from attnwidget import AttentionWidget
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

KEYS = ["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "Home", "End", "PageDown", "Enter", " ", "Escape", "Tab"]
# What is pressed: everything in the page but what runs the model, or leaves a file behind.
TARGETS = """(unit) => {
  const root = document.querySelector("#here > div").shadowRoot;
  const all = [...root.querySelectorAll("button, [role=option], [role=tab], input[type=checkbox], canvas, svg rect")];
  const seen = all.filter((one) => {
    const { left, top, width, height } = one.getBoundingClientRect();
    const [x, y] = [left + width / 2, top + height / 2];
    const isThere = width > 2 && height > 2 && x > 0 && y > 0 && x < innerWidth && y < innerHeight;
    return isThere && !one.closest(".text-row") && !/save|download/i.test(one.textContent ?? "");
  });
  const { left, top, width, height } = seen[Math.floor(unit * seen.length)].getBoundingClientRect();
  return [left + width / 2, top + height / 2];
}"""


def held(devtools: CDPSession) -> tuple[int, int]:
    """Bytes and listeners that are left when the garbage is collected."""
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    return (
        devtools.send("Runtime.getHeapUsage")["usedSize"],
        devtools.send("Memory.getDOMCounters")["jsEventListeners"],
    )


def use(at: Mounted, chance: random.Random, times: int) -> None:
    """Do anything, so often; then leave everything as it was."""
    page = at.page
    for nth in range(times):
        x, y = page.evaluate(TARGETS, chance.random())
        page.mouse.move(x, y)
        match chance.choice(["hover", "click", "click", "shift", "wheel", "wheel", "keys", "tab"]):
            case "click":
                page.mouse.click(x, y)
            case "shift":
                page.keyboard.down("Shift")
                page.mouse.click(x, y)
                page.keyboard.up("Shift")
            case "wheel":
                page.mouse.wheel(0, chance.choice([-900, -90, 90, 900, 5000]))
            case "keys":
                page.keyboard.press(chance.choice(KEYS))
            case "tab":
                tabs = page.get_by_role("tab")
                tabs.nth(chance.randrange(tabs.count())).evaluate("tab => tab.click()")  # a list may lie over it
        if nth % 10 == 0:
            at.wait()
    at.wait()
    at.widget.view, at.widget.queries, at.widget.keys, at.widget.heads = "lines", [], [], ["L0-H0"]
    at.widget.measure, at.widget.words, at.widget.category = "weights", False, None
    at.widget.off, at.widget.mask, at.widget.what_if, at.widget.target = [], None, {}, None
    at.wait()
    pressed = page.locator(".tools button[aria-pressed=true]")
    pressed.evaluate_all("all => all.forEach((tool) => tool.click())")  # what is open, the mask's grid among it
    page.mouse.move(1, 1)
    page.locator(".tools select").first.focus()
    page.keyboard.press("Escape")
    at.wait()


def test_500_interactions_leave_nothing_behind(page: Page) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    at = Mounted(page, AttentionWidget("The old man went to the sea again and again . " * 60))
    assert len(at.widget.tokens) > 512
    at.wait()
    devtools = page.context.new_cdp_session(page)
    chance = random.Random(0)
    use(at, chance, 200)  # what is made once is made, and what is kept is full
    before, listeners = held(devtools)
    use(at, chance, 500)
    after, more = held(devtools)
    assert problems == []
    assert more <= listeners + 150  # rows that are in sight by chance have theirs
    assert after <= 1.25 * before
