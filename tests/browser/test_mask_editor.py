"""The mask editor in a browser: painted with keys and the pointer, presets, undo, two modes, Escape, a saved page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

from attnwidget import AttentionWidget, masks
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

TEXT = "The animal didn't cross the road because it was too tired"
N = 12


@pytest.fixture
def mount(page: Page) -> Callable[..., Mounted]:
    def mounted(source: Any = TEXT, width: int = 848, **options: Any) -> Mounted:
        page.set_viewport_size({"width": width, "height": 700})
        one = Mounted(page, AttentionWidget(source, **{"view": "matrix", "probe": False} | options))
        one.wait()
        page.get_by_role("button", name="Mask", exact=True).click()
        one.wait()
        return one

    return mounted


def grid(page: Page) -> Locator:
    return page.locator(".mask-cells")


def choose(at: Mounted, name: str) -> None:
    at.page.get_by_role("combobox", name="mask", exact=True).select_option(name)
    at.wait()


def press(at: Mounted, *keys: str) -> None:
    for key in keys:
        at.page.keyboard.press(key)
    at.wait()


def banner(page: Page) -> Locator:
    return page.get_by_label("other mask", exact=True)


def test_it_is_painted_with_keys_and_undone(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    grid(page).focus()
    press(at, *["ArrowDown"] * 5, *["ArrowRight"] * 2, " ")
    expected = masks.preset("causal", N).clone()
    expected[5, 2] = False
    assert torch.equal(torch.tensor(at.widget.mask).bool(), expected)
    assert torch.equal(at.widget.trace.allowed(2, 6), expected)
    expect(page.locator(".mask-pair")).to_have_text("the → didn: hidden here")
    expect(banner(page)).to_contain_text("other mask: painted, each head alone")
    press(at, "ArrowRight", "ArrowUp", "Shift+ArrowUp")  # what was left goes on: that pair may attend
    expect(page.locator(".mask-pair")).to_have_text("'t → 't: may attend")
    press(at, "End", " ")
    expect(page.locator(".mask-pair")).to_have_text("'t → tired: may attend only here")
    expected[3, N - 1] = True
    assert torch.equal(at.widget.trace.allowed(0, 0), expected)
    press(at, "Control+z")
    expected[3, N - 1] = False
    assert torch.equal(at.widget.trace.allowed(0, 0), expected)
    page.get_by_role("button", name="undo").click()
    page.get_by_role("button", name="undo").click()
    at.wait()
    assert at.widget.mask is None
    expect(page.get_by_role("button", name="undo")).to_be_disabled()
    grid(page).focus()
    press(at, "Control+Shift+Z")
    expected[:] = masks.preset("causal", N)
    expected[5, 2] = False
    assert torch.equal(at.widget.trace.allowed(0, 0), expected)


def test_a_drag_is_one_step_and_leaves_no_pair_out(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    box = grid(page).bounding_box()
    assert box is not None
    side = box["width"] / N

    def over(row: int, column: int) -> tuple[float, float]:
        return box["x"] + (column + 0.4) * side, box["y"] + (row + 0.4) * side

    page.mouse.move(*over(11, 0))
    page.mouse.down()
    page.mouse.move(*over(11, 6))  # in one leap
    page.mouse.up()
    at.wait()
    expected = masks.preset("causal", N).clone()
    expected[11, :7] = False
    assert torch.equal(at.widget.trace.allowed(0, 0), expected)
    page.get_by_role("button", name="undo").click()
    at.wait()
    assert at.widget.mask is None


def test_presets_have_numbers_and_a_sentence(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    choose(at, "window")
    assert at.widget.mask == "window:4"
    page.get_by_role("spinbutton", name="tokens").fill("2")
    at.wait()
    assert at.widget.mask == "window:2"
    expect(page.locator(".mask-says")).to_have_text("Each token sees itself and the 1 token before it.")
    choose(at, "padding-left")  # a causal model stays causal
    assert at.widget.mask == "causal+padding-left:2"
    expect(page.locator(".mask-says")).to_contain_text("so is its output")
    expect(banner(page)).to_contain_text("2 tokens see nothing")
    page.get_by_role("checkbox", name="and causal").uncheck()
    at.wait()
    assert at.widget.mask == "padding-left:2"
    choose(at, "bigbird")
    for name, number in (("global", "1"), ("each side", "0"), ("random", "3")):
        page.get_by_role("spinbutton", name=name).fill(number)
    at.wait()
    assert at.widget.mask == "causal+bigbird:1,0,3"
    choose(at, "own")
    assert at.widget.mask is None


def test_the_model_is_run_with_it(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    whole = at.widget.trace
    choose(at, "window")
    page.get_by_role("radio", name="the whole model").check()
    at.wait()
    assert at.widget.mask_mode == "model"
    assert torch.equal(at.widget.trace.weights(3), whole.run_with_mask("window:4").weights(3))
    page.get_by_role("button", name="close the mask editor").click()
    expect(page.get_by_role("button", name="Mask", exact=True)).to_be_focused()
    for view in ("Lines", "Text", "Heads", "Breakdown", "Effect", "Matrix"):
        page.get_by_role("tab", name=view).click()
        at.wait()
        expect(banner(page)).to_contain_text("other mask: window of 4, in all layers")
    loss = at.widget._outcome["loss"]
    expect(banner(page)).to_contain_text(f"loss over the text {loss['before']:.3f} → {loss['after']:.3f}")
    page.get_by_role("button", name="The model’s own mask again").click()
    at.wait()
    assert at.widget.trace is whole
    expect(page.get_by_label("other mask", exact=True)).to_have_count(0)


def test_it_is_compared_with_the_models_own(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    whole = at.widget.trace
    choose(at, "window")
    page.get_by_role("button", name="Compare with its own").click()
    at.wait()
    assert at.widget.side == "difference"
    expect(banner(page)).to_contain_text("other mask in A: window of 4, each head alone")
    page.get_by_role("radio", name="B the model’s own mask").click()
    at.wait()
    assert torch.equal(at.widget.trace.weights(2, 6), whole.weights(2, 6))
    choose(at, "prefix")
    assert at.widget._outline["comparison"]["names"][0] == "prefix of 3, each head alone"
    page.get_by_role("button", name="Stop comparing").click()
    at.wait()
    assert at.widget._outline["comparison"] is None
    expect(banner(page)).to_contain_text("other mask: prefix of 3")


def test_escape_leads_out_step_by_step(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(queries=[5])
    choose(at, "none")
    press(at, "Escape")
    assert at.widget.mask is None
    expect(grid(page)).to_be_visible()
    press(at, "Escape")
    expect(grid(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Mask", exact=True)).to_be_focused()
    assert at.widget.queries == [5]
    page.get_by_role("button", name="Mask", exact=True).click()
    at.wait()
    page.get_by_role("button", name="undo").click()
    at.wait()
    assert at.widget.mask == "none"  # nothing was lost


def test_what_python_sets_is_shown(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    at.widget.mask = "blocks:3"
    at.wait()
    expect(page.get_by_role("combobox", name="mask", exact=True)).to_have_value("blocks")
    expect(page.get_by_role("spinbutton", name="tokens")).to_have_value("3")
    at.widget.mask = "window:4+padding-left:2"
    at.wait()
    expect(page.get_by_role("combobox", name="mask", exact=True)).to_have_value("painted")
    expect(page.locator(".mask-preset option:checked")).to_have_text("window:4+padding-left:2")
    at.widget.text = "The cat sat"
    at.wait()
    expect(page.get_by_role("button", name="undo")).to_be_disabled()


def test_what_cannot_be_is_said(mount: Callable[..., Mounted], page: Page) -> None:
    mount("Le chat noir dort", model="demo/fr-en", attention="cross")
    expect(page.get_by_role("radio", name="the whole model")).to_be_disabled()
    expect(page.locator(".mask-modes")).to_contain_text("an encoder–decoder takes no mask of pairs")


def test_a_long_text_has_presets_and_a_picture(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(" ".join([TEXT] * 6))
    expect(page.get_by_role("img", name="the mask in small")).to_be_visible()
    expect(page.locator(".mask-controls")).to_contain_text("too many pairs here to be painted")
    choose(at, "window")
    assert at.widget._outline["mask"]["brief"] == "window of 4"


@pytest.mark.parametrize("width", [480, 848, 1280])
def test_it_fits(mount: Callable[..., Mounted], page: Page, width: int) -> None:
    at = mount(width=width)
    choose(at, "bigbird")
    at.rest()
    frame = page.locator(".widget").bounding_box()
    assert frame is not None
    for name in (".mask-grid", ".mask-controls", ".mask-preset", ".other-mask"):
        box = page.locator(name).bounding_box()
        assert box is not None
        assert box["x"] >= frame["x"]
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]
    if width >= 848:
        tabs = page.get_by_role("tab", name="Lines").bounding_box()
        tools = page.get_by_role("button", name="Mask", exact=True).bounding_box()
        assert tabs is not None
        assert tools is not None
        assert abs(tabs["y"] + tabs["height"] / 2 - tools["y"] - tools["height"] / 2) < 4  # in one row


def test_a_page_shows_what_was_computed_and_says_what_takes_a_kernel(page: Page, tmp_path: Path) -> None:
    widget = AttentionWidget(TEXT, model="demo/causal", view="matrix", probe=False, mask="window:4")
    path = tmp_path / "page.html"
    widget.save_html(path)
    page.goto(path.as_uri())
    page.wait_for_selector("[data-attnwidget][data-state=ready]")
    expect(banner(page)).to_contain_text("other mask: window of 4, each head alone")
    expect(page.get_by_role("button", name="The model’s own mask again")).to_have_count(0)
    page.get_by_role("button", name="Mask", exact=True).click()
    expect(page.locator(".mask-missing")).to_contain_text("Each token sees itself and the 3 tokens before it.")
    expect(page.locator(".mask-missing")).to_contain_text("Another mask takes the model’s kernel")
    page.keyboard.press("Escape")
    expect(page.locator(".mask-missing")).to_have_count(0)
    page.wait_for_selector("[data-attnwidget][data-state=ready]")
