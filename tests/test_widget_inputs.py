"""A widget made from token ids, a chat or embeddings: how it reads, and that it runs as it was given until edited."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers as hf
from traitlets import TraitError

import tiny
from attnwidget import AttentionWidget, capture
from attnwidget.wire.schema import Texts
from test_chats import CHAT, tokenizer
from test_inputs import T5, drawn

TOKENIZER = tiny.tokenizer(marks=True)


@pytest.fixture(autouse=True)
def script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work at once: a browser under test keeps an event loop running in this thread."""
    monkeypatch.setattr("attnwidget.session.jobs.running_loop", lambda: None)


def shown(source: Any = None, **options: Any) -> AttentionWidget:
    return AttentionWidget(source, **{"model": tiny.gpt2(), "tokenizer": TOKENIZER, "probe": False} | options)


def test_ids_are_shown_as_text_and_run_as_they_are_until_it_is_edited() -> None:
    ids = drawn(40)
    widget = shown(ids)
    assert widget.text == TOKENIZER.decode(ids)
    assert widget.trace.ids == ids
    assert "until it is edited" in widget.trace.notices[-1]
    first = widget.trace
    widget._session.run(Texts(text=widget.text))  # as when Enter is pressed in a box that was not touched
    assert widget.trace is not first
    assert widget.trace.ids == ids
    assert len(widget.trace.notices) == 1
    widget.text = "The cat"
    assert widget.trace.ids == capture(tiny.gpt2(), "The cat", tokenizer=TOKENIZER).ids
    assert not widget.trace.notices
    with pytest.raises(TraitError, match="gives no tokens"):
        widget.text = ""


def test_marks_stand_in_the_text_only_where_the_tokenizer_would_not_add_them() -> None:
    encoded = TOKENIZER("The cat", return_tensors="pt")
    widget = shown(encoded)
    assert (widget.text, widget.trace.notices) == ("The cat", [])
    assert shown(encoded["input_ids"][0, 1:-1]).text == "The cat"
    assert shown([0, 0, *encoded["input_ids"][0].tolist()]).text == "<s><s><s>The cat</s>"


def test_a_chat_is_shown_as_the_template_writes_it() -> None:
    widget = shown(CHAT, tokenizer=tokenizer())
    assert widget.text == "<s>[system] Be kind.</s>[user] Hi</s>[assistant] Hello</s>"
    assert set(widget.trace.segments or []) == {0, 1, 2}
    assert not widget.trace.notices
    turns = widget.trace.segments or []
    assert widget._outline["queries"]["segments"] == [turns.index(1), 1, turns.index(2), 2]
    widget.text = f"{widget.text}!"
    assert widget.trace.segments is None


def test_embeddings_are_shown_by_their_names() -> None:
    widget = shown(inputs_embeds=torch.randn(3, 32), tokens=["one", "two", "three"])
    assert widget.text == "one two three"
    assert "names the embeddings" in widget.trace.notices[0]
    assert widget.trace.ids is None


def test_what_goes_with_a_text_goes_with_that_text_only() -> None:
    widget = shown("cat", attention_mask=[1, 1, 0, 1, 1], add_special_tokens=None)
    assert not widget.trace.allowed(0, 0)[4, 2]
    widget.text = "cats"
    assert widget.trace.allowed(0, 0)[4, 2]


def test_special_tokens_stay_left_out_of_later_texts() -> None:
    widget = shown("cat", add_special_tokens=False)
    assert widget.tokens == list("cat")
    widget.text = "dog"
    assert widget.tokens == list("dog")


def test_a_target_in_ids_is_shown_too_and_stays_when_the_source_is_edited() -> None:
    model = tiny.build(T5, hf.T5ForConditionalGeneration)
    le = TOKENIZER.convert_tokens_to_ids(list("le"))
    widget = shown([10, 11], text_target=le, model=model, attention="cross")
    assert widget.text_target == "le"
    assert (widget.trace.source_ids, widget.trace.ids) == ([10, 11], [tiny.PAD, *le])
    widget.text = "cat"
    assert widget.trace.ids == [tiny.PAD, *le]
    widget.text_target = "un"
    assert "".join(widget.trace.tokens).startswith("<pad><s>un")


def test_ids_without_a_tokenizer_leave_the_text_empty() -> None:
    widget = AttentionWidget([7, 8, 9], model=tiny.gpt2(), probe=False)
    assert (widget.text, widget.tokens) == ("", ["7", "8", "9"])
    with pytest.raises(TraitError, match="no tokenizer found"):
        widget.text = "cat"
    assert widget.trace.ids == [7, 8, 9]


def test_what_cannot_be_is_refused_before_a_model_is_looked_for() -> None:
    for source, error, message in (
        ([[1, 2], [3, 4]], ValueError, r"capture_batch\(model, batch\)"),
        (3, TypeError, "text must be a str, token ids"),
        (None, TypeError, "got NoneType"),
        ([1.5], TypeError, "whole numbers"),
    ):
        with pytest.raises(error, match=message):
            AttentionWidget(source, model="/nowhere")
    with pytest.raises(TypeError, match="attention captured earlier is shown as it is"):
        AttentionWidget(capture(tiny.gpt2(), [1, 2]), tokens=["a", "b"])
