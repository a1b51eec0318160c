"""The heads view: every head's picture, its order, what is left out, and the way to a head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

import tiny
from attnwidget import AttentionTrace, AttentionWidget, capture, similar_heads
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

TEXT = "The animal didn't cross the road because it was too tired"


@pytest.fixture
def mount(page: Page) -> Callable[..., Mounted]:
    def mounted(source: Any = TEXT, **options: Any) -> Mounted:
        one = Mounted(page, AttentionWidget(source, **{"view": "heads"} | options))
        one.wait()
        return one

    return mounted


def trace_of(layers: int, heads: int, n: int) -> AttentionTrace:
    torch.manual_seed(0)
    q, k = torch.randn(2, layers, heads, n, 4) * 1.5
    return AttentionTrace.from_qkv(q, k, k, [f"t{at}" for at in range(n)], mask="causal")


def wall(at: Mounted) -> Locator:
    return at.page.locator(".heads-view")


def head(at: Mounted, name: str) -> Locator:
    return wall(at).locator(f"[data-head={name}]")


def names(at: Mounted) -> list[str]:
    at.rest()
    return wall(at).locator("[data-head]").evaluate_all("all => all.map((one) => one.dataset.head)")


def numbers(at: Mounted) -> list[str]:
    at.rest()
    return wall(at).locator(".under").all_text_contents()


def order(at: Mounted, name: str) -> None:
    at.page.locator(".options").get_by_role("button", name=name, exact=True).click()
    at.wait()


def status(at: Mounted) -> str:
    at.rest()
    return " ".join((at.page.locator("[role=status]").text_content() or "").split())


def inked(at: Mounted, name: str) -> int:
    """How many pixels of a head's picture have a colour."""
    at.rest()
    script = """button => {
        const canvas = button.parentElement.querySelector("canvas");
        const [x, y, side] = [button.offsetLeft, button.offsetTop, button.offsetWidth];
        const density = devicePixelRatio;
        const { data } = canvas.getContext("2d").getImageData(x * density, y * density, side * density, side * density);
        let count = 0;
        for (let at = 3; at < data.length; at += 4) if (data[at] > 0) count += 1;
        return count;
    }"""
    count: int = head(at, name).evaluate(script)
    return count


# -- at any length and of any size ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [16, 512, 4096])
def test_all_heads_are_drawn_at_any_length(mount: Callable[..., Mounted], n: int) -> None:
    at = mount(trace_of(12, 12, n))
    assert len(names(at)) == 144
    assert all(inked(at, name) > 100 for name in ("L0-H0", "L5-H7", "L11-H11"))
    side = head(at, "L0-H0").bounding_box()
    assert side
    assert side["width"] >= 30
    sampled = wall(at).locator("xpath=..").locator("[data-sampled]")
    if n > 512:
        expect(sampled).to_contain_text("queries")
        assert int(sampled.get_attribute("data-sampled") or 0) < n
    else:
        expect(sampled).to_have_count(0)
    if n > 16:  # of a short text all pairs are there already
        expect(wall(at)).to_have_attribute("data-refined", "12", timeout=30_000)


@pytest.mark.parametrize(("layers", "heads"), [(4, 8), (12, 12), (32, 32)])
@pytest.mark.parametrize("size", [(480, 900), (848, 700), (1280, 900)])
def test_the_whole_model_is_seen_at_a_glance(
    mount: Callable[..., Mounted], page: Page, layers: int, heads: int, size: tuple[int, int]
) -> None:
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    at = mount(trace_of(layers, heads, 20), probe=False)
    first, last = (head(at, name).bounding_box() for name in ("L0-H0", f"L{layers - 1}-H{heads - 1}"))
    assert first
    assert last
    assert first["width"] >= 11
    assert last["x"] + last["width"] <= width - 16
    assert last["y"] + last["height"] - first["y"] <= height
    scrolls = "one => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight + 1"
    assert not wall(at).locator(".heads-wall").evaluate(scrolls)
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_finer_pictures_are_asked_for_layer_by_layer_and_no_more_once_the_view_is_left(
    mount: Callable[..., Mounted],
) -> None:
    at = mount(trace_of(3, 4, 3000), view="lines")
    at.page.locator("[data-tab=heads]").click()
    expect(wall(at)).to_have_attribute("data-refined", "3", timeout=20_000)
    at.page.locator("[data-tab=lines]").click()
    at.wait()
    at.page.locator("[data-tab=heads]").click()
    at.wait()
    expect(wall(at)).to_have_attribute("data-refined", "3")


def test_another_measure_is_drawn(mount: Callable[..., Mounted]) -> None:
    at = mount()
    before = inked(at, "L1-H1")
    wall(at).locator("xpath=ancestor::*[@data-attnwidget]").get_by_label("Measure").select_option("scores")
    at.wait()
    assert at.widget.measure == "scores"
    assert at.widget._pictures["measure"] == "scores"
    assert inked(at, "L1-H1") >= before > 0
    expect(at.page.locator(".heads-legend")).to_contain_text("red above, blue below")


def test_a_layer_that_was_left_out_cannot_be_chosen(mount: Callable[..., Mounted]) -> None:
    at = mount(capture(tiny.gpt2(), "a b a b", tokenizer=tiny.tokenizer(), layers=[0, 2]), probe=False)
    expect(head(at, "L1-H0")).to_be_disabled()
    head(at, "L0-H1").focus()
    at.page.keyboard.press("ArrowDown")
    expect(head(at, "L2-H1")).to_be_focused()
    order(at, "similarity")
    assert len(names(at)) == 8
    assert not any(name.startswith("L1") for name in names(at))


# -- a head ---------------------------------------------------------------------------------------------------------


def test_a_click_shows_a_head_and_shift_adds_one(mount: Callable[..., Mounted]) -> None:
    at = mount()
    head(at, "L3-H4").click()
    at.wait()
    assert at.widget.heads == [(3, 4)]
    expect(head(at, "L3-H4")).to_have_attribute("aria-pressed", "true")
    head(at, "L1-H2").click(modifiers=["Shift"])
    at.wait()
    assert at.widget.heads == [(3, 4), (1, 2)]
    assert at.widget.view == "heads"
    at.widget.heads = "L0-H5"
    at.wait()
    chosen = wall(at).locator("[aria-pressed=true][data-head]")
    expect(chosen).to_have_count(1)
    expect(chosen).to_have_attribute("data-head", "L0-H5")


@pytest.mark.parametrize("before", ["lines", "breakdown"])
def test_a_double_click_and_enter_open_the_view_before(mount: Callable[..., Mounted], before: str) -> None:
    at = mount(view=before)
    at.page.locator("[data-tab=heads]").click()
    at.wait()
    head(at, "L3-H4").dblclick()
    at.wait()
    assert (at.widget.view, at.widget.heads, at.widget.layer) == (before, [(3, 4)], 3)
    at.page.locator("[data-tab=heads]").click()
    at.wait()
    head(at, "L1-H1").focus()
    at.page.keyboard.press("Enter")
    at.wait()
    assert (at.widget.view, at.widget.heads) == (before, [(1, 1)])


def test_keys_go_through_the_wall_and_choose(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=[(0, 0)])
    stops = wall(at).locator("[data-head][tabindex='0']")
    expect(stops).to_have_count(1)
    stops.focus()
    for key, name in (("ArrowRight", "L0-H1"), ("ArrowDown", "L1-H1"), ("ArrowLeft", "L1-H0"), ("ArrowUp", "L0-H0")):
        at.page.keyboard.press(key)
        expect(head(at, name)).to_be_focused()
    assert at.widget.heads == [(0, 0)]  # to look is not to choose
    at.page.keyboard.press("ArrowRight")
    expect(wall(at).locator("[data-spot]")).to_have_attribute("data-spot", "L0-H1")
    at.page.keyboard.press("Shift+Enter")
    at.wait()
    assert (at.widget.heads, at.widget.view) == ([(0, 0), (0, 1)], "heads")
    at.page.keyboard.press("Space")
    at.wait()
    assert at.widget.heads == [(0, 1)]


def test_the_head_that_is_pointed_at_is_read_and_shown_larger(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=[(2, 6)])
    expect(wall(at).locator("[data-spot]")).to_have_attribute("data-spot", "L2-H6")
    assert "double-click" in status(at)
    at.widget.queries, at.widget.keys = [7], [1]
    at.wait()
    head(at, "L2-H2").hover()
    expect(wall(at).locator("[data-spot]")).to_have_attribute("data-spot", "L2-H2")
    expected = float(at.widget.trace.weights(2, 2, queries=7, keys=1))
    query, key = at.widget.trace.tokens[7], at.widget.trace.tokens[1]
    assert status(at).startswith(f"L2-H2 {query} → {key} {expected:.4f}")
    assert "of 32 heads on this pair" in status(at)
    at.page.mouse.move(2, 2)
    expect(wall(at).locator("[data-spot]")).to_have_attribute("data-spot", "L2-H6")


# -- order and filter -----------------------------------------------------------------------------------------------


def test_heads_are_ordered_by_the_pinned_pair_and_by_an_open_side(mount: Callable[..., Mounted]) -> None:
    at = mount()
    expect(at.page.locator(".options").get_by_role("button", name="pinned pair")).to_be_disabled()
    at.widget.queries, at.widget.keys = [7], [1]
    at.wait()
    order(at, "pinned pair")
    ranking = at.widget.trace.rank(7, 1)
    assert names(at) == ranking.heads
    assert numbers(at)[0] == f"{float(ranking.values[0]):.2f}".removeprefix("0")
    at.widget.keys = []
    at.wait()
    assert names(at) == at.widget.trace.rank(7).heads
    at.widget.queries, at.widget.keys = [], [1]
    at.wait()
    assert names(at) == at.widget.trace.rank(None, 1).heads
    at.widget.keys = []
    at.wait()
    expect(wall(at)).to_have_attribute("data-order", "layer")
    assert names(at)[:9] == [f"L0-H{number}" for number in range(8)] + ["L1-H0"]


def test_heads_are_ordered_by_likeness_to_the_head_on_screen(mount: Callable[..., Mounted]) -> None:
    at = mount(heads=[(1, 3)])
    order(at, "similarity")
    found = similar_heads(at.widget.trace, "L1-H3")
    assert names(at) == ["L1-H3", *found.heads]
    assert numbers(at)[1] == f"{float(found.values[0]):.2f}".removeprefix("0")
    expect(at.page.locator(".heads-legend")).to_contain_text("Jensen–Shannon divergence from L1-H3")
    head(at, found.heads[3]).click()
    at.wait()
    assert names(at) == ["L1-H3", *found.heads]  # nothing moves away from under the pointer
    expect(wall(at).locator(".own-name")).to_have_text(names(at))
    at.page.get_by_role("button", name=f"like {found.heads[3]} instead").click()
    at.wait()
    assert names(at) == [found.heads[3], *similar_heads(at.widget.trace, found.heads[3]).heads]
    at.page.get_by_label("only up to this number").fill("0.2")
    near = similar_heads(at.widget.trace, found.heads[3])
    count = 1 + int((near.values <= 0.2).sum())
    expect(wall(at).locator("[data-head]")).to_have_count(count)
    expect(at.page.locator(".heads-legend .left-out")).to_contain_text(f"{count} of 32 heads: only up to 0.2")


def test_heads_of_a_kind_stand_together_and_others_are_left_out(mount: Callable[..., Mounted]) -> None:
    at = mount(probe=False)
    at.wait_for_more()
    table = at.widget._session._categories._table
    assert table is not None
    order(at, "category")
    kinds = [one.name for one in table.categories if table.heads(one.name)] + ["Other"] * bool(table.heads("Other"))
    expect(wall(at).locator(".heads-scroll h3 bdi")).to_have_text(kinds)
    listed = names(at)
    assert [name for name in listed if table[name].category == kinds[0]] == table.heads(kinds[0])
    at.page.get_by_label("Only heads of").select_option(kinds[0])
    at.wait()
    assert at.widget.category == kinds[0]
    assert names(at) == table.heads(kinds[0])
    left = at.page.locator(".heads-legend .left-out")
    expect(left).to_have_text(f"{len(names(at))} of 32 heads: only {kinds[0]}; the others are left out")
    order(at, "layer")
    assert len(names(at)) == 32
    faint = wall(at).locator(".head-picture.dimmed")
    expect(faint).to_have_count(32 - len(table.heads(kinds[0])))
    expect(left).to_contain_text("the others are faint")
    wall(at).locator("[data-head]").first.focus()
    at.page.keyboard.press("Escape")
    expect(faint).to_have_count(0)
    expect(left).to_have_count(0)


def test_names_are_text(mount: Callable[..., Mounted]) -> None:
    weights = torch.full((1, 2, 3, 3), 1 / 3)
    at = mount(AttentionTrace.from_attentions(list(weights), ["<b>", "&amp;", "c"]), queries=[0], keys=[1], probe=False)
    head(at, "L0-H1").hover()
    assert status(at).startswith("L0-H1 <b> → &amp; 0.3333")


# -- without a kernel -----------------------------------------------------------------------------------------------


def test_without_a_kernel_the_small_pictures_are_there(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(trace_of(3, 4, 40))
    expect(wall(at)).to_have_attribute("data-refined", "3", timeout=20_000)
    at.alive = False
    at.page.locator("[data-tab=lines]").click()
    at.page.locator("[data-tab=heads]").click()
    assert inked(at, "L2-H3") > 100
    at.page.locator(".options").get_by_role("button", name="similarity").click()
    at.wait_while_silent()
    expect(page.locator(".silent")).to_contain_text("It is needed to compare the heads.")
    order_button = at.page.locator(".options").get_by_role("button", name="layer")
    order_button.click()
    expect(wall(at)).to_have_attribute("data-order", "layer")
    assert inked(at, "L2-H3") > 100
