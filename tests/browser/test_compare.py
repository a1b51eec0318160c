"""Two sides in a browser: which is drawn, by pointer and keys; what has no partner; the form; a kernel that is gone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

import attnwidget as aw
import tiny
from attnwidget import AttentionWidget
from attnwidget.export.page import page as saved_page
from browser.fake_comm import Mounted
from browser.pages import Saved

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

A, B = "The boat lay at the bank of the river .", "The money lay at the bank of the city ."
BANK = 6  # behind [CLS]


@pytest.fixture
def mount(page: Page) -> Callable[..., Mounted]:
    def mounted(text: Any = A, **options: Any) -> Mounted:
        options = {"model": "demo/masked", "against": B, "probe": False, "heads": "L0-H1"} | options
        one = Mounted(page, AttentionWidget(text, **options))
        one.wait()
        return one

    return mounted


def side(page: Page, name: str) -> Locator:
    return page.locator(f"[data-compared={name}]")


def bar(page: Page) -> Locator:
    return page.get_by_role("region", name="comparison")


def test_the_sides_are_a_radio_group_for_pointer_and_keys(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    expect(side(page, "difference")).to_have_attribute("aria-checked", "true")
    expect(bar(page)).to_contain_text("No partner: boat, river in A; money, city in B.")
    expect(page.get_by_role("radiogroup", name="which side is drawn").get_by_role("radio")).to_have_count(3)
    side(page, "b").click()
    at.wait()
    assert (at.widget.side, at.widget.measure, at.widget.text) == ("b", "weights", B)
    expect(page.locator("[data-side=query][data-index='2']")).to_contain_text("money")
    expect(page.get_by_label("Text", exact=True)).to_have_value(B)
    expect(bar(page)).to_contain_text("Everything below is B’s own.")
    side(page, "b").focus()
    page.keyboard.press("ArrowLeft")
    at.wait()
    assert at.widget.side == "a"
    expect(side(page, "a")).to_be_focused()
    expect(page.locator("[data-side=query][data-index='2']")).to_contain_text("boat")
    page.keyboard.press("ArrowLeft")  # round to A − B
    at.wait()
    assert (at.widget.side, at.widget.measure) == ("difference", "difference")
    page.get_by_label("Measure").select_option("weights")
    at.wait()
    assert (at.widget.side, at.widget.measure) == ("a", "weights")
    side(page, "a").focus()
    page.keyboard.press("Escape")
    at.wait()
    assert at.widget.comparison is None
    expect(bar(page)).to_have_count(0)
    expect(page.get_by_label("Measure").locator("option[value=difference]")).to_have_count(0)


def test_a_pinned_pair_is_read_with_both_weights(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    page.locator(f"[data-side=query][data-index='{BANK}']").click()
    page.locator("[data-side=key][data-index='1']").click()
    at.wait()
    comparison = at.widget.comparison
    a, b = (float(one.weights(0, 1, queries=BANK, keys=1)) for one in (comparison.a, comparison.b))
    expect(page.locator("[role=status]")).to_contain_text(re.compile(rf"bank → the [+−]{abs(a - b):.4g}"))
    expect(page.locator(".both-weights")).to_contain_text(f"L0-H1 in A {a:.4f} · in B {b:.4f}")
    page.locator("[data-side=key][data-index='9']").hover()
    expect(page.locator("[role=status]")).to_contain_text("no partner in B")
    side(page, "b").click()
    at.wait()
    assert (at.widget.queries, at.widget.keys) == ([BANK], [1])


def test_heads_are_ranked_by_how_much_they_differ(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    rank = at.widget.comparison.rank()
    list_ = page.get_by_role("region", name="heads that differ most")
    expect(list_).to_contain_text("divergence in nats, 10 aligned rows")
    first = list_.locator(".ranked").first
    expect(first).to_contain_text(f"{rank.heads[0]}")
    expect(first).to_contain_text(f"{rank.values[0]:.4f}")
    first.click()
    at.wait()
    assert [f"L{layer}-H{head}" for layer, head in at.widget.heads] == rank.heads[:1]
    page.locator(f"[data-side=query][data-index='{BANK}']").click()
    expect(list_).to_have_count(0)


def test_both_sides_say_what_they_expect(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    page.get_by_role("button", name="what fits here?").click()
    page.locator(f"[data-side=query][data-index='{BANK}']").click()
    at.wait()
    found = at.widget.comparison.next_tokens(BANK)
    for name, tokens in zip("AB", found, strict=True):
        line = page.get_by_role("region", name=f"what {name}’s model expects")
        expect(line).to_contain_text(f"{tokens[0][0]}{tokens[0][1]:.3f}")
    page.locator("[data-side=query][data-index='2']").hover()  # boat
    expect(page.locator("[data-side-of=B]")).to_contain_text("this token has no partner here")


def test_the_form_puts_something_beside(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(against=None, view="matrix")
    page.get_by_role("button", name="Compare", exact=True).click()
    form = page.get_by_role("form", name="compare with")
    put = form.get_by_role("button", name="Put beside A")
    expect(put).to_be_disabled()
    form.get_by_label("what else of B").select_option("window:4")
    expect(form).to_contain_text("window:4: Each token sees itself and the 3 tokens before it.")
    put.click()
    expect(side(page, "b")).to_contain_text("mask window:4")
    at.wait()
    assert at.widget.side == "difference"
    expect(form).to_have_count(0)
    page.get_by_role("button", name="Compare", exact=True).click()
    form.get_by_label("the text").fill("   ")
    expect(put).to_be_disabled()
    form.get_by_label("the text").fill(B)
    page.keyboard.press("Enter")
    expect(side(page, "b")).to_contain_text("money lay")
    at.wait()
    page.get_by_role("button", name="Compare", exact=True).click()
    form.get_by_label("model of B").select_option("demo/causal")
    put.click()
    expect(side(page, "b")).to_contain_text("demo/causal")
    at.wait()
    page.get_by_role("button", name="Stop comparing").click()
    at.wait()
    assert at.widget.comparison is None


@pytest.mark.parametrize(("choice", "name"), [("cosine", "cosine"), ("L0-H1, kept in B", "L0-H1")])
def test_the_form_puts_another_attention_or_a_head_beside(
    mount: Callable[..., Mounted], page: Page, choice: str, name: str
) -> None:
    at = mount(against=None)
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_label("what else of B").select_option(choice)
    page.get_by_role("button", name="Put beside A").click()
    expect(side(page, "b")).to_have_text(f"B {name}")
    at.widget.heads = ["L1-H3"]
    at.wait()
    a, b = at.widget.comparison.a, at.widget.comparison.b
    theirs = a.weights(0, 1) if name == "L0-H1" else b.weights(1, 3)
    if name == "cosine":
        q, k, _ = a.qkv(1, 3)
        angles = torch.nn.functional.cosine_similarity(q[:, None], k[None], dim=-1)
        torch.testing.assert_close(theirs, (10 * angles).softmax(-1), rtol=1e-4, atol=1e-6)
    drawn = a.weights(1, 3) - theirs
    page.locator(f"[data-side=query][data-index='{BANK}']").click()
    page.locator("[data-side=key][data-index='1']").click()
    shown = re.compile(rf"bank → the [+−]{abs(float(drawn[BANK, 1])):.4g}")
    expect(page.locator("[role=status]")).to_contain_text(shown)


def test_a_difference_that_is_not_there_is_refused_with_its_reason(mount: Callable[..., Mounted], page: Page) -> None:
    models = {"model": tiny.gpt2(), "tokenizer": tiny.tokenizer(), "against": tiny.gpt2(n_layer=2)}
    at = mount("The cat", **models)
    expect(side(page, "difference")).to_have_attribute("aria-disabled", "true")
    expect(bar(page)).to_contain_text("No difference: heads have no counterpart: the models have 3 × 4 and 2 × 4")
    side(page, "difference").click(force=True)
    at.wait()
    assert at.widget.side == "a"
    side(page, "a").focus()
    page.keyboard.press("ArrowLeft")  # over what is not there
    at.wait()
    assert at.widget.side == "b"
    expect(page.locator(".picker .picker-row[role=group]")).to_have_count(2)


def test_breakdown_shows_one_side_and_says_so(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(view="breakdown", queries=[BANK])
    expect(bar(page)).to_contain_text("Steps and formula are A’s.")
    side(page, "b").click()
    at.wait()
    expect(bar(page)).to_contain_text("Everything below is B’s own.")
    expect(page.locator(".key-row, [data-row]").filter(has_text="money").first).to_be_visible()


def test_without_a_kernel_what_is_on_screen_stays(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    at.alive = False
    side(page, "b").click()
    at.wait_while_silent()
    expect(bar(page)).to_contain_text("still A’s own: the kernel has B")
    expect(page.locator("[data-side=query][data-index='2']")).to_contain_text("boat")


def test_a_page_has_one_side(page: Page, tmp_path: Path) -> None:
    w = aw.compare(A, B, model="demo/masked", probe=False)
    saved = Saved(page, tmp_path / "page.html", saved_page(w._session))
    saved.wait()
    expect(page.locator(".notice").filter(has_text="this page carries A")).to_contain_text(f"B (“{B}”)")
    expect(bar(page)).to_have_count(0)
    expect(page.get_by_label("Measure").locator("option[value=difference]")).to_have_count(0)
    assert saved.violations == []


@pytest.mark.parametrize("width", [480, 848, 1280])
def test_nothing_overlaps_or_is_cut(mount: Callable[..., Mounted], page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    at = mount()
    page.get_by_role("button", name="Compare", exact=True).click()
    at.wait()
    boxes = [
        one.bounding_box()
        for one in (*(side(page, name) for name in ("a", "b", "difference")), page.get_by_text("Stop comparing"))
    ]
    for nth, one in enumerate(boxes):
        assert one is not None
        assert one["x"] >= 0
        assert one["x"] + one["width"] <= width
        for other in boxes[nth + 1 :]:
            apart = (
                one["x"] + one["width"] <= other["x"] + 1
                or other["x"] + other["width"] <= one["x"] + 1
                or one["y"] + one["height"] <= other["y"] + 1
                or other["y"] + other["height"] <= one["y"] + 1
            )
            assert apart, (one, other)


def cell(page: Page, row: int, column: str) -> Locator:
    return page.locator(f".keys [data-row='{row}'] [data-value={column}]")


def test_the_breakdown_has_both_sides_numbers_of_a_key(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(view="breakdown", queries=[BANK])
    expect(bar(page)).to_contain_text("Steps and formula are A’s.")
    a, b = (one.breakdown(0, 1, BANK) for one in (at.widget.comparison.a, at.widget.comparison.b))
    for name, column in (("scores", "score"), ("weights", "weight")):
        mine, theirs = (float(getattr(one, name)[3]) for one in (a, b))  # "lay"
        for suffix, value in (("", mine), ("B", theirs), ("Apart", mine - theirs)):
            exact = cell(page, 3, column + suffix).get_attribute("data-exact")
            assert float(exact or "nan") == pytest.approx(value, abs=1e-6)
    expect(page.locator(".keys [data-row='9']")).to_contain_text("no partner")  # river
    expect(cell(page, 9, "weightB")).to_have_count(0)
    only = page.locator(".krow.only")
    expect(only).to_have_count(2)
    expect(only.first).to_contain_text("money")
    expect(only.first.locator("[data-value=weightB]")).to_have_text(f"{float(b.weights[2]):.3f}")
    norms = [float(one.head_output.norm()) for one in (a, b)]
    apart = float((a.head_output - b.head_output).norm())
    expect(page.locator(".beside-sum")).to_contain_text(f"A {norms[0]:.3f} · B {norms[1]:.3f} · ‖A − B‖ {apart:.3f}")
    cell(page, 3, "weightApart").hover()
    mine, theirs = (float(one.weights[3]) for one in (a, b))
    assert mine < theirs
    said = f"key lay: weight in A {mine:.4f}, in B {theirs:.4f}, A − B = −{theirs - mine:.4f}"
    expect(page.locator("[role=status]")).to_contain_text(said)
    at.widget.what_if = {"temperature": 2}
    at.wait()
    expect(bar(page)).to_contain_text("nothing is compared: what is changed under “What if …”")
    expect(cell(page, 3, "weightB")).to_have_count(0)
    at.widget.what_if = {}
    at.widget.queries = [2]
    at.wait()
    expect(bar(page)).to_contain_text("nothing is compared: boat has no partner in B.")
    expect(cell(page, 3, "weight")).to_have_count(1)  # A's steps are there
    page.set_viewport_size({"width": 480, "height": 700})
    at.widget.queries = [BANK]
    at.wait()
    for column in ("scoreB", "scoreApart", "weightB", "weightApart"):
        expect(cell(page, 3, column)).to_be_visible()
    side(page, "a").click()
    at.wait()
    expect(cell(page, 3, "weightB")).to_have_count(0)


def test_weights_alone_are_compared_in_the_breakdown(mount: Callable[..., Mounted], page: Page) -> None:
    mine = torch.eye(4).roll(1, 1).expand(2, 3, 4, 4)
    a, b = (
        aw.AttentionTrace.from_attentions(one, list(tokens))
        for one, tokens in ((mine, "abcd"), (torch.full((2, 3, 4, 4), 0.25), "abxd"))
    )
    mount(text=a, model=None, against=b, heads="L0-H1", view="breakdown", queries=[0])
    expect(bar(page)).to_contain_text("Weights are compared, key by key")
    rows = page.locator(".no-steps tbody tr")
    expect(rows).to_have_count(5)
    expect(rows.nth(1)).to_contain_text("0.7500")
    expect(rows.nth(2)).to_contain_text("this key has no partner in B")
    expect(rows.nth(4)).to_contain_text("only in B, position 2")
