"""Widgets in the boxes of ipywidgets, in JupyterLab: side by side, below each other, in what opens later."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from browser.jupyter import Jupyter, Notebook

TEXT = "The animal didn't cross the road because it was too tired"
IT, ANIMAL = 8, 1
DRAWN = 60_000  # ms; the kernel imports torch and transformers first
CELL = 848  # px that an output is wide at 1280
NARROW = 320  # px that the widget asks for at least
MAKE = f"""import ipywidgets as boxes
from attnwidget import AttentionWidget
a, b = (AttentionWidget({TEXT!r}, heads=['L2-H6']) for _ in range(2))
"""
SIDE_BY_SIDE = {
    "HBox": "boxes.HBox([a, b])",
    "boxes in a box": "boxes.HBox([boxes.VBox([a]), boxes.VBox([b])])",
    "half each": "a.layout.width = b.layout.width = '50%'\nboxes.HBox([a, b])",
    "GridBox, equal": "boxes.GridBox([a, b], layout=boxes.Layout(grid_template_columns='1fr 1fr'))",
    "GridBox, auto": "boxes.GridBox([a, b], layout=boxes.Layout(grid_template_columns='auto auto'))",
}
# Of one widget, or of several below each other: how wide each is.
WIDTHS = {
    "VBox": ("boxes.VBox([a, b])", CELL),
    "centred": ("boxes.VBox([a, b], layout=boxes.Layout(align_items='center'))", CELL),
    "GridBox": ("boxes.GridBox([a, b])", CELL),
    "wrapping": ("boxes.Box([a, b], layout=boxes.Layout(flex_flow='row wrap'))", CELL),
    "HBox of one": ("boxes.HBox([a])", CELL),
    "inline": ("a.layout.display = 'inline-block'\na", CELL),
    "as content asks": ("a.layout.width = 'max-content'\na", CELL),
    "600px": ("a.layout.width = '600px'\na", 600),
    "half": ("a.layout.width = '50%'\na", CELL / 2),
    "narrower than it asks for": ("a.layout.width = '240px'\na", 240),
}


@pytest.fixture(scope="module")
def opened(browser: Browser, jupyter: Jupyter) -> Iterator[tuple[Notebook, Page]]:
    """One notebook and one kernel for all boxes."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    jupyter.write("layouts.ipynb", MAKE, "")
    notebook = jupyter.open(page, "layouts.ipynb")
    yield notebook, page
    page.close()


def boxed(notebook: Notebook, code: str) -> Locator:
    notebook.set_source(1, f"{MAKE}{code}")
    notebook.run_cell(1)
    return notebook.output(1).locator("[data-attnwidget]")


def width_of(root: Locator) -> float:
    return root.evaluate("root => root.getBoundingClientRect().width")


def assert_usable(root: Locator, page: Page) -> None:
    """It is drawn; a token says its weight; a control can be clicked; nothing sticks out."""
    expect(root).to_have_attribute("data-state", "ready", timeout=DRAWN)
    query = root.locator(f"[data-side=query][data-index='{IT}'] .label")
    query.click()
    root.locator(f"[data-side=key][data-index='{ANIMAL}'] .label").hover()
    expect(root.locator("[role=status]")).to_contain_text(re.compile(r"L2-H6\s+it\s+→\s+animal\s+0\.\d{4}"))
    assert root.evaluate("""root => [...root.querySelectorAll(".stage canvas")].some((one) =>
      one.getContext("2d").getImageData(0, 0, one.width, one.height).data.some((value) => value > 0))""")
    fold = root.get_by_role("button", name="Heads ·")
    if fold.is_visible():
        fold.click()
    root.locator("[data-head=L1-H2]").click()
    expect(root.locator("[data-head=L1-H2]")).to_have_attribute("aria-pressed", "true")
    expect(root).to_have_attribute("data-state", "ready")
    over = root.evaluate("""root => {
      const right = root.getBoundingClientRect().right;
      const seen = [...root.querySelectorAll("*")].filter((one) => one.checkVisibility());
      return seen.filter((one) => one.getBoundingClientRect().right > right + 0.5).map((one) => one.className);
    }""")
    assert over == []
    page.mouse.move(0, 0)
    box = root.get_by_label("Text").element_handle()  # it grows a frame later
    page.wait_for_function("box => box.clientHeight >= Math.min(48, box.scrollHeight) - 2", arg=box)


@pytest.mark.parametrize("name", SIDE_BY_SIDE)
def test_two_side_by_side(opened: tuple[Notebook, Page], name: str) -> None:
    notebook, page = opened
    roots = boxed(notebook, SIDE_BY_SIDE[name])
    expect(roots).to_have_count(2, timeout=DRAWN)
    for root in roots.all():
        assert_usable(root, page)
        assert width_of(root) == pytest.approx(CELL / 2, abs=8)
    left, right = (root.bounding_box() or {} for root in roots.all())
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"] + 0.5


@pytest.mark.parametrize("name", WIDTHS)
def test_widths(opened: tuple[Notebook, Page], name: str) -> None:
    notebook, page = opened
    code, width = WIDTHS[name]
    roots = boxed(notebook, code)
    expect(roots).to_have_count(2 if "[a, b]" in code else 1, timeout=DRAWN)
    for root in roots.all():
        assert_usable(root, page)
        assert width_of(root) == pytest.approx(width, abs=8)


def test_more_than_fit_are_scrolled_to(opened: tuple[Notebook, Page]) -> None:
    notebook, page = opened
    roots = boxed(notebook, "boxes.HBox([a, b, AttentionWidget(a.text, heads=['L2-H6'])])")
    expect(roots).to_have_count(3, timeout=DRAWN)
    for root in roots.all():
        assert_usable(root, page)
        assert width_of(root) == pytest.approx(NARROW, abs=8)


@pytest.mark.parametrize("kind", ["Tab", "Accordion"])
def test_what_opens_later_is_drawn_then(opened: tuple[Notebook, Page], kind: str) -> None:
    notebook, page = opened
    long = "AttentionWidget('word ' * 300)"
    roots = boxed(notebook, f"boxes.{kind}([a, {long}], titles=['first', 'second'], selected_index=0)")
    expect(roots).to_have_count(2, timeout=DRAWN)
    first, second = roots.all()
    open_it = notebook.output(1).locator(".lm-TabBar-tab, .jupyter-widget-Collapse-header")
    assert_usable(first, page)
    open_it.nth(1).click()
    expect(second).to_have_attribute("data-state", "ready", timeout=DRAWN)
    assert width_of(second) > CELL - 60
    box = second.get_by_label("Text")  # its height is that of two lines, which it could not know before
    expect(box).to_have_css("height", "50px")
    # A box that is put away forgets how far it was scrolled: it is scrolled there again, labels and lines together.
    second.locator(".scroll.query").evaluate("box => { box.scrollTop = 2000; }")
    place = second.locator(".place").first
    expect(place).not_to_have_text(re.compile(r"^\s*1–"))
    open_it.nth(0).click()
    expect(second).to_be_hidden()
    open_it.nth(1).click()
    expect(second).to_be_visible()
    rows = second.locator(".scroll.query")
    page.wait_for_function("box => box.scrollTop > 0", arg=rows.element_handle())
    scrolled = rows.evaluate("box => box.scrollTop")
    row = second.locator(".token").first.evaluate("token => token.offsetHeight")
    expect(place).to_have_text(re.compile(rf"^\s*{round(scrolled / row) + 1}–"))
    expect(second.locator(f"[data-side=query][data-index='{round(scrolled / row)}']")).to_be_visible()
