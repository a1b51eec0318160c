"""The menu of files and what is copied: with a kernel, without one, and by the keyboard alone."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import expect

from attnwidget import AttentionWidget
from attnwidget.export import numbers
from attnwidget.export import save as saving
from attnwidget.wire.schema import VIEWS, ProgressEvent
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEXT = "The animal didn't cross the road because it was too tired"


def mounted(page: Page, text: str = TEXT, **options: Any) -> Mounted:
    at = Mounted(page, AttentionWidget(text, probe=False, **{"heads": ["L3-H0"]} | options))
    at.wait()
    return at


def open_menu(page: Page) -> None:
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("menuitem", name="SVG")).to_be_focused()


def saved(page: Page, what: str) -> tuple[str, bytes]:
    open_menu(page)
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=what).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_numbers_come_from_the_kernel_under_a_name_that_says_what_they_are(page: Page) -> None:
    at = mounted(page, queries=[8])
    name, data = saved(page, "CSV")
    assert name == "demo-causal-lines-L3-H0.csv"
    assert data == numbers.csv_file(at.widget._session)
    expect(page.get_by_role("button", name="Save")).to_be_focused()
    expect(page.get_by_role("menu")).to_have_count(0)


def test_how_a_figure_is_to_look_goes_along(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setitem(saving.FORMATS, "svg", ("image/svg+xml", lambda _, ask, __: asked.append(ask) or b"<svg/>"))
    mounted(page)
    open_menu(page)
    for name in ("paper 3.3 in", "dark", "transparent"):
        page.get_by_role("menu").get_by_text(name, exact=True).click()
    checked = page.locator("[role=menu] [aria-checked=true]")
    expect(checked).to_have_text(["paper 3.3 in", "dark", "transparent"])
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="SVG").click()
    assert Path(download.value.path()).read_bytes() == b"<svg/>"
    assert [(one.width, one.theme, one.background) for one in asked] == [(3.3, "dark", False)]


def test_the_keyboard_alone_opens_walks_and_closes_it(page: Page) -> None:
    mounted(page, queries=[8])
    button, menu = page.get_by_role("button", name="Save"), page.get_by_role("menu")
    button.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="SVG")).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem", name="HTML")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitemradio", name="as on screen")).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("menuitemradio", name="paper 3.3 in")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(button).to_be_focused()
    expect(page.locator("[data-side=query][aria-selected=true]")).to_have_count(1)  # Escape was the menu's
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(menu).to_have_count(0)
    button.click()
    page.locator("[role=status]").click()
    expect(menu).to_have_count(0)


@pytest.mark.parametrize("width", [848, 480, 360])
def test_it_is_in_sight_whole(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    mounted(page)
    open_menu(page)
    for one in page.locator("[role=menu] button, [role=menu] i").all():
        expect(one).to_be_in_viewport(ratio=1)
    box, frame = page.get_by_role("menu").bounding_box(), page.locator("[data-attnwidget]").bounding_box()
    assert frame["x"] <= box["x"]
    assert box["x"] + box["width"] <= frame["x"] + frame["width"]


def test_what_cannot_be_made_is_said_and_nothing_is_lost(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise ValueError("a PDF needs <b>more</b>: pip install 'attnwidget[pdf]'")

    monkeypatch.setitem(saving.FORMATS, "pdf", ("application/pdf", fail))
    at = mounted(page, queries=[8])
    open_menu(page)
    page.get_by_role("menuitem", name="PDF").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("a PDF needs <b>more</b>: pip install 'attnwidget[pdf]'")
    assert at.widget.queries == [8]
    page.get_by_role("button", name="dismiss").click()
    expect(alert).to_have_count(0)


def test_a_long_one_says_how_far_it_is_and_can_be_stopped(page: Page) -> None:
    at = mounted(page)
    at.held = True
    open_menu(page)
    page.get_by_role("menuitem", name="HTML").click()
    button = page.get_by_role("button", name="Save")
    expect(button).to_have_attribute("aria-busy", "true")
    page.wait_for_function("idle()")
    (ask,) = [one["content"] for one in at.inbox if one["content"].get("ask") == "save"]
    at.inbox.clear()  # it is being worked on
    at.held = False
    at.widget.send(ProgressEvent(id=ask["id"], done=1, total=4).to_state())
    expect(page.locator(".working")).to_contain_text("making the HTML: 25\xa0%")
    page.get_by_role("button", name="Stop").click()
    expect(button).to_have_attribute("aria-busy", "false")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_without_a_kernel_the_numbers_are_those_on_screen(page: Page) -> None:
    at = mounted(page, queries=[8])
    kernels = rows_of(numbers.csv(at.widget._session))
    at.alive = False
    name, data = saved(page, "CSV")  # asked for, and as nobody answers made here
    assert name == "demo-causal-lines-L3-H0.csv"
    own = rows_of(data.decode("utf-8"))
    assert [row[:5] + row[6:] for row in own] == [row[:5] + row[6:] for row in kernels]
    for one, other in zip(own[1:], kernels[1:], strict=True):
        assert (one[5] == other[5] == "") or float(one[5]) == pytest.approx(float(other[5]), abs=1e-6)


# -- copying ----------------------------------------------------------------------------------------------------------

LISTEN = """window.addEventListener("copy", (event) => {
  window.copied = [event.clipboardData.getData("text/plain"), event.defaultPrevented];
})"""


def copied(page: Page) -> list[Any]:
    page.evaluate("window.copied = null")
    page.keyboard.press("Control+c")
    return page.evaluate("window.copied")


def test_what_is_in_focus_is_copied_for_a_spreadsheet(page: Page) -> None:
    at = mounted(page, queries=[8])
    page.evaluate(LISTEN)
    page.locator("[data-side=key][data-index='1']").focus()
    text, _ = copied(page)
    header, row = text.split("\n")
    assert header.split("\t")[:2] == ["query position", "query token"]
    assert row.split("\t")[:5] == ["8", "it", "1", "animal", "L3-H0"]
    assert float(row.split("\t")[5]) == pytest.approx(float(at.widget.trace.weights(3, 0)[8, 1]), abs=1e-6)
    page.locator("[data-listed-head]").nth(1).focus()
    text, _ = copied(page)
    assert [line.split("\t")[0] for line in text.split("\n")] == at.widget.trace.rank("it").heads[:5]
    page.locator("[data-where]").first.focus()
    assert copied(page)[0].split("\n")[0].split("\t")[0] == "1"  # the position of "animal"


def test_the_menu_copies_too(page: Page) -> None:
    mounted(page, queries=[8], keys=[1])
    page.evaluate(LISTEN)
    open_menu(page)
    page.get_by_role("menuitem", name="copy").click()
    assert page.evaluate("window.copied")[0].split("\n")[1].startswith("8\tit\t1\tanimal\tL3-H0\t0.4966")


@pytest.mark.parametrize(("view", "says"), [("heads", "head\tlayer\tnumber"), ("breakdown", "key position\tkey token")])
def test_views_that_draw_no_pairs_copy_their_own_table(page: Page, view: str, says: str) -> None:
    mounted(page, view=view, queries=[8]).wait_for_more()  # the table of heads is one of their scores
    page.evaluate(LISTEN)
    page.locator(f"[data-tab={view}]").focus()
    assert copied(page)[0].startswith(says)


def test_selected_text_is_copied_as_it_is(page: Page) -> None:
    mounted(page, queries=[8])
    page.evaluate(LISTEN)
    page.get_by_label("Text").focus()
    page.keyboard.press("Control+a")
    assert copied(page) == ["", False]  # the browser's own


# -- a saved page -----------------------------------------------------------------------------------------------------


def test_a_saved_page_makes_figures_and_numbers_itself(page: Page, tmp_path: Path) -> None:
    widget = AttentionWidget(TEXT, probe=False, heads=["L3-H0"], queries=[8], view="effect")
    widget.view = "lines"  # effects are on the page as far as they were computed
    widget.save_html(tmp_path / "page.html")
    page.goto((tmp_path / "page.html").as_uri())
    expect(page.locator("[data-attnwidget]")).to_have_attribute("data-state", "ready")
    for view in VIEWS:
        page.locator(f"[data-tab={view}]").click()
        expect(page.locator("[data-attnwidget]")).to_have_attribute("data-view", view)
        expect(page.locator("[data-attnwidget]")).to_have_attribute("data-state", "ready")
        name, data = saved(page, "SVG")
        assert name == f"demo-causal-{view}-L3-H0.svg"
        root = ET.fromstring(data)
        assert root.tag.endswith("svg")
        assert len(list(root.iter())) > 20
    assert saved(page, "PNG")[1].startswith(b"\x89PNG")
    page.locator("[data-tab=lines]").click()
    expect(page.locator("[data-attnwidget]")).to_have_attribute("data-view", "lines")
    expect(page.locator("[data-attnwidget]")).to_have_attribute("data-state", "ready")
    kernels = rows_of(numbers.csv(widget._session))
    own = rows_of(saved(page, "CSV")[1].decode())
    assert [row[:5] + row[6:] for row in own] == [row[:5] + row[6:] for row in kernels]
    open_menu(page)
    expect(page.get_by_role("menuitem", name="PDF")).to_have_count(0)
    expect(page.get_by_role("menuitem", name="HTML")).to_have_count(0)
