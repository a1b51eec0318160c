"""Which head tells: what is pinned turns the heads into its numbers, and ranks them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

import attnwidget
from attnwidget import AttentionWidget
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from browser.jupyter import Jupyter

TEXT = "The animal didn't cross the road because it was too tired"
ANIMAL, IT = 1, 8
DRAWN = 60_000  # ms


@pytest.fixture
def mount(page: Page) -> Callable[..., Mounted]:
    def mounted(source: Any = TEXT, **options: Any) -> Mounted:
        one = Mounted(page, AttentionWidget(source, **options))
        one.wait()
        return one

    return mounted


def token(page: Page, side: str, index: int) -> Locator:
    return page.locator(f"[data-side={side}][data-index='{index}']")


def pin(at: Mounted, side: str, index: int, *, add: bool = False) -> None:
    token(at.page, side, index).click(modifiers=["Shift"] if add else [])
    at.wait()


def ranking(at: Mounted) -> list[tuple[str, str]]:
    """Every head in the list, by name and number."""
    at.rest()
    more = at.page.locator(".ranking .more")
    if more.count() and more.get_attribute("aria-expanded") == "false":
        more.click()
        expect(more).to_have_attribute("aria-expanded", "true")
        at.wait()
    read = "rows => rows.map(row => ['b', '.value'].map(part => row.querySelector(part).innerText))"
    return [(name, value) for name, value in at.page.locator(".ranked").evaluate_all(read)]


def status(at: Mounted) -> str:
    at.rest()
    return " ".join((at.page.locator("[role=status]").text_content() or "").split())


def own_weights() -> torch.Tensor:
    """Under eager attention: (layers, heads, n, n)."""
    model, tokenizer = attnwidget.load_model("demo/causal")
    model.set_attn_implementation("eager")
    with torch.no_grad():
        found = model(**tokenizer(TEXT, return_tensors="pt"), output_attentions=True).attentions
    return torch.stack(found)[:, 0]


def test_two_clicks_tell_which_head(mount: Callable[..., Mounted]) -> None:
    at = mount()
    expect(at.page.locator(".ranking")).to_have_count(0)
    pin(at, "query", IT)
    pin(at, "key", ANIMAL)
    rows = ranking(at)
    weights = own_weights()[:, :, IT, ANIMAL]
    expected = sorted(
        ((f"L{layer}-H{head}", f"{weights[layer, head]:.4f}") for layer in range(4) for head in range(8)),
        key=lambda one: one[1],
        reverse=True,
    )
    assert [value for _, value in rows] == [value for _, value in expected]
    assert rows[0] == expected[0] == ("L3-H0", f"{weights[3, 0]:.4f}")
    cell = at.page.locator(".picker [data-head=L3-H0]")
    expect(cell).to_have_attribute("aria-label", re.compile(re.escape(f"{weights[3, 0]:.4f}")))
    assert "2nd of 32 heads on this pair" in status(at)

    at.page.locator(".ranked[data-listed-head=L3-H0]").click()
    at.wait()
    assert at.widget.heads == [(3, 0)]
    assert "first of 32 heads on this pair" in status(at)
    expect(at.page.locator(".ranked[data-listed-head=L3-H0]")).to_have_attribute("aria-pressed", "true")

    at.page.keyboard.press("Escape")
    at.wait()
    expect(at.page.locator(".ranking")).to_have_count(0)
    expect(at.page.locator(".picker canvas")).to_be_visible()
    expect(at.page.locator(".strongest")).to_be_visible()
    pin(at, "query", IT)
    at.page.get_by_role("button", name="unpin").click()
    at.wait()
    assert at.widget.queries == []


def test_a_query_alone_tells_where_each_head_looks_most(mount: Callable[..., Mounted]) -> None:
    at = mount(queries=[IT])
    rows = ranking(at)
    found = at.widget.trace.rank(IT)
    assert [name for name, _ in rows] == found.heads
    labels = at.page.locator(".ranked .found").all_inner_texts()
    assert [label.removeprefix("→ ") for label in labels] == found.labels
    expect(at.page.locator(".ranking")).to_contain_text("where each head looks most")
    assert "of 32 heads" not in status(at)


def test_a_key_alone_tells_what_looks_at_it_most(mount: Callable[..., Mounted]) -> None:
    at = mount(keys=[ANIMAL])
    found = at.widget.trace.rank(None, ANIMAL)
    assert ranking(at) == [(name, f"{value:.4f}") for name, value in zip(found.heads, found.values, strict=True)]


def test_what_is_struck_through_is_said_of_either_side(mount: Callable[..., Mounted]) -> None:
    at = mount()
    pin(at, "query", IT)
    expect(at.page.locator(".legend")).to_contain_text("token hidden by the mask")
    at.page.keyboard.press("Escape")
    at.wait()
    pin(at, "key", IT)
    expect(token(at.page, "query", ANIMAL)).to_have_class(re.compile("forbidden"))
    expect(at.page.locator(".legend")).to_contain_text("token cannot see it")


def test_several_pins_count_together(mount: Callable[..., Mounted]) -> None:
    at = mount()
    pin(at, "query", IT)
    pin(at, "query", 11, add=True)
    pin(at, "key", ANIMAL)
    pin(at, "key", 0, add=True)
    expect(at.page.locator(".ranking")).to_contain_text("all heads by this pair · mean of 2 queries")
    weights = own_weights()[:, :, [IT, 11]][..., [0, ANIMAL]].sum(-1).mean(-1)
    layer, head = divmod(int(weights.argmax()), 8)
    assert ranking(at)[0] == (f"L{layer}-H{head}", f"{weights.max():.4f}")


@pytest.mark.parametrize("measure", ["scores", "norms"])
def test_the_ranking_is_of_the_measure_on_screen(mount: Callable[..., Mounted], measure: str) -> None:
    at = mount(queries=[IT], keys=[ANIMAL], measure=measure)
    at.page.locator(".ranked").first.wait_for()
    found = at.widget.trace.rank(IT, ANIMAL, measure=measure)
    rows = ranking(at)
    assert [name for name, _ in rows] == found.heads
    assert rows[0][1].startswith(f"{found.values[0]:.2f}"[:4])


def test_in_whole_words_the_open_side_is_one_of_words(mount: Callable[..., Mounted]) -> None:
    at = mount("Unhappinesses overwhelmingly misunderstood everybody", words=True)
    pin(at, "query", 3)
    expect(at.page.locator(".ranked .found").first).to_be_visible()
    labels = {text.removeprefix("→ ") for text in at.page.locator(".ranked .found").all_inner_texts()}
    assert labels <= set(at.widget.trace.word_texts)


def test_a_pair_that_the_mask_forbids_says_why(mount: Callable[..., Mounted]) -> None:
    at = mount(queries=[ANIMAL], keys=[IT])
    why = "“animal” cannot see “it”, which comes after it: this model reads from left to right"
    expect(at.page.locator(".ranking")).to_contain_text(why)
    assert f"forbidden by the mask {why}" in status(at)
    assert ranking(at) == []
    expect(at.page.locator(".picker .off-limits")).to_have_count(32)


def test_cross_attention_is_ranked_by_its_own_tokens(mount: Callable[..., Mounted]) -> None:
    at = mount("Le chat noir dort", model="demo/fr-en", attention="cross", queries=[1], keys=[2])
    found = at.widget.trace.rank(1, 2, attention="cross")
    assert ranking(at) == [(name, f"{value:.4f}") for name, value in zip(found.heads, found.values, strict=True)]


def test_without_a_kernel_the_ranking_is_of_what_was_sent_ahead(mount: Callable[..., Mounted]) -> None:
    at = mount()
    at.page.wait_for_function("() => Object.keys(model.get('_ahead') ?? {}).length > 0")
    at.wait()
    at.alive = False
    token(at.page, "query", IT).click()
    token(at.page, "key", ANIMAL).click()
    at.page.locator(".ranked").first.wait_for()
    found = at.widget.trace.rank(IT, ANIMAL)
    rows = ranking(at)
    assert [name for name, _ in rows][:10] == found.heads[:10]
    assert [float(value) for _, value in rows] == pytest.approx(found.values.tolist(), abs=1e-4)
    token(at.page, "key", ANIMAL).click()  # no longer
    expect(at.page.locator(".ranked .found").first).to_be_visible()
    found = at.widget.trace.rank(IT)
    expect(at.page.locator(".ranked .found").first).to_have_text(f"→ {found.labels[0]}")


def test_a_text_too_long_to_rank_a_key_alone_says_so(
    mount: Callable[..., Mounted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attnwidget.wire.ranking._LONGEST", 5)
    at = mount(keys=[ANIMAL])
    expect(at.page.locator(".ranking")).to_contain_text("pin a query too")
    expect(at.page.locator(".picker canvas")).to_be_visible()


def test_in_jupyterlab_within_sight(jupyter: Jupyter, page: Page) -> None:
    jupyter.write("ranking.ipynb", f"from attnwidget import AttentionWidget\nw = AttentionWidget({TEXT!r})\nw")
    notebook = jupyter.open(page, "ranking.ipynb")
    notebook.run_cell(0)
    expect(page.locator("[data-attnwidget]")).to_have_attribute("data-state", "ready", timeout=DRAWN)
    token(page, "query", IT).click()
    token(page, "key", ANIMAL).click()
    first = page.locator(".ranked").first
    expect(first).to_have_attribute("data-listed-head", "L3-H0", timeout=DRAWN)
    first.click()
    expect(page.locator("[role=status]")).to_contain_text("first of 32 heads on this pair", timeout=DRAWN)
    box = page.locator(".ranking").bounding_box()
    frame = page.locator("[data-attnwidget]").bounding_box()
    assert box
    assert frame
    assert box["y"] + box["height"] < frame["y"] + 700
