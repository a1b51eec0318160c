"""The panel of head categories: what it shows, what its clicks and keys do, and what Python has of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

from attnwidget import AttentionWidget
from attnwidget.heads.categories import Category
from attnwidget.heads.patterns import Offset
from attnwidget.session.feeds import CategoriesFeed
from attnwidget.wire.envelope import pack
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

TEXT = "The animal didn't cross the road because it was too tired"
LAYERS, HEADS = 4, 8
NAMES = ("Previous-Token", "Syntactic", "Induction")
UNKNOWN = float("nan")


def categories(widget: AttentionWidget, names: tuple[str, ...] = NAMES, **changed: Any) -> dict[str, Any]:
    """Three Previous-Token heads, of which one is mainly an Induction head; Syntactic is not measured."""
    scores = torch.full((len(names), LAYERS, HEADS), 0.05)
    scores[0, 1, 2], scores[0, 2, 3], scores[0, 0, 1] = 0.99, 0.7, 0.5
    scores[1] = UNKNOWN
    scores[2, 0, 1] = 0.8
    about = {"threshold": 0.4, "chance": 0.24, "source": "this text", "colour": None}
    told = [{"name": name, "meaning": f"What {name} means.", **about} for name in names]
    told[1]["source"] = "not measured on this text"
    probe = {"state": "none", "message": "", "done": 0, "total": 0}
    return {
        "run": widget._session.run_number,
        "list": told,
        "peak": [[0.1] * HEADS] * LAYERS,
        "warning": "",
        "probe": probe,
        **pack(scores),
        **changed,
    }


@pytest.fixture
def mount(page: Page) -> Callable[..., Mounted]:
    def mounted(
        *, alive: bool = True, names: tuple[str, ...] = NAMES, told: dict[str, Any] | None = None, **options: Any
    ) -> Mounted:
        widget = AttentionWidget(TEXT, **{"heads": ["L2-H6"], **options})
        widget._categories = categories(widget, names, **(told or {}))
        one = Mounted(page, widget, alive=alive)
        one.wait()
        return one

    return mounted


def chip(at: Mounted, name: str) -> Locator:
    return at.page.locator(f"[data-category='{name}']")


def listed(at: Mounted, name: str) -> Locator:
    return at.page.locator(f"[data-listed-head={name}]")


def listed_heads(at: Mounted) -> list[str | None]:
    at.rest()
    entries = at.page.locator("[data-listed-head]").all()
    return [one.get_attribute("data-listed-head") for one in entries]


def cell(at: Mounted, name: str) -> Locator:
    return at.page.locator(f"[data-head={name}]")


def pixels(at: Mounted, canvas: str, colour: str) -> int:
    """Count the pixels of a colour among those that are well painted."""
    at.rest()
    return at.page.evaluate(
        """([selector, colour]) => {
          const canvas = document.querySelector("#here > div").shadowRoot.querySelector(selector);
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
          let count = 0;
          for (let at = 0; at < data.length; at += 4) {
            if (data[at + 3] > 80 && wanted.every((value, nth) => Math.abs(data[at + nth] - value) < 8)) count += 1;
          }
          return count;
        }""",
        [canvas, colour],
    )


PREVIOUS, INDUCTION, OTHER, ACCENT = "#0072b2", "#b84a00", "#808a9a", "#1f6feb"


# -- what is shown --------------------------------------------------------------------------------------------------


def test_every_head_is_counted_under_its_main_category(mount: Callable[..., Mounted]) -> None:
    at = mount()
    for name, count in {"Previous-Token": "2", "Syntactic": "–", "Induction": "1", "Other": "29"}.items():
        expect(chip(at, name).locator(".count")).to_have_text(count)
    expect(cell(at, "L1-H2")).to_have_attribute("aria-label", "L1-H2, Previous-Token .99")
    expect(cell(at, "L0-H0")).to_have_attribute("title", "L0-H0, Other")


def test_a_head_has_its_category_colour_everywhere(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L1-H2"])
    assert pixels(at, ".stage canvas", PREVIOUS) > 0
    assert pixels(at, ".stage canvas", ACCENT) == 0
    at.page.wait_for_function("() => model.get('_pictures').run === 1")
    assert pixels(at, ".picker canvas", INDUCTION) > 0
    assert pixels(at, ".picker canvas", OTHER) > 0
    swatch = at.page.locator(".chosen .code")
    expect(swatch).to_have_attribute("data-code", "PT")
    expect(swatch).to_have_css("background-color", "rgb(0, 114, 178)")
    expect(at.page.locator(".chosen")).to_contain_text("L1-H2 · Previous-Token")


def test_heads_of_one_category_differ_by_shade_mark_and_name(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L1-H2", "L0-H1", "L2-H3"])
    legend = at.page.locator(".head-names")
    expect(legend).to_have_text("L1-H2Previous-TokenL0-H1InductionL2-H3Previous-Token")
    colours = legend.locator("line").evaluate_all("lines => lines.map((one) => one.getAttribute('stroke'))")
    assert colours[:2] == [PREVIOUS, INDUCTION]
    assert len(set(colours)) == 3
    marks = legend.locator("path").evaluate_all("paths => paths.map((one) => one.getAttribute('d'))")
    assert len(set(marks)) == 3


def test_the_chosen_head_says_why(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L0-H1"])
    why = at.page.locator(".why > div")
    expect(why.locator(".name")).to_have_text(["Induction", "Previous-Token"])
    expect(why.locator(".points")).to_have_text([".80", ".50"])
    expect(why.first).to_have_attribute("title", re.compile(r"chance \.24"))


def test_the_chosen_head_says_what_it_does_mostly_and_what_it_does_here(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L1-H2"], queries=[11])
    said = at.page.locator(".chosen .here")
    expect(said).to_contain_text("Mostly what Previous-Token means. Here sharper than usual: “")
    row = at.widget.trace.weights(1, 2, queries=11)
    text = (said.text_content() or "").replace("\u2068", "").replace("\u2069", "")
    key = at.widget.trace.tokens[int(row.argmax())].strip()
    assert f"“{key}” has {float(row.max()):.2f} (usual: {1 / 12 + 0.1 * 11 / 12:.2f})" in text


def test_not_measured_is_said_with_its_reason(mount: Callable[..., Mounted]) -> None:
    at = mount()
    chip(at, "Syntactic").click()
    opened = at.page.locator(".kind-open")
    expect(opened).to_contain_text("What Syntactic means.")
    expect(opened).to_contain_text("not measured on this text")
    expect(opened.locator("input")).to_have_count(0)


def test_the_probe_shows_how_far_it_is(mount: Callable[..., Mounted]) -> None:
    probe = {"state": "running", "message": "measuring on 128 annotated sentences", "done": 51, "total": 128}
    at = mount(told={"probe": probe})
    chip(at, "Syntactic").click()
    opened = at.page.locator(".kind-open")
    expect(opened).to_contain_text("measuring on 128 annotated sentences … 40")
    expect(opened.locator("progress")).to_have_js_property("value", 51)
    at.widget._categories = categories(
        at.widget, probe={"state": "failed", "message": "the sentences are too long", "done": 0, "total": 0}
    )
    expect(opened).to_contain_text("the sentences are too long")
    expect(opened.locator("progress")).to_have_count(0)


def test_a_warning_is_shown(mount: Callable[..., Mounted]) -> None:
    at = mount(told={"warning": "5 tokens: labels need 6 or more"})
    expect(at.page.locator(".categories")).to_contain_text("5 tokens: labels need 6 or more")


def test_html_in_a_name_is_text(mount: Callable[..., Mounted], page: Page) -> None:
    name = "<img src=x onerror=alert(1)>"
    own = Category.of_pattern(name, "Mine.", Offset(-1))
    at = mount(names=(name, "Syntactic", "Induction"), heads=["L1-H2"], categories=[own])
    chip(at, name).click()
    expect(at.page.locator(".chosen")).to_contain_text(name)
    expect(at.page.locator(".kind .name").first).to_have_text(name)
    expect(at.page.locator(".kind-open")).to_contain_text(f"What {name} means.")
    expect(page.locator("img")).to_have_count(0)


def test_layers_are_compared(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.get_by_role("button", name="by layer").click()
    charts = at.page.locator(".profile figure")
    expect(charts).to_have_count(2)  # those of the compared categories that there are
    expect(charts.nth(1)).to_contain_text("not measured")
    expect(charts.first.locator("svg")).to_have_attribute(
        "aria-label", "Previous-Token, mean score by layer: .11, .17, .13, .05"
    )
    at.rest()
    above, axis = charts.last.bounding_box(), at.page.locator(".profile .axis").bounding_box()
    assert axis["y"] >= above["y"] + above["height"]  # the layers' numbers stand under the charts
    assert axis["width"] > 0.9 * above["width"]
    chip(at, "Induction").click()
    expect(charts).to_have_count(1)
    expect(charts).to_contain_text("Induction")


# -- clicks and keys ------------------------------------------------------------------------------------------------


def test_a_category_opens_and_closes(mount: Callable[..., Mounted]) -> None:
    at = mount()
    chip(at, "Previous-Token").click()
    at.wait()
    assert at.widget.category == "Previous-Token"
    expect(chip(at, "Previous-Token")).to_have_attribute("aria-expanded", "true")
    assert listed_heads(at) == ["L1-H2", "L2-H3", "L0-H1"]
    expect(listed(at, "L0-H1")).to_contain_text("mainly Induction")
    expect(listed(at, "L1-H2")).to_contain_text(".99")
    chip(at, "Previous-Token").click()
    at.wait()
    assert at.widget.category is None
    assert listed_heads(at) == []


@pytest.mark.parametrize("width", [848, 1280])
def test_an_open_category_moves_no_other_away_from_the_pointer(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    at = Mounted(page, AttentionWidget(TEXT, probe=False))  # what it says of its progress comes and goes
    at.wait()
    at.wait_for_more()
    chip(at, "Previous-Token").click()
    at.wait()
    places = {name: chip(at, name).bounding_box() for name in ("First/Positional", "Bag-of-Words", "Syntactic")}
    chip(at, "First/Positional").click()
    at.wait()
    expect(chip(at, "First/Positional")).to_have_attribute("aria-expanded", "true")
    at.rest()
    assert {name: chip(at, name).bounding_box() for name in places} == places


def test_what_a_score_means_is_said_of_the_head_shown(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=["L1-H2"], category="Previous-Token")
    expect(listed(at, "L1-H2")).to_have_attribute("title", "L1-H2 · .99")
    told = categories(at.widget)
    numbers = [[f"0 {layer} {head}" for head in range(HEADS)] for layer in range(LAYERS)]
    told["list"][0]["notes"] = {"texts": ["note \x01 \x01"], "of": numbers}
    at.widget._categories = told
    expect(at.page.locator(".kind-open")).to_contain_text("L1-H2 note 1 2")
    expect(listed(at, "L2-H3")).to_have_attribute("title", "L2-H3 · .70 · note 2 3")


def test_other_lists_heads_with_what_they_come_nearest_to(mount: Callable[..., Mounted]) -> None:
    at = mount(category="Other")
    assert len(listed_heads(at)) == 29
    expect(listed(at, "L0-H0")).to_contain_text("nearest Previous-Token")
    expect(at.page.locator(".kind-open input[type=range]")).to_have_count(0)


def test_python_opens_a_category(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.widget.category = "Induction"
    at.wait()
    assert listed_heads(at) == ["L0-H1"]
    at.widget.category = None
    at.wait()
    assert listed_heads(at) == []


def test_a_listed_head_is_shown_by_a_click(mount: Callable[..., Mounted]) -> None:
    at = mount(category="Previous-Token")
    assert pixels(at, ".stage canvas", PREVIOUS) == 0
    listed(at, "L1-H2").click()
    at.wait()
    assert (at.widget.heads, at.widget.layer) == ([(1, 2)], 1)
    assert pixels(at, ".stage canvas", PREVIOUS) > 0
    expect(listed(at, "L1-H2")).to_have_attribute("aria-pressed", "true")
    expect(cell(at, "L1-H2")).to_have_attribute("aria-pressed", "true")
    listed(at, "L0-H1").click(modifiers=["Shift"])
    at.wait()
    assert at.widget.heads == [(1, 2), (0, 1)]
    listed(at, "L1-H2").click(modifiers=["Shift"])
    at.wait()
    assert at.widget.heads == [(0, 1)]


def test_the_keyboard_alone_reaches_a_head(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.locator("[data-side=key]").first.focus()
    at.page.keyboard.press("Tab")
    expect(chip(at, "Previous-Token")).to_be_focused()
    at.page.keyboard.press("ArrowDown")
    expect(chip(at, "Syntactic")).to_be_focused()
    at.page.keyboard.press("ArrowUp")
    at.page.keyboard.press("Enter")
    expect(listed(at, "L1-H2")).to_be_visible()
    at.page.keyboard.press("ArrowDown")
    at.page.keyboard.press("ArrowDown")
    expect(listed(at, "L2-H3")).to_be_focused()
    at.page.keyboard.press("Enter")
    at.wait()
    assert at.widget.heads == [(2, 3)]
    at.page.keyboard.press("End")
    at.page.keyboard.press("Shift+Enter")
    at.wait()
    assert at.widget.heads == [(2, 3), (0, 1)]
    at.page.keyboard.press("Home")
    at.page.keyboard.press("ArrowUp")
    expect(chip(at, "Previous-Token")).to_be_focused()


def test_the_threshold_recounts_without_a_message(mount: Callable[..., Mounted]) -> None:
    at = mount(category="Previous-Token", heads=["L2-H3"])
    at.held = True  # what the page sends now stays in the inbox
    assert at.inbox == []
    slider = at.page.get_by_label("threshold of Previous-Token")
    slider.fill("0.75")
    expect(chip(at, "Previous-Token").locator(".count")).to_have_text("1")
    expect(chip(at, "Other").locator(".count")).to_have_text("30")
    assert listed_heads(at) == ["L1-H2"]
    expect(at.page.locator(".chosen")).to_contain_text("L2-H3 · Other")
    assert pixels(at, ".stage canvas", OTHER) > 0
    slider.fill("1")
    expect(at.page.locator(".kind-open")).to_contain_text("no head at this threshold")
    assert at.inbox == []
    at.held = False


def test_only_this_category_dims_the_others(mount: Callable[..., Mounted]) -> None:
    at = mount(category="Previous-Token")
    at.page.wait_for_function("() => model.get('_pictures').run === 1")
    bright = pixels(at, ".picker canvas", OTHER)
    at.page.get_by_label("only this category").check()
    expect(at.page.locator(".cell:not(.dimmed)")).to_have_count(3)
    expect(cell(at, "L0-H1")).not_to_have_class("cell dimmed")
    assert bright > 0
    assert pixels(at, ".picker canvas", OTHER) == 0
    assert pixels(at, ".picker canvas", PREVIOUS) > 0
    chip(at, "Previous-Token").click()
    expect(at.page.locator(".dimmed")).to_have_count(0)


# -- which scores count ---------------------------------------------------------------------------------------------


def test_scores_of_another_run_are_ignored(mount: Callable[..., Mounted]) -> None:
    at = mount(alive=False, told={"run": 77}, heads=["L1-H2"])
    expect(at.page.locator(".categories")).to_have_attribute("aria-busy", "true")
    expect(at.page.locator("[data-category]")).to_have_count(0)
    expect(cell(at, "L1-H2")).to_have_attribute("aria-label", "L1-H2")
    assert pixels(at, ".stage canvas", PREVIOUS) == 0
    assert pixels(at, ".stage canvas", ACCENT) > 0


def test_while_a_new_text_is_measured_no_old_number_stands(
    mount: Callable[..., Mounted], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(CategoriesFeed, "begin", lambda _, shown: asked.append(shown.run))
    at = mount(heads=["L1-H2"], category="Previous-Token")
    assert asked == []
    at.wait_for_more()
    panel = at.page.locator(".categories")
    high = panel.bounding_box()
    at.widget.text = "The animal didn't cross the street because it was too wide"
    at.wait()
    assert asked == [at.widget._session.run_number]
    expect(panel).to_have_attribute("aria-busy", "true")
    expect(panel).to_contain_text("measuring …")
    expect(chip(at, "Previous-Token").locator(".count")).not_to_be_visible()
    expect(listed(at, "L1-H2")).not_to_be_visible()
    expect(at.page.locator(".why .points").first).not_to_be_visible()
    expect(cell(at, "L1-H2")).to_have_attribute("aria-label", "L1-H2")
    at.rest()
    assert panel.bounding_box() == high
    at.widget._categories = categories(at.widget)
    expect(panel).to_have_attribute("aria-busy", "false")
    expect(listed(at, "L1-H2")).to_be_visible()
    at.rest()
    assert panel.bounding_box() == high


def test_a_saved_page_keeps_its_categories(mount: Callable[..., Mounted]) -> None:
    at = mount(alive=False, heads=["L1-H2"])
    expect(chip(at, "Previous-Token").locator(".count")).to_have_text("2")
    assert pixels(at, ".stage canvas", PREVIOUS) > 0
    chip(at, "Previous-Token").click()
    assert listed_heads(at) == ["L1-H2", "L2-H3", "L0-H1"]
    at.wait_while_silent()
    expect(chip(at, "Previous-Token").locator(".count")).to_have_text("2")


# -- where it stands ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [480, 760, 960, 1040, 1280])
def test_nothing_moves_when_the_scores_arrive(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width + 32, "height": 900})
    widget = AttentionWidget(TEXT, heads=["L1-H2"])
    names = ("Previous-Token", "Syntactic", "Induction", *"abcdefg")  # as many as there usually are
    at = Mounted(page, widget, alive=False)
    at.wait()
    boxes = """() => [...document.querySelector("#here > div").shadowRoot.querySelectorAll(
      ".widget, .left, .right, .lines-view, .categories, .strongest, .stage, footer, .profile"
    )].map((one) => JSON.stringify(one.getBoundingClientRect()))"""
    before = page.evaluate(boxes)
    expect(page.locator(".waiting")).to_have_text("measuring …")
    at.inbox.clear()  # the kernel is told to measure only by this test
    widget._categories = categories(widget, names)
    at.alive = True
    expect(chip(at, "Induction").locator(".count")).to_have_text("1")
    at.rest()
    assert page.evaluate(boxes) == before


def test_the_panel_folds_in_a_narrow_place(mount: Callable[..., Mounted], page: Page) -> None:
    page.set_viewport_size({"width": 512, "height": 900})
    at = mount()
    expect(chip(at, "Induction")).not_to_be_visible()
    page.get_by_role("button", name="Categories").click()
    chip(at, "Induction").click()
    listed(at, "L0-H1").click()
    at.wait()
    assert at.widget.heads == [(0, 1)]
    over = page.evaluate("""() => {
      const root = document.querySelector("#here > div").shadowRoot.querySelector("[data-attnwidget]");
      const right = root.getBoundingClientRect().right;
      const seen = [...root.querySelectorAll("*")].filter((one) => one.checkVisibility());
      return seen.filter((one) => one.getBoundingClientRect().right > right + 0.5).map((one) => one.className);
    }""")
    assert over == []
