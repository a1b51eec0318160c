"""Take the pictures of README.md (two texts side by side) and docs/breakdown.md (every step), in both themes."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

from attnwidget import AttentionWidget  # noqa: E402
from browser.chromium import launch  # noqa: E402
from browser.fake_comm import Mounted  # noqa: E402

EXAMPLES = AttentionWidget.examples()
PICTURES = (("lines", "it, and tired: the animal", "first-look"), ("breakdown", "tired: who?", "breakdown"))

with sync_playwright() as playwright:
    browser = launch(playwright)
    for theme in ("light", "dark"):
        for view, example, name in PICTURES:
            page = browser.new_page(viewport={"width": 1056, "height": 1200}, device_scale_factor=1.5)
            at = Mounted(page, AttentionWidget(EXAMPLES[example], view=view))
            page.evaluate(f"document.body.style.background = '{'#fff' if theme == 'light' else '#0d1117'}'")
            at.wait()
            page.wait_for_function("() => model.state._pictures.shape && model.state._categories.shape")
            if view == "breakdown":
                page.locator("[data-step='2']").click()
                at.wait()
            at.root.screenshot(path=ROOT / "docs" / f"{name}-{theme}.png")
    browser.close()
