"""The frame around all views: what is in sight at which size, what says what, and what never moves."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from attnwidget import AttentionWidget, models
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEXT = "The animal didn't cross the road because it was too tired"
LONGER = f"{TEXT} , and so the man who had waited for it went home without it in the cold rain of that evening ."
PINNED: dict[str, Any] = {"heads": ["L2-H6"], "queries": [11], "keys": [1]}
LONG = "word " * 300  # its other heads are not sent along


def mounted(page: Page, width: int, height: int, text: str = TEXT, **options: Any) -> Mounted:
    page.set_viewport_size({"width": width, "height": height})
    page.add_init_script("addEventListener('DOMContentLoaded', () => { document.body.style.margin = '0'; });")
    at = Mounted(page, AttentionWidget(text, **options))
    at.wait()
    at.wait_for_more()
    return at


BOXES = """(names) => {
  const root = document.querySelector("#here > div").shadowRoot;
  return names.map((name) => { const { x, y, width, height } = root.querySelector(name).getBoundingClientRect();
    return [x, y, width, height]; });
}"""


def boxes(page: Page, *names: str) -> list[list[float]]:
    """Left, top, width and height of elements, in CSS pixels."""
    return page.evaluate(BOXES, list(names))


# -- in sight -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [TEXT, LONGER, LONG])
def test_readout_picture_and_legend_are_in_sight_together(page: Page, text: str) -> None:
    at = mounted(page, 848, 700, text, **PINNED)
    for name in ("[role=status]", ".stage", ".legend"):
        expect(page.locator(name)).to_be_in_viewport(ratio=1)
    (_, readout, *_), (_, picture, _, high), (_, legend, *_) = boxes(page, "[role=status]", ".stage", ".legend")
    assert readout < picture < picture + high <= legend
    (_, _, _, whole) = boxes(page, ".widget")[0]
    assert whole <= 760  # of a text that is longer than the stage the last row may be below
    assert len(at.widget.tokens) >= 12


def test_a_taller_window_gives_the_picture_more_room(page: Page) -> None:
    mounted(page, 848, 1000, LONG, **PINNED)
    (_, _, _, high) = boxes(page, ".stage")[0]
    assert 600 < high <= 640
    expect(page.locator(".legend")).to_be_in_viewport(ratio=1)


def test_in_the_breakdown_the_readout_stays_while_the_page_scrolls(page: Page) -> None:
    mounted(page, 848, 700, view="breakdown", **PINNED)
    page.locator("[data-writes=L2-H6]").scroll_into_view_if_needed()
    page.mouse.wheel(0, 2000)
    expect(page.locator("[data-writes=L2-H6]")).to_be_in_viewport()
    page.locator("[data-value=sum]").hover()
    expect(page.locator("[role=status]")).to_be_in_viewport(ratio=1)
    expect(page.locator("[role=status]")).to_contain_text("norm")


@pytest.mark.parametrize("view", ["lines", "breakdown"])
@pytest.mark.parametrize("width", [480, 848])
def test_nothing_overflows(page: Page, width: int, view: str) -> None:
    at = mounted(page, width, 760, LONGER, view=view, **PINNED)
    at.page.get_by_role("tab", name="Lines").hover()
    over = page.evaluate("""() => {
      const root = document.querySelector("#here > div").shadowRoot.querySelector("[data-attnwidget]");
      const right = root.getBoundingClientRect().right;
      const seen = [...root.querySelectorAll("*")].filter((one) => one.checkVisibility());
      return seen.filter((one) => one.getBoundingClientRect().right > right + 0.5).map((one) => one.className);
    }""")
    assert over == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, 400, 468, 560, 848])
def test_no_tab_and_no_tool_is_cut(page: Page, width: int) -> None:
    mounted(page, width, 760)
    tabs, *found = boxes(page, "[role=tablist]", "[data-tab=lines]", "[data-tab=breakdown]", ".tools")
    assert sum(tab[2] for tab in found[:2]) <= tabs[2]
    tools = found[2]
    assert tools[0] + tools[2] <= width
    assert tools[0] >= tabs[0] + tabs[2] or tools[1] >= tabs[1] + tabs[3] - 1  # beside the tabs, or below


def test_an_even_spread_over_two_keys_is_read_whole(page: Page) -> None:
    mounted(page, 848, 760, heads=["L2-H6"], queries=[1])
    label = page.locator(".wedge .even text")
    expect(label).to_have_text("even: 1/2")
    at, legend = label.bounding_box(), page.locator(".legend").bounding_box()
    assert at is not None
    assert legend is not None
    assert at["x"] >= legend["x"]
    assert page.locator(".wedge").evaluate("one => getComputedStyle(one).overflow") == "visible"


def test_panels_fold_into_buttons_in_a_narrow_place(page: Page) -> None:
    at = mounted(page, 480, 760, **PINNED)
    expect(page.locator("[data-head=L1-H2]")).not_to_be_visible()
    page.get_by_role("button", name="Heads ·").click()
    page.locator("[data-head=L1-H2]").click()
    at.wait()
    assert at.widget.heads == [(1, 2)]


# -- the categories -------------------------------------------------------------------------------------------------


def test_categories_are_one_line_until_one_is_opened(page: Page) -> None:
    at = mounted(page, 848, 900, **PINNED)
    panel = page.locator(".categories")
    expect(panel).to_have_attribute("aria-busy", "false")
    (_, _, _, high) = boxes(page, ".right")[0]
    assert high < 40
    beyond = page.locator(".beyond").count()
    more = page.locator(".all-kinds")
    expect(more).to_have_text(f"{beyond} more")
    assert beyond > 0
    expect(page.locator("[data-category=Other]")).not_to_be_visible()
    more.click()
    expect(page.locator("[data-category=Other]")).to_be_visible()
    page.get_by_role("button", name="fewer").click()
    page.locator("[data-category='Previous-Token']").click()
    at.wait()
    expect(page.locator(".kind-open")).to_be_visible()
    assert at.widget.category == "Previous-Token"
    page.get_by_role("button", name="fewer").click()
    at.wait()
    assert at.widget.category is None
    assert boxes(page, ".right")[0][3] == high


def test_with_room_the_categories_stand_beside_the_picture(page: Page) -> None:
    mounted(page, 1280, 760, **PINNED)
    (left, _, width, _), (column, *_) = boxes(page, ".picture", ".right")
    assert column == left + width
    expect(page.locator("[data-category=Other]")).to_be_visible()


# -- what is said ---------------------------------------------------------------------------------------------------


def test_the_readout_says_what_a_weight_means(page: Page) -> None:
    at = mounted(page, 848, 700, **PINNED | {"keys": []})
    status = page.locator("[role=status]")
    expect(status).to_contain_text("tired → animal 0.8552 the largest of 12 · 10 times an even spread")
    page.locator("[data-side=query][data-index='0']").click()
    expect(status).to_contain_text("The → The 1.0000 the only token it may see")
    page.locator("[data-side=query][data-index='8']").click()
    page.locator("[data-side=key][data-index='8']").hover()
    row = at.widget.trace.weights(2, 6)[8, :9]
    rank = int((row > row[8]).sum()) + 1
    expect(status).to_contain_text(f"it → it {row[8]:.4f} {rank}th largest of 9")


def test_a_silent_kernel_is_said_above_the_picture_and_moves_nothing(page: Page) -> None:
    at = mounted(page, 848, 700, LONG, heads=["L2-H6"])
    before = boxes(page, ".stage", ".legend", ".widget")
    at.held = True
    page.locator("[data-head=L0-H0]").click()
    at.wait_while_silent()
    said = page.locator(".silent")
    expect(said).to_contain_text("No answer from the kernel")
    expect(said).to_contain_text("It is needed to show L0-H0.")
    (_, top, _, high), (_, picture, *_) = boxes(page, ".silent", ".stage")
    assert top + high <= picture
    assert boxes(page, ".stage", ".legend", ".widget") == before
    page.locator("[data-side=query][data-index='1']").hover()
    expect(page.locator("[role=status]")).to_contain_text("ord →")  # what is here can be explored


def test_an_error_stands_above_the_picture(page: Page) -> None:
    at = mounted(page, 848, 700)
    page.get_by_label("Text", exact=True).fill("")
    page.get_by_label("Text", exact=True).press("Enter")
    at.wait("error")
    (_, readout, *_), (_, top, _, high), (_, picture, *_) = boxes(page, ".pointed-at", ".alert", ".stage")
    assert readout < top < top + high <= picture


# -- what never moves -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [480, 848, 1280])
def test_nothing_moves_with_the_pointer(page: Page, width: int) -> None:
    at = mounted(page, width, 760, heads=["L2-H6", "L1-H2", "L3-H5"])
    parts = (".widget", ".pointed-at", ".stage", ".legend", "footer", ".right")
    before = boxes(page, *parts)
    for side, index in (("query", 0), ("query", 11), ("key", 1)):
        page.locator(f"[data-side={side}][data-index='{index}']").hover()
        expect(page.locator("[role=status]")).to_contain_text("→")
        at.rest()
        assert boxes(page, *parts) == before


def test_the_frame_stands_before_the_picture_does(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    load = models.load_model
    go = threading.Event()

    def slow(*_: object, **__: object) -> Any:
        go.wait(30)
        return load("demo/causal")

    monkeypatch.setattr(models, "needs_download", lambda _: True)
    monkeypatch.setattr(models, "resolve", lambda _: {})
    monkeypatch.setattr(models, "load_shared", slow)
    page.set_viewport_size({"width": 848, "height": 700})
    at = Mounted(page, AttentionWidget(TEXT, model="some/model"))
    expect(page.locator(".skeleton")).to_be_visible()
    parts = (".tabs", ".pointed-at", ".body", ".left", ".right")
    before = boxes(page, *parts)
    go.set()
    at.wait()
    assert boxes(page, *parts) == before


def test_many_thresholds_within_a_frame_are_one_drawing(page: Page) -> None:
    at = mounted(page, 848, 700, **PINNED)
    page.evaluate("""() => {
      const { clearRect } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.clearRect = function (...box) {
        if (this.canvas.closest(".stage")) window.drawings += 1;
        return clearRect.apply(this, box);
      };
    }""")
    page.get_by_label("Threshold").evaluate("""(slider) => {
      window.drawings = 0;
      for (let at = 10; at < 60; at++) {
        slider.value = String(at / 100);
        slider.dispatchEvent(new InputEvent("input", { bubbles: true }));
      }
    }""")
    at.wait()
    assert at.widget.threshold == pytest.approx(0.59**3, abs=0.002)
    # All lines and those in focus; once more where an answer arrives just then.
    assert page.evaluate("drawings") <= 4
