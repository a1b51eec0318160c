"""The menu of examples: a click shows one on the model that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

import tiny
from attnwidget import AttentionWidget, models
from attnwidget.examples import EXAMPLES
from browser.fake_comm import Mounted

if TYPE_CHECKING:
    import pytest
    from playwright.sync_api import Page


def test_a_click_shows_an_example_and_what_to_look_for(page: Page) -> None:
    at = Mounted(page, AttentionWidget("One two three"))
    at.wait()
    expect(page.locator(".model")).to_contain_text("for GPT-2 pass model='gpt2'")
    menu = page.get_by_label("Examples")
    for example in (next(one for one in EXAMPLES if one.model == name) for name in models.BUNDLED):
        page.get_by_label("Text", exact=True).fill("")  # typed and not run: it gives way
        menu.select_option(example.name)
        expect(page.locator(".look")).to_have_text(example.look)
        at.wait()
        expect(menu).to_have_value(example.name)
        expect(page.get_by_label("Text", exact=True)).to_have_value(example.text)
        layer, head = example.head
        expect(page.locator(f"[data-head=L{layer}-H{head}]")).to_have_attribute("aria-pressed", "true")
        queries, keys = example.places(at.widget.trace)
        page.locator(f"[data-side=key][data-index='{keys[0]}']").hover()
        measure = at.widget.trace.measure(at.widget.measure, layer, head, attention=example.attention)
        number = measure[queries[0], keys[0]].item()
        if len(queries) == 1:
            shown = f"{number:+.4f}" if example.against else f"{number:.4f}"
            expect(page.locator("[role=status]")).to_contain_text(shown)
        expect(page.locator(".model")).to_contain_text(example.model)
    page.get_by_label("Text", exact=True).fill("Ein anderer Text")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".look")).to_be_empty()
    expect(menu).to_have_value("")


def test_what_is_typed_after_an_example_stays(page: Page) -> None:
    """Another attention brings a new outline, with the same example in it."""
    at = Mounted(page, AttentionWidget(EXAMPLES["French into English"]))
    at.wait()
    page.get_by_label("Text", exact=True).fill("")
    page.get_by_role("button", name="encoder", exact=True).click()
    at.wait()
    assert at.widget.attention == "encoder"
    expect(page.get_by_label("Text", exact=True)).to_have_value("")
    expect(page.locator(".look")).to_have_text(EXAMPLES["French into English"].look)


def test_an_example_that_fails_keeps_the_picture(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    at = Mounted(page, AttentionWidget("One two three"))
    at.wait()

    def fail(_name: str, **_: object) -> None:
        raise models.ModelUnavailable("the model's file is gone")

    monkeypatch.setattr(models, "load_shared", fail)
    page.get_by_label("Examples").select_option(EXAMPLES[0].name)
    expect(page.get_by_role("alert")).to_contain_text("the model's file is gone")
    expect(page.locator("[data-side=query] .label")).to_have_text(at.widget.tokens)
    expect(page.get_by_label("Examples")).to_have_value("")


def test_a_users_model_has_no_menu(page: Page) -> None:
    at = Mounted(page, AttentionWidget("One two", model=tiny.gpt2(), tokenizer=tiny.tokenizer()))
    at.wait()
    expect(page.get_by_label("Examples")).to_have_count(0)


def test_the_menu_is_grouped_by_what_the_models_do(page: Page) -> None:
    at = Mounted(page, AttentionWidget("The cat sat"))
    at.wait()
    groups = page.get_by_label("Examples").locator("optgroup").evaluate_all("all => all.map((one) => one.label)")
    assert groups == [
        "reads from left to right, like GPT",
        "sees both sides and fills gaps, like BERT",
        "translates: encoder and decoder",
    ]


def test_a_key_of_several_tokens_is_shown_with_the_number_that_is_promised(page: Page) -> None:
    at = Mounted(page, AttentionWidget(AttentionWidget.examples()["several tokens as one key"]))
    at.wait()
    expect(page.get_by_label("whole words")).to_be_checked()
    expect(page.locator("[role=status]")).to_contain_text("book → Harry Potter 0.9586 sum of 2 keys")
