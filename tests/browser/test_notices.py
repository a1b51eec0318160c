"""What the widget says beside the picture: notices, layers left out, pictures and downloads that failed."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import expect
from traitlets import TraitError

import attnwidget as aw
import tiny
from attnwidget import AttentionTrace, AttentionWidget, measures, models
from attnwidget.measures import Measure, Region
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Broken(Measure):
    """A user's own that fails."""

    name, label, sentence, domain = "broken", "broken", "Fails.", "real"

    def tile(self, region: Region) -> torch.Tensor:  # noqa: ARG002
        raise RuntimeError("mine is broken")


def captured(model: Any, text: str = tiny.TEXT, **options: Any) -> AttentionTrace:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return aw.capture(model, text, tokenizer=tiny.tokenizer(marks=True), **options)


def test_notices_stand_above_the_picture(page: Page) -> None:
    model = tiny.llama()
    model.config.max_position_embeddings = 8
    at = Mounted(page, AttentionWidget("<s>a longer text", model=model, tokenizer=tiny.tokenizer(marks=True)))
    at.wait()
    notices = page.get_by_role("note")
    expect(notices).to_have_count(2)
    expect(notices.first).to_contain_text("The text begins with <s> already")
    expect(notices.last).to_contain_text("has 15 tokens, but the model is configured for 8")
    at.widget.text = "short"
    at.wait()
    expect(notices).to_have_count(0)


def test_half_a_character_is_drawn(page: Page) -> None:
    weights = torch.full((1, 2, 3, 3), 1 / 3)
    at = Mounted(page, AttentionWidget(AttentionTrace.from_attentions(weights, list("abc"), model_name="my \ud800")))
    at.wait()
    expect(page.locator(".model b")).to_have_text("my \N{REPLACEMENT CHARACTER}")


def test_only_the_layers_that_are_there_can_be_chosen(page: Page) -> None:
    at = Mounted(page, AttentionWidget(captured(tiny.gpt2(n_layer=4), layers=[1, 3])))
    at.wait()
    expect(page.locator(".model")).to_contain_text("2 of 4 layers × 4 heads")
    for layer, is_there in enumerate([False, True, False, True]):
        heads = page.locator(f"[data-head^='L{layer}-']")
        expect(heads).to_have_count(4)
        for head in heads.all():
            expect(head).to_be_enabled(enabled=is_there)
    expect(page.locator("[data-head=L2-H0]")).to_have_attribute("title", "L2-H0: layer 2 was left out of this trace")
    page.locator("[data-head=L3-H1]").click()
    at.wait()
    assert at.widget.heads == [(3, 1)]
    torch.testing.assert_close(at.widget.weights()[0], at.widget.trace.weights(3, 1))
    page.locator("[data-head=L3-H1]").press("ArrowUp")
    at.wait()
    assert at.widget.heads == [(1, 1)]
    page.locator("[data-head=L1-H1]").press("ArrowUp")
    at.wait()
    assert at.widget.heads == [(1, 1)]
    page.get_by_role("tab", name="Breakdown").click()
    at.wait()
    menu = page.get_by_label("Head", exact=True)
    expect(menu.locator("option").first).to_have_text(re.compile("^L1-H0"))
    expect(menu.locator("optgroup[disabled]")).to_have_count(2)
    expect(menu.locator("option")).to_have_count(8)


def test_another_layer_needs_no_kernel_where_some_were_left_out(page: Page) -> None:
    at = Mounted(page, AttentionWidget(captured(tiny.gpt2(n_layer=4), layers=[1, 3]), heads=["L1-H0"]))
    page.wait_for_function("() => Object.keys(model.get('_ahead') ?? {}).length > 0")
    at.alive = False  # what was sent ahead is all that is there
    page.locator("[data-head=L3-H2]").click()
    at.wait()
    page.locator("[data-side=query] .label").nth(9).hover()
    expect(page.locator("[role=status]")).to_contain_text(f"{at.widget.trace.weights(3, 2)[9].max():.4f}")


def test_pictures_that_failed_say_so(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures._REGISTRY, "_own", {})
    measures.register(Broken)
    at = Mounted(page, AttentionWidget(captured(tiny.gpt2())))
    at.wait()
    at.wait_for_more()
    drawn = "document.querySelector('#here > div').shadowRoot.querySelector('.picker canvas').width"
    page.wait_for_function(f"() => {drawn} > 0")
    at.widget.measure = "broken"
    expect(page.locator(".left")).to_contain_text("no small pictures: mine is broken")
    page.wait_for_function(f"() => {drawn} === 0")
    at.widget.measure = "weights"
    at.wait()
    expect(page.locator(".left")).not_to_contain_text("no small pictures")
    page.wait_for_function(f"() => {drawn} > 0")


def test_after_a_failed_download_a_text_is_refused_for_what_happened(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise models.ModelUnavailable("some/model cannot be fetched: no network")

    monkeypatch.setattr(models, "needs_download", lambda _: True)
    monkeypatch.setattr(models, "resolve", lambda _: {})
    monkeypatch.setattr(models, "load_shared", fail)
    at = Mounted(page, AttentionWidget("a text", model="some/model"))
    expect(page.get_by_role("alert")).to_contain_text("no network")
    with pytest.raises(TraitError, match="the model could not be had"):
        at.widget.text = "another"
    expect(page.get_by_role("alert")).to_contain_text("the model could not be had (some/model cannot be fetched")
