"""The presets: every claim is true of the model that is named, and they are reached from Python."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM, AutoTokenizer

import tiny
from attnwidget import AttentionWidget, capture
from attnwidget.examples import EXAMPLES, Example, Examples, find
from attnwidget.models import ABOUT, BUNDLED, load_model
from attnwidget.session.feeds import CategoriesFeed, Shown
from attnwidget.wire.schema import Selection
from browser.fake_comm import FakeComm

KINDS = {
    "demo/causal": AutoModelForCausalLM,
    "demo/masked": AutoModelForMaskedLM,
    "demo/fr-en": AutoModelForSeq2SeqLM,
}
# What articles explain attention with, and the kind of model that each needs.
ASKED = {
    "The cat that was sleeping on the mat suddenly woke up.": "causal",
    "The cat sat": "causal",
    "The cat sat on the mat": "masked",
    "John ate his lunch": "causal",
    "The cat that I saw yesterday was sleeping": "causal",
    "Le chat dort": "fr-en",
    "The cat [MASK] on the mat": "masked",
    "The cat": "causal",
    "The animal didn't cross the road because it was too tired": "causal",
    "The animal didn't cross the road because it was too wide": "causal",
    "The bank will not lend money to the farmer near the river.": "masked",
    "Harry Potter is my favorite book": "causal",
}


@pytest.fixture(autouse=True)
def script(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain script, also where Playwright keeps an event loop running in this thread: work is done at once."""
    monkeypatch.setattr("attnwidget.session.jobs.running_loop", lambda: None)


@pytest.fixture(scope="module")
def eager() -> Any:
    """The bundled models as transformers loads them, with the weights that they return themselves."""
    return {
        name: (
            kind.from_pretrained(BUNDLED[name], dtype="float32", attn_implementation="eager").eval(),
            AutoTokenizer.from_pretrained(BUNDLED[name]),
        )
        for name, kind in KINDS.items()
    }


def test_every_sentence_that_articles_use_is_there() -> None:
    for text, model in ASKED.items():
        assert any(one.text == text and one.model == f"demo/{model}" for one in EXAMPLES), text
    assert len({one.name for one in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
@torch.no_grad()
def test_what_is_to_be_looked_for_is_there(example: Example, eager: Any) -> None:
    model, tokenizer = eager[example.model]
    tokens = tokenizer(example.text, return_tensors="pt")["input_ids"]
    more = {}
    if example.model == "demo/fr-en":
        said = model.generate(tokens, do_sample=False)  # from the token that starts it to the one that ends it
        more = {"decoder_input_ids": said[:, :-1]}
    outputs = model(input_ids=tokens, output_attentions=True, **more)
    weights = outputs.cross_attentions if example.attention == "cross" else outputs.attentions
    layer, head = example.head
    widget = AttentionWidget(example)
    queries, keys = example.places(widget.trace)
    found = weights[layer][0, head][queries][:, keys].sum(1).mean()
    assert found.item() == pytest.approx(example.weight, abs=0.006)
    assert f"{example.weight:.2f}" in example.look
    # and it is what the widget shows
    assert (widget.heads, widget.queries, widget.attention) == ([example.head], queries, example.attention)
    shown = widget.weights()[0]  # (queries, keys), of the key's alone where it is pinned
    shown = shown if widget.keys else shown[:, keys]
    assert shown.sum(1).mean().item() == pytest.approx(example.weight, abs=0.006)


@torch.no_grad()
def test_what_else_the_sentences_say(eager: Any) -> None:
    """Comparisons, beside the numbers."""

    def row(name: str, word: str = "") -> tuple[list[str], torch.Tensor]:
        """All heads' weights (layers, heads, keys) of an example's query, or of another word."""
        example = EXAMPLES[name]
        model, tokenizer = eager[example.model]
        tokens = tokenizer(example.text, return_tensors="pt")["input_ids"]
        text = [tokenizer.decode([one]).strip() for one in tokens[0].tolist()]
        found = torch.stack(model(input_ids=tokens, output_attentions=True).attentions)[:, 0]
        return text, found[:, :, find(text, word or example.query)].mean(2)

    def strongest(name: str) -> list[str]:
        text, weights = row(name)
        return [text[at] for at in weights[EXAMPLES[name].head].argsort(descending=True).tolist()]

    assert strongest("it: the animal was tired")[0] == "animal"
    assert strongest("it: the cat or the ball")[0] == "cat"
    assert strongest("bank → farmer and river, ahead")[:2] == ["farmer", "river"]
    # what stands before the word that differs is the same to a causal model
    torch.testing.assert_close(row("tired: who?", "it")[1], row("wide: what?", "it")[1])
    model, tokenizer = eager["demo/causal"]
    tokens = tokenizer("The cat chased the ball until it rolled away", return_tensors="pt")["input_ids"]
    other = torch.stack(model(input_ids=tokens, output_attentions=True).attentions)[:, 0, :, 7, :8]
    torch.testing.assert_close(row("it: the cat or the ball")[1][..., :8], other)
    text, weights = row("woke up: who?")
    assert weights[..., text.index("cat")].max() < 0.25
    assert weights[EXAMPLES["woke up: who?"].head][text.index("mat")] < 0.1
    text, weights = row("fill the gap")
    assert all(weights[head][text.index("on")] > 0.9 for head in [(0, 2), (1, 6)])


@pytest.mark.parametrize("starts", [False, True])
def test_a_pair_stands_side_by_side(starts: bool) -> None:  # noqa: FBT001
    """From the constructor, and from the menu; red and blue are the two nouns."""
    example, other = (EXAMPLES[name] for name in ("it, and tired: the animal", "it, and wide: the road"))
    assert (example.against, other.against) == (other.text, example.text)
    widget = AttentionWidget(EXAMPLES["fill the gap"] if starts else example)
    if starts:
        widget._session.start_example(example)
        widget._session.settled()
    assert (widget.text, widget.side, widget.heads) == (example.text, "difference", [(1, 7)])
    it, animal, road = (widget.tokens.index(one) for one in ("it", "animal", "road"))
    assert widget.queries == [it]
    row = widget.trace.measure("difference", 1, 7)[it]
    assert row[animal] > 0.9
    assert row[road] < -0.9
    assert widget._outline["demo"]["shown"]["look"] == example.look
    widget._session.start_example(EXAMPLES["fill the gap"])
    widget._session.settled()
    assert (widget.side, widget.comparison) == ("a", None)


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.says], ids=lambda one: one.name)
@torch.no_grad()
def test_the_model_says_what_the_example_tells(example: Example, eager: Any) -> None:
    model, tokenizer = eager[example.model]
    tokens = tokenizer(example.text, return_tensors="pt")["input_ids"]
    if example.model == "demo/fr-en":
        said = tokenizer.batch_decode(model.generate(tokens, do_sample=False), skip_special_tokens=True)
        assert tuple(one.rstrip(".") for one in said) == example.says
        return
    at = tokens[0].tolist().index(tokenizer.mask_token_id) if "[MASK]" in example.text else -1
    top = model(input_ids=tokens).logits[0, at].topk(len(example.says)).indices
    assert tuple(tokenizer.decode([one]).strip() for one in top.tolist()) == example.says


def test_they_are_found_by_name_and_shown_as_a_table() -> None:
    examples = AttentionWidget.examples()
    assert examples[examples[2].name] is examples[2]
    with pytest.raises(KeyError, match="there are"):
        examples["nonsense"]
    table = examples._repr_html_()
    assert all(one.look.split("“")[0].strip() in table for one in examples)
    odd = type(examples)([Example("<b>", "<i>", "m", (0, 0), "a", "b", 0.5, "{weight}")])
    assert "<b>" not in odd._repr_html_()
    assert "&lt;i&gt;" in odd._repr_html_()


def test_words_are_found_among_tokens() -> None:
    tokens = ["The", "an", "imal", "didn", "'t", "Harry", "Pot", "ter", "the"]
    assert find(tokens, "animal") == [1, 2]
    assert find(tokens, "harry potter") == [5, 6, 7]
    assert find(tokens, "the") == [0]
    with pytest.raises(ValueError, match="'cat' is not among"):
        find(tokens, "cat")


def test_the_menu_moves_the_widget_to_another_model() -> None:
    widget = AttentionWidget("One two three", heads=["L1-H3"], queries=[2], threshold=0.05)
    widget.comm = FakeComm()
    assert widget._outline["demo"]["about"] == ABOUT["demo/causal"]
    assert widget._outline["demo"]["shown"] is None
    assert "pass model='gpt2'" in ABOUT["demo/causal"]
    for example in (EXAMPLES[-1], *EXAMPLES):
        widget._handle_custom_msg({"id": "1", "ask": "example", "name": example.name}, [])
        assert widget._outline["demo"]["shown"] == {"name": example.name, "look": example.look}
        assert widget._outline["model"] == example.model
        assert (widget.text, widget.text_target) == (example.text, "")
        assert (widget.heads, widget.queries) == ([example.head], example.places(widget.trace)[0])
        assert widget._status["state"] == "ready"
    assert widget.threshold == 0.05  # the reader's own settings stay
    widget.threshold = 0.99
    widget._handle_custom_msg({"id": "2", "ask": "example", "name": EXAMPLES[-1].name}, [])
    assert widget.threshold < 0.99  # its line is drawn
    widget.text = "Le chien mange"
    assert widget.tokens[1:] == ["the", "dog", "eats"]  # the model's own, not the example's
    assert widget._outline["demo"]["shown"] is None
    assert widget._outline["model"] == EXAMPLES[-1].model


def test_a_wrong_example_is_an_error_that_keeps_the_picture() -> None:
    widget = AttentionWidget("One two three")
    widget.comm = FakeComm()
    before = widget._outline
    widget._handle_custom_msg({"id": "1", "ask": "example", "name": "nonsense"}, [])
    reply = next(one["content"] for one in widget.comm.outbox if one["method"] == "custom")
    assert "there are" in reply["error"]["message"]
    assert widget._outline is before


def test_an_example_brings_its_own_model() -> None:
    with pytest.raises(TypeError, match="an example brings its own"):
        AttentionWidget(EXAMPLES[0], model="demo/causal")
    widget = AttentionWidget(EXAMPLES[0], heads=["L0-H0"], threshold=0.2)  # what is asked for goes first
    assert widget.heads == [(0, 0)]
    assert widget.threshold == 0.2
    assert AttentionWidget(EXAMPLES[0], layer=1).layer == 1


def test_other_models_are_not_taken_for_demonstrations() -> None:
    widget = AttentionWidget("One two", model=tiny.gpt2(), tokenizer=tiny.tokenizer())
    assert widget._outline["demo"] is None
    model, tokenizer = load_model("demo/causal")  # the user's now, perhaps trained further
    assert AttentionWidget("One two", model=model)._outline["demo"] is None
    assert AttentionWidget("One two", tokenizer=tokenizer)._outline["demo"] is None
    assert AttentionWidget(capture(model, "One two", tokenizer=tokenizer))._outline["demo"] is None


def test_an_example_that_cannot_be_shown_leaves_all_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    widget = AttentionWidget("One two three")
    widget.comm = FakeComm()
    wrong = dataclasses.replace(EXAMPLES["looking both ways"], query="dog")
    monkeypatch.setattr("attnwidget.session.requests.EXAMPLES", Examples([wrong]))
    model, outline = widget._session.model, widget._outline
    widget._handle_custom_msg({"id": "1", "ask": "example", "name": wrong.name}, [])
    assert widget._status["state"] == "error"
    assert "'dog' is not among the tokens" in widget._status["message"]
    assert (widget.text, widget.tokens) == ("One two three", ["One", "two", "three"])
    assert (widget._session.model, widget._outline) == (model, outline)
    widget.text = "Four five"
    assert widget._outline["demo"]["shown"] is None


def test_the_evidence_about_one_model_is_not_taken_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A menu goes from model to model while the first one is still being measured."""
    waiting: list[Any] = []

    def hold(job: Any) -> None:
        waiting.append(job)

    monkeypatch.setattr("attnwidget.session.feeds.categories.known_probe", lambda _: None)
    monkeypatch.setattr("attnwidget.session.jobs.Job.start", hold)
    told: list[Any] = []
    feed = CategoriesFeed(told.append, (), wants_probe=True)
    models = [tiny.gpt2(), tiny.gpt2()]
    for run, model in enumerate(models):
        feed.forget()
        trace = capture(model, "One two", tokenizer=tiny.tokenizer())
        feed.begin(Shown(run, trace, Selection(), model, tiny.tokenizer()))
        job = waiting.pop()  # its scores
        job._do()
        job.settle()
    first, second = waiting
    told.clear()
    first._do()
    first.settle()
    assert not told
    second._do()
    second.settle()
    assert told[-1].probe.state == "done"
