"""The mailed notebook, step by step: whatever its reader opens it with, there is a picture.

Saved without widget state and with it; opened by somebody who does not trust it, and trusted; as HTML, offline.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Locator, Page, expect

from attnwidget.export.notebook import page_of_notebook
from saved_notebooks import STATE

if TYPE_CHECKING:
    from pathlib import Path

    from browser.jupyter import Jupyter, Notebook

TEXT = "The animal didn't cross the road because it was too tired"
DRAWN = 60_000  # ms
TRUST = "To get the live picture: run the cell, or, if its state was saved, File → Trust Notebook."


def widget(page: Page) -> Locator:
    return page.locator("[data-attnwidget]")


def a_picture(page: Page) -> None:
    """There is a PNG, of a size that shows something, and it is not broken."""
    image = page.locator("img[src^='data:image/png']").first
    expect(image).to_be_visible(timeout=DRAWN)
    width, height = image.evaluate(
        "async (one) => { await one.decode(); return [one.naturalWidth, one.naturalHeight]; }"
    )
    assert width > 300
    assert height > 200


def trust(notebook: Notebook) -> None:
    """As File → Trust Notebook does it, its question answered."""
    notebook.page.evaluate("() => { jupyterapp.commands.execute('notebook:trust'); }")
    notebook.page.locator(".jp-Dialog button.jp-mod-accept").click()
    notebook.page.wait_for_selector(".jp-Dialog", state="detached")


@pytest.fixture(scope="module")
def saved(jupyter: Jupyter, browser: Browser) -> nbformat.NotebookNode:
    """Run the cell in JupyterLab and save; what the file then holds, widget state included."""
    jupyter.write("mailed.ipynb", f"from attnwidget import AttentionWidget\nAttentionWidget({TEXT!r}, heads=['L2-H6'])")
    page = browser.new_page()
    notebook = jupyter.open(page, "mailed.ipynb")
    notebook.run_cell(0)
    expect(page.locator("[data-attnwidget] [data-fresh=true].chosen")).to_have_count(1, timeout=DRAWN)
    node = notebook.save()
    page.close()
    jupyter.shut_kernels_down()
    return node


def received(jupyter: Jupyter, node: nbformat.NotebookNode, name: str, *, state: bool) -> str:
    """Lay the file where its reader finds it; nobody there has trusted it."""
    copy = copied(node, state=state)
    for cell in copy.cells:
        cell.source += f"\n# {name}"  # else this Jupyter knows it by its signature
    nbformat.write(copy, jupyter.folder / name)
    return name


def copied(node: nbformat.NotebookNode, *, state: bool) -> nbformat.NotebookNode:
    copy = deepcopy(node)
    if not state:
        copy.metadata.pop("widgets")
    return copy


def test_what_the_output_holds(saved: nbformat.NotebookNode) -> None:
    output = saved.cells[0].outputs[-1]  # what libraries print may stand before it
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(output.data)
    assert TRUST in output.data["text/plain"]
    assert len(output.data["image/png"]) < 80_000  # base64 of 60 KB
    assert STATE in saved.metadata.widgets


@pytest.mark.parametrize("state", [False, True])
def test_in_jupyterlab(
    jupyter: Jupyter, page: Page, blocked: list[str], saved: nbformat.NotebookNode, *, state: bool
) -> None:
    name = received(jupyter, saved, f"lab-{state}.ipynb", state=state)
    notebook = jupyter.open(page, name)
    a_picture(page)  # untrusted
    expect(widget(page)).to_have_count(0)
    trust(notebook)
    if state:
        expect(widget(page)).to_have_attribute("data-state", re.compile("ready|no-kernel"), timeout=DRAWN)
    else:
        notebook.run_cell(0)
        expect(widget(page)).to_have_attribute("data-state", "ready", timeout=DRAWN)
    assert blocked == []


def test_in_notebook_7(jupyter: Jupyter, page: Page, blocked: list[str], saved: nbformat.NotebookNode) -> None:
    name = received(jupyter, saved, "seven.ipynb", state=True)
    jupyter.open(page, name, host="notebook")
    a_picture(page)
    expect(widget(page)).to_have_count(0)
    assert blocked == []


@pytest.mark.parametrize("state", [False, True])
def test_as_html_with_the_network_off(
    page: Page, blocked: list[str], saved: nbformat.NotebookNode, tmp_path: Path, *, state: bool
) -> None:
    node = copied(saved, state=state)
    file = tmp_path / "mailed.html"
    file.write_bytes(page_of_notebook(node))
    page.goto(file.as_uri())
    if state:
        expect(widget(page)).to_have_attribute("data-state", re.compile("ready|no-kernel"), timeout=DRAWN)
    else:
        a_picture(page)
    assert blocked == []
    if not state:  # nbconvert's own then has the picture, too; with state it loads a manager from the network
        html, _ = HTMLExporter().from_notebook_node(node)
        file.write_text(html)
        page.goto(file.as_uri())
        a_picture(page)
