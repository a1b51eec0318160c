"""The effect view in a browser: heads switched off by hand, progress and Stop, and a page without a kernel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect

import tiny
from attnwidget import AttentionTrace, AttentionWidget
from attnwidget.session import feeds
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

TEXT = "The animal didn't cross the road because it was too tired"


@pytest.fixture
def mount(page: Page) -> Callable[..., Mounted]:
    def mounted(source: Any = TEXT, **options: Any) -> Mounted:
        one = Mounted(page, AttentionWidget(source, **{"view": "effect", "probe": False} | options))
        one.wait()
        return one

    return mounted


def cell(page: Page, name: str) -> Locator:
    return page.locator(f".effect-cell[data-head={name}]")


def test_every_cell_is_a_heads_number_and_says_what_it_means(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    numbers = at.widget.decomposition().heads
    for name, value in (("L3-H7", numbers[3, 7]), ("L2-H2", numbers[2, 2])):
        assert float(cell(page, name).get_attribute("data-value") or "nan") == pytest.approx(float(value), rel=1e-5)
    cell(page, "L3-H7").hover()
    status = page.locator("[role=status]")
    expect(status).to_contain_text(f"L3-H7 +{numbers[3, 7]:.4f}")
    expect(status).to_contain_text("writes for")
    expect(status).to_contain_text("the largest of 32")
    expect(page.locator(".effect-legend")).to_contain_text("blue writes against")
    expect(page.locator(".effect-total")).to_contain_text("the model’s own logit 8.901")


def test_keys_switch_heads_off_and_escape_undoes_the_last(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    cell(page, "L0-H0").focus()
    for key in ("End", "ArrowDown", "ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    at.wait()
    assert at.widget.off == [(3, 7)]
    expect(cell(page, "L3-H7")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    at.wait()
    assert at.widget.off == [(3, 7), (3, 6)]
    banner = page.get_by_role("region", name="heads that are off")
    expect(banner).to_contain_text("2 heads are off: L3-H7, L3-H6")
    after = at.widget._outcome["loss"]["after"]
    expect(banner).to_contain_text(f"→ {after:.3f}")
    expect(page.locator(".likely thead")).to_contain_text("2 off")
    weights = at.widget.trace.weights(3, 0)
    page.get_by_role("tab", name="Lines").click()
    at.wait()
    expect(banner).to_be_visible()
    expect(page.locator(".picker .cell.off")).to_have_count(2)
    torch.testing.assert_close(weights, at.widget._session.whole.without((3, 7), (3, 6)).weights(3, 0))
    page.get_by_role("tab", name="Effect").click()
    at.wait()
    page.keyboard.press("Escape")
    at.wait()
    assert at.widget.off == [(3, 7)]
    banner.get_by_role("button", name="Switch on again").click()
    at.wait()
    assert at.widget.off == []
    expect(banner).to_have_count(0)


def test_another_target_is_asked_by_a_click_or_typed(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount()
    page.locator(".likely-token").nth(1).click()
    at.wait()
    number = at.widget._outcome["likely"][1]["id"]
    assert at.widget.target == {"kind": "logprob", "tokens": [number], "at": None}
    field = page.get_by_label("The token that is asked")
    field.fill(" animal")
    field.press("Enter")
    at.wait()
    assert at.widget.target["tokens"] == [" animal"]
    expect(field).to_have_value("animal")
    page.get_by_label("What is asked").select_option("difference")
    at.wait()
    assert at.widget.target["kind"] == "difference"
    field.fill(" no such token")
    field.press("Enter")
    at.wait("error")
    expect(page.get_by_role("alert").first).to_contain_text("a target is one")
    assert at.widget.target["kind"] == "difference"


def test_progress_is_shown_parts_are_drawn_and_stop_keeps_them(
    mount: Callable[..., Mounted], page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds.long, "_REPORT_EVERY", 0)
    model = tiny.gpt2(tiny.hf.GPT2LMHeadModel, n_layer=8, n_head=8)
    at = mount("The cat sat on the mat. The cat", model=model, tokenizer=tiny.tokenizer())
    seen: list[tuple[int, int]] = []
    feed = at.widget._session.effects_feed

    def watch(change: Any) -> None:
        told = change["new"]
        if told["state"] == "running" and told["done"] and not seen:
            seen.append((told["done"], told["total"]))
            feed.stop()

    at.widget.observe(watch, "_effects")
    page.get_by_role("button", name="switched off").click()
    page.get_by_role("button", name="run them all").wait_for()
    at.wait()
    assert 0 < seen[0][0] < seen[0][1] == 64
    drawn = page.locator(".effect-cell:not(.none)").count()
    assert 0 < drawn < 64
    page.get_by_role("button", name="run them all").click()
    at.wait()
    expect(page.locator(".effect-cell:not(.none)")).to_have_count(64)


def test_a_pinned_pair_is_a_table_that_is_sorted_by_any_column(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(queries=[11], keys=[1])
    table = page.locator(".links table")
    expect(table.locator("tbody tr").first).to_contain_text("L2-H6")
    page.get_by_role("button", name="cut this link in each head").click()
    table.get_by_role("button", name="when cut").wait_for()
    table.get_by_role("button", name="when cut").click()
    expect(table.locator("th[aria-sort]")).to_contain_text("when cut")
    best = at.widget.trace.effects(kind="edge", pair=(11, 1)).heads[0]
    first = table.locator("tbody tr").first
    expect(first).to_contain_text(best)
    first.get_by_role("button").click()
    at.wait()
    assert [str(one) for one in at.widget.heads] == [best]


def test_without_a_kernel_what_was_computed_is_there(mount: Callable[..., Mounted], page: Page) -> None:
    at = mount(off=["L3-H5"])
    at.alive = False
    expect(cell(page, "L3-H7")).to_have_attribute("data-value", re.compile(r"0\.99"))
    cell(page, "L3-H7").click()
    at.wait_while_silent()
    expect(page.locator(".effect-cell:not(.none)")).to_have_count(32)
    expect(page.locator(".silent")).to_contain_text("kernel")


def test_a_page_shows_what_was_computed_and_switches_nothing_off(page: Page, tmp_path: Path) -> None:
    one = AttentionWidget(TEXT, view="effect", probe=False, off=["L3-H5"])
    one.save_html(tmp_path / "page.html")
    page.goto((tmp_path / "page.html").as_uri())
    page.locator("[data-attnwidget][data-state=ready]").wait_for()
    expect(page.locator(".effect-cell:not(.none)")).to_have_count(32)
    expect(page.get_by_role("region", name="heads that are off")).to_contain_text("1 head is off: L3-H5")
    expect(page.locator(".likely tbody tr").first).to_be_visible()
    cell(page, "L3-H7").click(force=True)  # it says that it is disabled
    expect(cell(page, "L3-H7")).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_label("What is asked")).to_be_disabled()
    one.close()


def test_a_trace_without_a_model_says_why_there_is_nothing(mount: Callable[..., Mounted], page: Page) -> None:
    q = torch.randn(1, 2, 4, 8, generator=torch.Generator().manual_seed(0))
    mount(AttentionTrace.from_qkv(q, q, q, [*"abcd"]))
    expect(page.locator(".effect-missing")).to_contain_text("The model cannot be run again")
    expect(page.locator(".effect-missing")).to_contain_text("AttentionWidget")
