"""The notebook of `make demo` in real hosts, with the network closed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Locator, Page, expect

if TYPE_CHECKING:
    from browser.jupyter import Jupyter, Notebook

FIRST_LOOK = Path(__file__).parents[2] / "notebooks" / "01-first-look.ipynb"
TEXT = "The animal didn't cross the road because it was too tired"
DRAWN = 60_000  # ms; the kernel imports torch and transformers first
IT, ANIMAL = 8, 1
SCRATCH = 5  # a code cell of the notebook that the test writes over


@pytest.fixture(params=["lab", "notebook"])
def notebook(request: pytest.FixtureRequest, jupyter: Jupyter, page: Page) -> Notebook:
    """A fresh copy of the first notebook, in either host."""
    name = f"first-look-{request.param}.ipynb"
    shutil.copy(FIRST_LOOK, jupyter.folder / name)
    return jupyter.open(page, name, host=request.param)


def widget(page: Page) -> Locator:
    return page.locator("[data-attnwidget]").first


def ready(page: Page) -> Locator:
    root = widget(page)
    expect(root).to_have_attribute("data-state", "ready", timeout=DRAWN)
    return root


def token(page: Page, side: str, index: int) -> Locator:
    return widget(page).locator(f"[data-side={side}][data-index='{index}']")


def status(page: Page) -> Locator:
    return widget(page).locator("[role=status]")


def ink(page: Page) -> int:
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    return widget(page).evaluate("""(root) => {
      const canvas = root.querySelector(".stage canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.reduce((sum, value) => sum + value, 0);
    }""")


def wait_until_painted(root: Locator) -> None:
    root.page.wait_for_function(
        """(canvas) => {
          const { width, height } = canvas;
          return width > 0 && canvas.getContext("2d").getImageData(0, 0, width, height).data.some(Boolean);
        }""",
        arg=root.locator(".stage canvas").first.element_handle(),
    )


def told(page: Page, pattern: str) -> str:
    """Wait until the readout says something; return the part of it that the pattern has in brackets."""
    expect(status(page)).to_contain_text(re.compile(pattern))
    found = re.search(pattern, " ".join((status(page).text_content() or "").split()))
    assert found
    return found[1]


def run(notebook: Notebook, code: str) -> str:
    """Put code into a cell below the widget, run it, and return what it printed."""
    notebook.set_source(SCRATCH, f"{code}\nprint('done')")
    notebook.run_cell(SCRATCH)
    output = notebook.output(SCRATCH)
    expect(output).to_contain_text("done")
    return output.inner_text().strip().removesuffix("done")


def test_the_first_notebook(notebook: Notebook, jupyter: Jupyter, page: Page, blocked: list[str]) -> None:
    notebook.run_cell(1)
    root = ready(page)
    wait_until_painted(root)
    cells = notebook.cell_count()

    # They click a head, hover "it", read the weight, pin the token …
    root.locator("[data-head=L2-H5]").click()
    ready(page)
    token(page, "query", IT).hover()
    expect(status(page)).to_contain_text(re.compile(r"L2-H5 it → \S+ 0\.\d{4}"))
    token(page, "query", IT).click()
    token(page, "key", ANIMAL).hover()
    shown = told(page, r"L2-H5 it → animal (0\.\d{4})")

    # … and Python has what is on the screen.
    notebook.run_cell(4)
    expect(notebook.output(4)).to_contain_text(f"([(2, 5)], [{IT}], [])")
    weight = run(notebook, f"print(f'{{w.weights()[0, 0, {ANIMAL}]:.4f}}')")
    assert weight.split() == [shown]

    # Python moves the picture.
    before = ink(page)
    run(notebook, "w.heads = [(1, 3)]")
    expect(root.locator(".picker [data-head=L1-H3]")).to_have_attribute("aria-pressed", "true")
    ready(page)
    assert ink(page) != before

    # Real keys: letters that are cell shortcuts (a, b, x, dd) stay letters.
    box = root.get_by_label("Text")
    box.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("a bad fox added xx dd")
    page.keyboard.press("Enter")
    expect(root.locator("[data-side=query] .label").nth(2)).to_have_text("fox")
    ready(page)
    assert notebook.cell_count() == cells
    assert "a bad fox added xx dd" in run(notebook, "print(w.text)")

    # A failure is told in the widget, and the picture stays.
    labels = root.locator("[data-side=query] .label").all_text_contents()
    box.fill("")
    box.press("Enter")
    expect(root.get_by_role("alert")).to_contain_text("no tokens")
    expect(root.locator("[data-side=query] .label")).to_have_text(labels)
    run(notebook, f"w.text = {TEXT!r}; w.heads = ['L2-H6']")
    ready(page)

    # Saved, the kernel gone, opened again: drawn from the file alone.
    notebook.save()
    jupyter.shut_kernels_down()
    again = jupyter.open(page, notebook.path.name, host=notebook.host)
    root = ready_or_kernelless(page)
    expect(root.locator("[data-side=query] .label").nth(ANIMAL)).to_have_text("animal")
    wait_until_painted(root)
    token(page, "query", IT).hover()
    expect(status(page)).to_contain_text(re.compile(r"L2-H6 it → animal 0\.\d{4}"))
    assert again.cell_count() == cells
    assert blocked == []


def ready_or_kernelless(page: Page) -> Locator:
    root = widget(page)
    expect(root).to_have_attribute("data-state", re.compile("ready|no-kernel"), timeout=DRAWN)
    return root


def test_kinds_of_heads(notebook: Notebook, page: Page) -> None:
    notebook.run_cell(1)
    root = ready(page)
    notebook.run_cell(4)  # names the widget
    root.locator("[data-category='Previous-Token']").click()
    before = ink(page)
    root.locator("[data-listed-head=L1-H2]").click()
    expect(root.locator("[data-head=L1-H2]")).to_have_attribute("aria-pressed", "true")
    ready(page)
    assert ink(page) != before
    assert run(notebook, "print(w.category, w.heads)").split() == ["Previous-Token", "[(1,", "2)]"]
    run(notebook, "w.category = 'Induction'")
    expect(root.locator("[data-listed-head=L3-H5]")).to_be_visible()


def test_the_breakdown(notebook: Notebook, jupyter: Jupyter, page: Page, blocked: list[str]) -> None:
    notebook.run_cell(1)
    root = ready(page)
    notebook.run_cell(4)
    cells = notebook.cell_count()
    root.get_by_role("tab", name="Breakdown").click()
    view = root.locator("[data-projected=ready]")  # the model has run once more, off the main thread
    expect(view).to_be_visible(timeout=DRAWN)
    run(notebook, f"w.heads, w.queries = ['L2-H6'], [{IT}]")
    expect(root.get_by_role("grid", name="steps of L2-H6")).to_be_visible()
    expect(root.locator(".steps [data-side=query]")).to_have_attribute("data-index", str(IT))
    ready(page)
    exact = row_of(root, ANIMAL).locator("[data-value=weight]").get_attribute("data-exact")
    said = run(notebook, f"b = w.breakdown(); print(b.weights[{ANIMAL}].item(), b.max_difference)")
    weight, difference = map(float, said.split())
    assert float(exact or "nan") == pytest.approx(weight, rel=1e-3)
    assert difference < 1e-5

    # Digits make headings of cells, in Jupyter's own hands.
    root.locator("[data-step='2']").click()
    page.keyboard.press("5")
    expect(root.locator("[data-step-shown='5']")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(root.locator("[data-step-shown='6']")).to_be_visible()
    assert notebook.cell_count() == cells

    run(notebook, f"w.what_if = {{'masked': [{ANIMAL}]}}")
    expect(row_of(root, ANIMAL).locator("[data-value=weight-changed]")).to_have_text("0")
    ready(page)

    # Saved, the kernel gone, opened again: the steps and the lines are drawn from the file alone.
    notebook.save()
    jupyter.shut_kernels_down()
    jupyter.open(page, notebook.path.name, host=notebook.host)
    root = ready_or_kernelless(page)
    expect(row_of(root, ANIMAL).locator("[data-value=weight-changed]")).to_have_text("0")
    root.get_by_role("tab", name="Lines").click()
    expect(root).to_have_attribute("data-view", "lines")
    expect(root.locator(".stage canvas").first).to_be_visible()
    wait_until_painted(root)
    assert blocked == []


def row_of(root: Locator, key: int) -> Locator:
    return root.locator(f"[data-row='{key}']").first


def test_it_follows_the_themes_of_lab(jupyter: Jupyter, page: Page) -> None:
    jupyter.write("themes.ipynb", f"from attnwidget import AttentionWidget\nAttentionWidget({TEXT!r})")
    notebook = jupyter.open(page, "themes.ipynb")
    notebook.run_cell(1)
    root = ready(page)
    light = root.evaluate("(root) => getComputedStyle(root).backgroundColor")
    notebook.set_theme(dark=True)
    expect(root).to_have_attribute("data-theme", "dark")
    ready(page)
    assert root.evaluate("(root) => getComputedStyle(root).backgroundColor") != light


def test_a_busy_kernel_is_no_dead_widget(jupyter: Jupyter, page: Page) -> None:
    """As with Run All: a long cell right behind the widget's own."""
    jupyter.write(
        "busy.ipynb",
        f"from attnwidget import AttentionWidget\nw = AttentionWidget({TEXT!r}, heads=['L2-H6'])\nw",
        "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.05)\n"
        f"print(format(w.trace.weights(0, 3)[{IT}].max().item(), '.4f'))",
    )
    notebook = jupyter.open(page, "busy.ipynb")
    page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
    root = ready(page)
    expect(root.locator(".chosen")).to_have_attribute("data-fresh", "true", timeout=DRAWN)  # nobody could ask for it
    root.locator("[data-head=L0-H3]").click()
    expect(root.locator("[data-head=L0-H3]")).to_have_attribute("aria-pressed", "true")
    expect(root).to_have_attribute("data-state", "ready")
    token(page, "query", IT).hover()
    shown = told(page, r"L0-H3 it → \S+ (0\.\d{4})")
    (jupyter.folder / "go").touch()
    expect(notebook.output(1)).to_contain_text(shown, timeout=DRAWN)


def test_a_dead_kernel_is_told_and_the_picture_stays(jupyter: Jupyter, page: Page) -> None:
    long = "word " * 300  # too long for the whole layer to come along
    code = f"from attnwidget import AttentionWidget\nAttentionWidget({long!r}, probe=False)"  # no colour changes later
    jupyter.write("dead.ipynb", code)
    notebook = jupyter.open(page, "dead.ipynb")
    notebook.run_cell(1)
    root = ready(page)
    expect(root.locator(".chosen")).to_have_attribute("data-fresh", "true", timeout=DRAWN)  # and with it the colours
    before = ink(page)
    jupyter.shut_kernels_down()
    root.locator("[data-head=L0-H0]").click()
    expect(root).to_have_attribute("data-state", "no-kernel", timeout=DRAWN)
    expect(root.get_by_role("alert")).to_contain_text("kernel")
    assert ink(page) == before
    files = {}
    for name in ("SVG", "PNG"):  # drawn by code that travels in the notebook
        root.get_by_role("button", name="Save").click()
        with page.expect_download() as download:
            root.get_by_role("menuitem", name=name).click()
        files[name] = Path(download.value.path()).read_bytes()
    words = " ".join(ET.fromstring(files["SVG"]).itertext()).split()
    assert {"word", "demo/causal"} <= {*words}
    assert files["PNG"].startswith(b"\x89PNG")


def test_a_cell_run_fifty_times_leaves_no_ghost(jupyter: Jupyter, page: Page) -> None:
    """And after that the kernel restarted, and the page reloaded."""
    jupyter.write("again.ipynb", f"from attnwidget import AttentionWidget\nAttentionWidget({TEXT!r}, probe=False)")
    notebook = jupyter.open(page, "again.ipynb")

    def run_often(times: int) -> None:
        for _ in range(times):
            notebook.run_cell(0)
        ready(page)
        expect(page.locator("[data-attnwidget]")).to_have_count(1)

    run_often(50)
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }")
    notebook.wait_idle()
    run_often(1)
    notebook.save()
    jupyter.open(page, "again.ipynb")
    ready(page)
    expect(page.locator("[data-attnwidget]")).to_have_count(1)
    widget(page).locator("[data-head=L0-H3]").click()
    ready(page)
