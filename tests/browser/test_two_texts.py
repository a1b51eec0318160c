"""Attention between two texts: an encoder–decoder's three attentions, sentence pairs, and what a model wrote itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from playwright.sync_api import expect
from traitlets import TraitError
from transformers import GPT2LMHeadModel

import tiny
from attnwidget import AttentionWidget, capture
from browser.fake_comm import Mounted
from zoo import ZOO

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TOKENIZER = tiny.tokenizer(marks=True)


def labels(page: Page, side: str) -> list[str]:
    """The tokens, without what a decoder's rows write."""
    return page.locator(f"[data-side={side}] .label{' > bdi' * (side == 'query')}").all_text_contents()


def started(tokens: list[str]) -> list[str]:
    """A decoder's tokens as they are shown: its first is a mark that only begins it."""
    return ["start", *tokens[1:]]


def token(page: Page, side: str, index: int) -> Locator:
    return page.locator(f"[data-side={side}][data-index='{index}']")


@pytest.fixture
def translator(page: Page) -> Mounted:
    *_, make = ZOO["Marian"]
    widget = AttentionWidget("The cat", text_target="le chat noir", model=make(), tokenizer=TOKENIZER, heads=["L0-H1"])
    at = Mounted(page, widget)
    at.wait()
    return at


def test_an_encoder_decoder_opens_on_cross_attention(translator: Mounted, page: Page) -> None:
    widget, trace = translator.widget, translator.widget.trace
    assert widget.attention == "cross"
    assert labels(page, "query") == started(trace.target_tokens) == started(widget.tokens)
    assert labels(page, "key") == trace.source_tokens
    expected = trace.weights(0, 1, attention="cross")
    torch.testing.assert_close(widget.weights()[0], expected)
    last = len(trace.target_tokens) - 1
    token(page, "query", last).click()
    token(page, "key", 2).hover()
    expect(page.locator("[role=status]")).to_contain_text(f"{expected[last, 2]:.4f}")
    translator.wait()
    assert widget.queries == [last]


def test_the_attention_is_switched_from_either_side(translator: Mounted, page: Page) -> None:
    widget, trace = translator.widget, translator.widget.trace
    token(page, "query", 6).click()
    page.get_by_role("button", name="encoder", exact=True).click()
    translator.wait()
    assert widget.attention == "encoder"
    assert labels(page, "query") == labels(page, "key") == trace.source_tokens
    assert widget.queries == []
    torch.testing.assert_close(widget.weights()[0], trace.weights(0, 1, attention="encoder"))
    widget.attention = "decoder"
    translator.wait()
    expect(page.get_by_role("button", name="decoder", exact=True)).to_have_attribute("aria-pressed", "true")
    assert labels(page, "key") == started(trace.target_tokens)
    token(page, "query", 1).hover()
    expect(token(page, "key", 2)).to_have_class("token forbidden")
    with pytest.raises(TraitError, match="encoder, decoder, cross"):
        widget.attention = "self"


def test_a_decoders_row_is_labelled_with_what_it_writes(page: Page) -> None:
    widget = AttentionWidget("Le chat noir dort.", model="demo/fr-en", heads=["L1-H3"])
    assert widget.trace.target_tokens[:3] == ["<pad>", "the", "black"]
    page.set_viewport_size({"width": 848, "height": 700})
    at = Mounted(page, widget)
    at.wait()
    rows = page.locator("[data-side=query] .label")
    for nth, row in enumerate(["start ▸ the", "the ▸ black", "black ▸ cat"]):
        expect(rows.nth(nth)).to_have_text(row)
    expect(rows.last).to_have_text(". ▸ …")
    token(page, "query", 1).click()
    status = page.locator("[role=status]")
    expect(status).to_contain_text("L1-H3 the ▸ writes black → noir 0.99")
    expect(page.get_by_label("strongest pairs")).to_contain_text("the ▸ black → noir")
    expect(token(page, "query", 1).locator(".label")).to_have_attribute(
        "title", "the: the row that reads it writes black (written by the model) · position 1"
    )
    legend = page.locator(".legend")
    expect(legend).to_contain_text("italic: written by the model")
    expect(legend).to_contain_text("small: marks, not words")
    page.get_by_role("button", name="encoder", exact=True).click()
    at.wait()
    expect(legend).not_to_contain_text("italic")
    expect(page.locator("[data-side=query] .label")).to_have_text(widget.trace.source_tokens)
    widget.attention = "cross"
    widget.queries = [1]
    widget.words = True
    at.wait()
    expect(token(page, "query", 1).locator(".label")).to_have_text("the ▸ black")
    page.get_by_role("tab", name="Breakdown").click()
    at.wait()
    expect(page.locator("[data-row=query]")).to_contain_text("query the ▸ black")
    assert "the ▸ black → noir" in repr(widget)


def test_heads_that_the_other_attention_lacks_are_let_go(translator: Mounted) -> None:
    widget = translator.widget
    widget.heads = [(2, 3)]  # the encoder has 2 layers
    widget.attention = "encoder"
    assert widget.heads[0][0] < 2
    with pytest.raises(TraitError, match="0 to 1"):
        widget.layer = 2
    translator.wait()


def test_words_merge_on_both_sides(translator: Mounted, page: Page) -> None:
    translator.widget.words = True
    translator.wait()
    assert "chat" in labels(page, "query")
    assert "cat" in labels(page, "key")
    shape = translator.widget.weights().shape
    assert shape == (1, len(labels(page, "query")), len(labels(page, "key")))


def test_the_target_is_set_typed_or_written_by_the_model(translator: Mounted, page: Page) -> None:
    widget = translator.widget
    widget.text_target = "le chien"
    translator.wait()
    assert "".join(labels(page, "query")).endswith("le␣chien")
    box = page.get_by_label("Target")
    expect(box).to_have_value("le chien")
    box.fill("un chat")
    box.press("Enter")
    page.wait_for_function("() => model.get('text_target') === 'un chat'")
    translator.wait()
    assert labels(page, "query") == started(widget.tokens)
    widget.text_target = ""
    translator.wait()
    assert any(widget.trace.generated)
    written = page.locator("[data-side=query].generated")  # of a long text those that are in the page
    expect(written.first).to_be_visible()
    generated = widget.trace.generated
    assert all(generated[int(one.get_attribute("data-index") or 0)] for one in written.all())
    assert written.count() == sum(generated[: page.locator("[data-side=query]").count()])


def test_a_pair_can_be_seen_part_by_part(page: Page) -> None:
    widget = AttentionWidget(
        "The cat sat", text_pair="It was tired", model=tiny.bert(), tokenizer=TOKENIZER, heads=[(0, 0)], threshold=0
    )
    at = Mounted(page, widget)
    at.wait()
    assert widget.trace.segments is not None
    assert set(widget.trace.segments) == {0, 1}
    expect(page.get_by_label("Second text")).to_have_value("It was tired")
    first = widget.trace.segments.index(1) - 1  # of the first text's last row
    page.get_by_role("button", name="A → B").click()
    token(page, "query", 1).hover()
    at.rest()
    reached = page.evaluate(FOCUSED_ENDS)
    row = page.locator("[data-side=key]").first.bounding_box()
    assert row
    assert reached
    assert min(reached) > first * row["height"]


def test_a_chat_has_its_turns_told_apart_until_its_text_is_edited(page: Page) -> None:
    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] + eos_token }}{% endfor %}"
    chat = [{"role": role, "content": word} for role, word in (("system", "Be"), ("user", "Hi"), ("assistant", "Yo"))]
    at = Mounted(page, AttentionWidget(chat, model=tiny.gpt2(), tokenizer=tokenizer, heads=["L0-H1"], threshold=0))
    at.wait()
    box = page.get_by_label("Text", exact=True)
    expect(box).to_have_value("Be</s>Hi</s>Yo</s>")
    expect(page.locator("[data-side=query].turn")).to_have_count(2)
    assert [one.get_attribute("data-index") for one in page.locator("[data-side=key].turn").all()] == ["3", "6"]
    row = page.locator("[data-side=key]").first.bounding_box()
    assert row
    token(page, "query", 5).hover()
    at.rest()
    assert max(page.evaluate(FOCUSED_ENDS)) > 3 * row["height"]
    page.get_by_role("button", name="between turns").click()
    token(page, "query", 5).hover()
    at.rest()
    assert max(page.evaluate(FOCUSED_ENDS)) < 3 * row["height"]
    box.fill("Be kind")
    box.press("Enter")
    page.wait_for_function("() => model.get('text') === 'Be kind'")
    at.wait()
    expect(page.get_by_role("button", name="between turns")).to_have_count(0)
    expect(page.locator(".turn")).to_have_count(0)
    assert at.widget.trace.ids == tokenizer("Be kind")["input_ids"]


# The heights at which focused lines arrive at the keys, in CSS pixels.
FOCUSED_ENDS = """() => {
  const root = document.querySelector("#here > div").shadowRoot;
  const canvas = root.querySelectorAll(".stage canvas")[1];
  const right = root.querySelector("[data-side=key]").getBoundingClientRect().left;
  const x = right - canvas.getBoundingClientRect().left - 3;
  const { data } = canvas.getContext("2d").getImageData(x, 0, 1, canvas.height);
  return [...Array(canvas.height).keys()].filter((y) => data[4 * y + 3] > 0);
}"""


def test_generated_tokens_are_marked(page: Page) -> None:
    trace = capture(tiny.gpt2(GPT2LMHeadModel), "The cat", tokenizer=TOKENIZER, generate=3)
    at = Mounted(page, AttentionWidget(trace))
    at.wait()
    expect(page.locator("[data-side=key].generated")).to_have_count(3)
