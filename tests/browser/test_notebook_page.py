"""A notebook's page in the browser: opened from disk, offline, its widgets alive."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import ipywidgets
from playwright.sync_api import Page, expect

from attnwidget import AttentionWidget
from attnwidget.export.notebook import page_of_notebook
from saved_notebooks import STATE, notebook_of

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "The animal didn't cross the road because it was too tired"


def test_it_opens_from_disk_with_its_widgets_alive(page: Page, blocked: list[str], tmp_path: Path) -> None:
    first, second = (AttentionWidget(text, probe=False, heads=["L2-H6"]) for text in (TEXT, "The cat sat"))
    broken = AttentionWidget("A dog", probe=False)
    notebook = notebook_of("# Hello", first, ipywidgets.HBox([second, first]), broken)
    del notebook.metadata["widgets"][STATE]["state"][broken.model_id]["state"]["_esm"]
    notebook.metadata["widgets"][STATE]["state"][broken.model_id]["state"]["_esm"] = "no JavaScript"
    file = tmp_path / "page.html"
    file.write_bytes(page_of_notebook(notebook))
    page.goto(file.as_uri())
    roots = page.locator("[data-attnwidget]")
    expect(roots).to_have_count(3)
    for at in range(3):
        expect(roots.nth(at)).to_have_attribute("data-state", re.compile("ready|no-kernel"))
    expect(page.get_by_text("This saved widget cannot be drawn")).to_be_visible()
    root = roots.first
    root.locator("[data-side=query][data-index='8']").hover()
    expect(root.locator("[role=status]").first).to_contain_text(re.compile(r"L2-H6 it → animal 0\.\d{4}"))
    # another head of a short text was saved along, and the view that shares the model follows
    root.locator(".picker [data-head=L1-H3]").click()
    expect(roots.nth(2).locator(".picker [data-head=L1-H3]")).to_have_attribute("aria-pressed", "true")
    root.locator("[data-side=query][data-index='8']").hover()
    expect(root.locator("[role=status]").first).to_contain_text(re.compile(r"L1-H3 it → \S+ 0\.\d{4}"))
    assert blocked == []
