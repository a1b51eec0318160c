"""The lab in a browser: one pair in all pictures, options, flash attention, the keyboard, a page without a kernel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import expect

from attnwidget import AttentionLab, variants
from attnwidget.export.notebook import page_of_notebook
from browser.fake_comm import BUNDLE, Mounted
from browser.test_access import AXE, LOOK
from saved_notebooks import notebook_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

    from browser.jupyter import Jupyter

TEXT = "The animal didn't cross the road because it was too tired"


@pytest.fixture
def mount(page: Page) -> Callable[..., Mounted]:
    def mounted(**options: Any) -> Mounted:
        one = Mounted(page, AttentionLab(TEXT, **{"head": 6} | options), bundle=BUNDLE.with_name("lab.js"))
        one.wait()
        return one

    return mounted


def read(page: Page, name: str) -> Locator:
    return page.locator(f"[data-read={name}]")


def matrix(page: Page, name: str) -> Locator:
    return page.locator(f".lab-column[data-variant={name}] .lab-matrix")


def point(page: Page, query: int, key: int) -> None:
    """Go to a pair by keys: the first arrow enters at the first pair."""
    for move, count in (("ArrowDown", query + 1), ("ArrowRight", key)):
        for _ in range(count):
            page.keyboard.press(move)


def test_one_pair_lights_up_in_all_with_the_numbers_of_the_functions(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(variants=["scaled_dot_product", "sliding_window", "differential"])
    matrix(page, "sliding_window").focus()
    point(page, 11, 1)
    page.keyboard.press("Enter")
    page.locator("textarea").focus()  # it stays
    weights = at.widget.weights("scaled_dot_product")
    signed = at.widget.weights("differential")
    expect(page.locator(".lab-readout .read-pair")).to_have_text("tired → animal")
    expect(read(page, "scaled_dot_product")).to_have_text(f"{weights[11, 1]:.4f}")
    expect(read(page, "sliding_window")).to_have_text("hidden")
    expect(read(page, "differential")).to_have_text(f"{signed[11, 1]:+.4f}".replace("-", "−"))
    page.keyboard.press("Escape")
    expect(page.locator(".lab-readout")).to_contain_text("point at a pair")
    box = matrix(page, "differential").bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] - 24)
    expect(page.locator(".lab-readout .read-pair")).to_contain_text("tired →")


def test_a_slider_changes_the_numbers_to_those_of_the_function(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(variants=["sliding_window", "scaled_dot_product"])
    slider = page.locator("[data-option=window] input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    at.wait()
    assert at.widget.options == {"sliding_window": {"window": 2}}
    expect(page.locator("[data-option=window] input[type=number]")).to_have_value("2")
    one = variants.from_trace(at.widget.trace, 2)
    expected = variants.sliding_window(one.q, one.k, one.v, 2, mask=one.allowed, scale=one.scale).weights[6]
    matrix(page, "sliding_window").focus()
    point(page, 11, 10)
    expect(read(page, "sliding_window")).to_have_text(f"{expected[11, 10]:.4f}")
    page.keyboard.press("ArrowLeft")
    expect(read(page, "sliding_window")).to_have_text("hidden")


def test_the_list_brings_variants_in_and_the_cross_takes_them_out(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(variants=["scaled_dot_product", "sliding_window", "additive"], chosen="additive")
    page.get_by_role("navigation").get_by_role("button", name="grouped-query").click()
    at.wait()
    assert at.widget.variants == ["scaled_dot_product", "sliding_window", "grouped_query"]
    assert at.widget.chosen == "grouped_query"
    expect(page.locator("[data-about=grouped_query]")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("group 0: heads 0, 1;"))).to_be_visible()
    page.locator("[data-option=groups]").get_by_role("button", name="8").click()
    at.wait()
    expect(page.locator(".lab-identities .holds")).to_have_count(2)
    assert read_apart(page, "grouped_query") == 0
    page.get_by_role("button", name="remove sliding window").click()
    at.wait()
    assert at.widget.variants == ["scaled_dot_product", "grouped_query"]


def read_apart(page: Page, name: str) -> float:
    found = page.locator(f".lab-column[data-variant={name}] [data-apart]").get_attribute("data-apart")
    return float(found or "nan")


def test_symbols_light_up_and_words_go_three_depths(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    page.locator("[data-symbol=Q]").hover()
    expect(page.locator(".lab-symbol")).to_contain_text("(heads, n, d_k) = 8 × 12 × 32")
    page.get_by_role("button", name="paragraph").click()
    at.wait()
    assert at.widget.depth == "paragraph"
    expect(page.locator(".lab-words")).to_contain_text("the output is the average of the values")
    page.get_by_role("button", name="formula", exact=True).click()
    expect(page.locator(".lab-symbols")).to_contain_text("what each token offers to be found by")
    page.get_by_role("button", name="8,192").click()
    at.wait()
    assert at.widget.length == 8192


def test_flash_attention_goes_tile_by_tile_and_ends_equal(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(variants=["flash"])
    run = at.widget._session.states["board"].flash
    flash = page.locator(".lab-flash")
    expect(flash).to_have_attribute("data-steps", "9")
    expect(page.locator(".lab-flash-end")).to_contain_text("At the last tile")
    page.get_by_role("button", name="next tile").click()
    expect(page.locator(".lab-tile-says")).to_contain_text("forbids all of this tile")
    page.get_by_role("slider", name="tile", exact=True).focus()
    page.keyboard.press("End")
    expect(flash).to_have_attribute("data-step", "8")
    end = page.locator(".lab-flash-end")
    expect(end).to_contain_text("Done: equal to the exact result")
    assert float(end.locator("b").get_attribute("data-difference") or "nan") == run.difference < 1e-5
    one = variants.from_trace(at.widget.trace, 2)
    done = variants.flash(one.q, one.k, one.v, 4, 4, mask=one.allowed, scale=one.scale)
    expect(page.locator("[data-moved]")).to_have_attribute("data-moved", str(done.read + done.written))
    at.rest()
    maxima = [float(x.replace("−", "-")) for x in page.locator("[data-kept=maximum]").all_text_contents()]
    scores = variants.scaled_dot_product(one.q, one.k, one.v, mask=one.allowed, scale=one.scale).scores
    np.testing.assert_allclose(maxima, scores[6, 8:].amax(-1), rtol=5e-3)
    page.get_by_role("button", name="play").click()  # from the beginning
    expect(flash).to_have_attribute("data-step", "1")
    page.get_by_role("button", name="pause").click()


def test_less_motion_leaves_playing_out(browser: Browser) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    at = Mounted(page, AttentionLab(TEXT, variants=["flash"]), bundle=BUNDLE.with_name("lab.js"))
    at.wait()
    expect(page.get_by_role("button", name="next tile")).to_be_visible()
    expect(page.get_by_role("button", name="play")).to_have_count(0)
    context.close()


def test_a_wrong_text_is_told_and_the_picture_stays(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    box = page.get_by_label("Text", exact=True)
    box.fill("word " * 70)
    page.keyboard.press("Enter")
    at.wait("error")
    expect(page.locator(".alert")).to_contain_text("up to 64 tokens")
    expect(page.locator(".lab-matrix")).to_have_count(3)
    box.fill("The cat sat")
    page.keyboard.press("Enter")
    at.wait()
    assert at.widget.text == "The cat sat"
    assert at.widget.tokens == ["The", "cat", "sat"]
    expect(page.locator(".lab footer")).to_contain_text("3 tokens")


def test_small_numbers_are_on_screen_and_blind_rows_explained(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(head=0)
    page.get_by_role("button", name="small numbers").click()
    at.wait()
    assert at.widget.numbers == "small"
    expect(page.locator(".lab-tables table")).to_have_count(7)
    page.get_by_label("mask").select_option("causal+padding-left:2")
    at.wait()
    expect(page.locator(".lab-blind").first).to_contain_text("see nothing")
    expect(page.locator(".lab-blindness").first).to_contain_text("A softmax over no score has no value")


def test_a_saved_lab_draws_without_a_kernel_and_says_so(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(variants=["flash", "additive"])
    at.alive = False
    matrix(page, "additive").focus()
    point(page, 3, 1)
    expect(page.locator(".lab-readout .read-pair")).to_have_text("'t → animal")
    page.get_by_role("slider", name="tile", exact=True).focus()
    page.keyboard.press("End")
    expect(page.locator(".lab-flash-end")).to_contain_text("Done")
    page.get_by_label("head", exact=True).select_option("1")
    at.wait_while_silent()
    expect(page.locator(".silent")).to_contain_text("can still be explored")
    expect(page.locator(".lab-matrix")).to_have_count(2)


def test_a_page_made_of_a_notebook_draws_the_lab(page: Page, tmp_path: Path, blocked: list[str]) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(page_of_notebook(notebook_of(AttentionLab(TEXT, variants=["flash", "additive"]))))
    page.goto(path.as_uri())
    root = page.locator("[data-view=lab]")
    expect(root).to_have_attribute("data-state", "ready")
    expect(root.get_by_label("Text", exact=True)).to_be_disabled()
    root.get_by_role("button", name="next tile").click()
    expect(root.locator(".lab-flash")).to_have_attribute("data-step", "1")
    root.get_by_role("navigation").get_by_role("button", name="cosine").click()
    expect(root.locator(".silent")).to_contain_text("this is a saved picture")
    expect(root.locator(".lab-matrix")).to_have_count(2)
    assert not blocked


def test_two_browsers_show_the_same_and_a_wrong_choice_is_taken_back(
    mount: Callable[..., Mounted], page: Page, browser: Browser
) -> None:
    at = mount(variants=["sliding_window"])
    context = browser.new_context()
    other = Mounted(context.new_page(), at.widget, beside=at, bundle=BUNDLE.with_name("lab.js"))
    other.wait()
    page.locator("[data-option=window] input[type=range]").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    at.wait()
    other.wait()
    field = other.page.locator("[data-option=window] input[type=number]")
    expect(field).to_have_value("1")
    field.fill("4")
    other.wait()
    at.wait()
    expect(page.locator("[data-option=window] input[type=number]")).to_have_value("4")
    # Between two looks the mask has become another, and the text shorter: what is asked for is no more.
    at.widget._session.choose = lambda **_: (_ for _ in ()).throw(ValueError("head is a number from 0 to 3, got 7"))
    page.get_by_label("head", exact=True).select_option("7")
    at.wait("error")
    expect(page.locator(".alert")).to_contain_text("0 to 3")
    expect(page.get_by_label("head", exact=True)).to_have_value("6")
    page.get_by_role("button", name="dismiss").click()
    at.wait()
    context.close()


@pytest.mark.skipif(not AXE.exists(), reason="axe-core comes with npm ci")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, theme: Any) -> None:
    context = browser.new_context(viewport={"width": 848, "height": 700}, color_scheme=theme)
    page = context.new_page()
    ground = "document.body.style.background = matchMedia('(prefers-color-scheme: dark)').matches ? '#111' : '#fff'"
    page.add_init_script(f"addEventListener('DOMContentLoaded', () => {{ {ground}; }});")
    lab = AttentionLab(TEXT, variants=["flash", "grouped_query", "sink"])
    at = Mounted(page, lab, bundle=BUNDLE.with_name("lab.js"))
    at.wait()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(LOOK) == []
    for chosen in ("grouped_query", "sink"):
        lab.chosen = chosen
        lab.depth = "formula"
        page.evaluate("settled()")
        at.wait()
        assert page.evaluate(LOOK) == [], chosen
    lab.numbers = "small"
    lab.mask = "causal+padding-left:2"
    page.set_viewport_size({"width": 480, "height": 700})
    page.evaluate("settled()")
    at.wait()
    assert page.evaluate(LOOK) == []
    context.close()


@pytest.mark.parametrize("width", [320, 480, 848, 1280])
def test_nothing_is_wider_than_its_place(mount: Callable[..., Mounted], page: Page, width: int) -> None:
    at = mount(variants=["flash", "grouped_query", "sink"], chosen="flash")
    page.set_viewport_size({"width": width, "height": 700})
    at.wait()
    over = page.evaluate(
        """() => {
            const root = document.querySelector("#here > div").shadowRoot.querySelector("[data-attnwidget]");
            return [root.scrollWidth - root.clientWidth, ...[...root.querySelectorAll(".lab-main, .lab-column")]
                .map((one) => one.scrollWidth - one.clientWidth)];
        }"""
    )
    assert max(over) <= 0


def test_the_lab_in_jupyterlab_follows_both_ways_and_is_saved(jupyter: Jupyter, page: Page, blocked: list[str]) -> None:
    jupyter.write(
        "lab.ipynb",
        f"from attnwidget import AttentionLab\nlab = AttentionLab({TEXT!r}, head=6)\nlab",
        "print(lab.options, lab.tokens)",
        "lab.variants = ['flash', 'additive']",
    )
    notebook = jupyter.open(page, "lab.ipynb")
    notebook.run_cell(0)
    root = page.locator("[data-view=lab]").first
    expect(root).to_have_attribute("data-state", "ready", timeout=60_000)
    root.locator(".lab-name", has_text="sliding window").click()
    slider = root.locator("[data-option=window] input[type=range]")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(root.locator("[data-option=window] input[type=number]")).to_have_value("1")
    expect(root).to_have_attribute("data-state", "ready")
    box = root.get_by_label("Text", exact=True)
    box.fill("")
    page.keyboard.type("a dd x")  # letters that are shortcuts of cells
    page.keyboard.press("Enter")
    expect(root.locator("footer")).to_contain_text("tokens")
    expect(root).to_have_attribute("data-state", "ready")
    notebook.run_cell(1)
    expect(notebook.output(1)).to_contain_text("'window': 1")
    notebook.run_cell(2)
    expect(root.locator(".lab-flash")).to_be_visible()
    expect(root.locator(".lab-column[data-variant=flash]")).to_be_visible()
    expect(root).to_have_attribute("data-state", "ready")
    assert notebook.cell_count() == 3
    saved = notebook.save()
    states = saved["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    (kept,) = [one for one in states if "_board" in one["state"]]
    assert [one["name"] for one in kept["state"]["_board"]["pictures"]] == ["flash", "additive"]
    assert not blocked
