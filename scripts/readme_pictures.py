"""Take the README's pictures: the first example, "it" pinned, in both themes."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

from attnwidget import AttentionWidget  # noqa: E402
from browser.chromium import launch  # noqa: E402
from browser.fake_comm import Mounted  # noqa: E402

TEXT = "The animal didn't cross the road because it was too tired"

with sync_playwright() as playwright:
    browser = launch(playwright)
    for theme in ("light", "dark"):
        page = browser.new_page(viewport={"width": 1056, "height": 900}, device_scale_factor=1.5)
        at = Mounted(page, AttentionWidget(TEXT, queries=[8]))
        page.evaluate(f"document.body.style.background = '{'#fff' if theme == 'light' else '#0d1117'}'")
        at.wait()
        page.wait_for_function("() => model.state._pictures.shape && model.state._categories.shape")
        at.page.locator("[data-side=key][data-index='1']").hover()
        at.root.screenshot(path=ROOT / "docs" / f"first-look-{theme}.png")
    browser.close()
