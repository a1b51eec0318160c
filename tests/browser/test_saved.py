"""Notebooks that were saved with their widgets: how large they are, and that each widget is drawn from the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

if TYPE_CHECKING:
    from browser.jupyter import Jupyter

TEXT = "The animal didn't cross the road because it was too tired to go on."  # 16 tokens
DRAWN = 60_000  # ms
ANSWERED = re.compile("ready|no-kernel")

PAINTED = """(canvas) => {
  const { width, height } = canvas;
  return width > 0 && height > 0 && canvas.getContext("2d").getImageData(0, 0, width, height).data.some(Boolean);
}"""


def wait_until_painted(canvas: Locator) -> None:
    canvas.page.wait_for_function(PAINTED, arg=canvas.element_handle(), timeout=DRAWN)


@pytest.mark.parametrize(("count", "limit"), [(1, 0.29e6), (10, 1e6)])
def test_a_saved_notebook_is_small_and_drawn_from_the_file(
    jupyter: Jupyter, page: Page, blocked: list[str], count: int, limit: float
) -> None:
    name = f"saved-{count}.ipynb"
    jupyter.write(
        name,
        f"from attnwidget import AttentionWidget\nfrom IPython.display import display\n"
        f"display(*[AttentionWidget({TEXT!r}) for _ in range({count})])",
    )
    notebook = jupyter.open(page, name)
    notebook.run_cell(0)
    roots = page.locator("[data-attnwidget]")
    # What comes last: the scores of all heads.
    expect(page.locator("[data-attnwidget] [data-fresh=true].chosen")).to_have_count(count, timeout=DRAWN)
    for at in range(count):  # the pictures of the last widget may be on their way
        wait_until_painted(roots.nth(at).locator(".picker canvas"))
    saved = notebook.save()
    states = saved.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    widgets = [one["state"] for one in states if "_outline" in one["state"]]
    assert len(widgets) == count
    assert all(one["_outline"]["queries"]["tokens"].count("|") == 16 for one in widgets)
    assert all(one["_pictures"] and one["_categories"] for one in widgets)
    assert sum(bool(one["state"].get("_code")) for one in states) == 1
    # The pictures for readers without the widget, beside that.
    pictures = [len(one["data"]["image/png"]) for one in saved.cells[0].outputs if "data" in one]
    assert len(pictures) == count
    assert max(pictures) < 60_000
    assert notebook.path.stat().st_size - sum(pictures) < limit

    jupyter.shut_kernels_down()
    jupyter.open(page, name)
    expect(roots).to_have_count(count, timeout=DRAWN)
    for at in range(count):
        expect(roots.nth(at)).to_have_attribute("data-state", ANSWERED, timeout=DRAWN)
        wait_until_painted(roots.nth(at).locator(".stage canvas").first)
    assert blocked == []
