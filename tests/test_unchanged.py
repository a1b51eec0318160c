"""Which rows a new text leaves as they were: by its tokens, and by the numbers themselves."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import attnwidget as aw
import tiny
from attnwidget import AttentionTrace, AttentionWidget, capture
from attnwidget.session.requests import SLOW, handlers
from attnwidget.session.unchanged import first_change
from attnwidget.wire import schema
from attnwidget.wire.outline import outline
from attnwidget.wire.server import RequestServer
from attnwidget.wire.strongest import strongest
from attnwidget.wire.tokens import in_one
from zoo import ZOO

TOKENIZER = tiny.tokenizer()
TIRED = "The animal didn't cross the road because it was too tired."
WIDE = TIRED.replace("tired", "wide")
IT = 8
HEADS = [(0, 0), (1, 2)]


def pair(before: str, after: str, name: str = "Llama") -> tuple[AttentionTrace, AttentionTrace]:
    *_, make = ZOO[name]
    model = make()
    return capture(model, before, tokenizer=TOKENIZER), capture(model, after, tokenizer=TOKENIZER)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("the cat sat", "the cat ran", 8),
        ("the cat sat", "the cat", 7),  # cut off
        ("the cat", "the cat sat", 7),
        ("the cat sat", "the dog sat", 4),
        ("the cat sat", "the cat sat", None),
        ("the cat sat", "a cat sat", None),  # every row sees the change
    ],
)
def test_the_first_token_that_differs(before: str, after: str, expected: int | None) -> None:
    old, new = pair(before, after)
    assert first_change(old, new, "self", HEADS, [0, 2]) == expected
    if expected is None:
        return
    # Every row before it, in every head, has the weights that it had, and the row itself has not.
    for layer in range(old.n_layers()):
        then, now = (one.weights(layer)[:, :expected, :expected] for one in (old, new))
        torch.testing.assert_close(then, now, rtol=0, atol=1e-6)
    n = min(len(old.tokens), len(new.tokens))
    if n > expected:
        then, now = (one.weights(1)[:, expected, : expected + 1] for one in (old, new))
        assert (then - now).abs().max() > 1e-3


def test_of_a_model_that_sees_the_whole_text_nothing_can_be_said() -> None:
    assert first_change(*pair("the cat sat", "the cat ran", "BERT"), "self", HEADS, []) is None


def test_numbers_that_differ_are_believed_more_than_tokens() -> None:
    old, _ = pair("the cat sat", "the cat ran")
    *_, make = ZOO["Llama"]
    other = make()
    with torch.no_grad():
        for weight in other.parameters():
            weight.mul_(1.5)
    new = capture(other, "the cat ran", tokenizer=TOKENIZER)
    assert first_change(old, new, "self", HEADS, []) is None


def test_a_decoder_is_looked_at_too_while_the_source_is_the_same() -> None:
    *_, make = ZOO["Marian"]
    model = make()
    traces = [
        capture(model, source, text_target=target, tokenizer=TOKENIZER)
        for source, target in (("The cat", "le chat"), ("The cat", "le chien"), ("The dog", "le chien"))
    ]
    first = 1 + len("le ch")  # behind the start
    assert first_change(*traces[:2], "cross", HEADS, []) == first
    assert first_change(*traces[:2], "decoder", HEADS, []) == first
    assert first_change(*traces[:2], "encoder", HEADS, []) is None
    assert first_change(*traces[1:], "cross", HEADS, []) is None
    for layer in range(3):
        then, now = (one.weights(layer, attention="cross")[:, :first] for one in traces[:2])
        torch.testing.assert_close(then, now, rtol=0, atol=1e-6)


def test_a_widget_tells_its_browser() -> None:
    widget = AttentionWidget(TIRED, queries=[IT])
    before = widget.trace.weights(2, 6)[IT]
    assert widget._outline["changedFrom"] is None
    widget.text = WIDE
    assert widget.tokens[widget._outline["changedFrom"]] == "wide"
    torch.testing.assert_close(widget.trace.weights(2, 6)[IT], before, rtol=0, atol=1e-6)
    widget._session.run(schema.Texts(text=WIDE))  # the same once more
    assert widget.tokens[widget._outline["changedFrom"]] == "wide"
    widget.text = WIDE.replace("The", "An")
    assert widget._outline["changedFrom"] is None
    widget.text = WIDE
    assert widget._outline["changedFrom"] is None


# -- a decoder's rows -----------------------------------------------------------------------------------------------


def test_a_decoders_side_is_named_by_what_it_writes() -> None:
    model, tokenizer = aw.load_model("demo/fr-en")
    trace = capture(model, "Le chat noir dort.", tokenizer=tokenizer)
    about = {"run": 1, "trace": "main", "model": "", "editable": True, "seconds": 0.0, "translates": True}
    told = {name: outline(trace, name, **about, changed_from=None, demo=None) for name in trace.attentions}
    for name in ("decoder", "cross"):
        assert told[name].queries.writes
        assert told[name].queries.tokens == in_one(["start", *trace.target_tokens[1:]])
        assert told[name].queries.word_texts == ""  # the word reads as its token
        assert told[name].predicts == "next"
    assert told["cross"].keys is not None
    assert not told["cross"].keys.writes
    assert told["decoder"].keys is None
    assert not told["encoder"].queries.writes
    assert told["encoder"].queries.tokens == in_one(trace.source_tokens)
    assert told["encoder"].predicts is None
    assert "writes nothing" in told["encoder"].predicts_nothing
    assert trace.target_tokens[0] == "<pad>"  # in Python as the vocabulary has it


def test_in_plain_text_too() -> None:
    numbers = torch.tensor([[[0.1, 0.9], [0.8, 0.2]]])
    lines = strongest(numbers, (["the", "cat"], ["le", "chat"]), [(1, 3)], writes=True)
    assert lines[:2] == ["L1-H3 the ▸ cat → chat 0.9000", "L1-H3 cat ▸ … → le 0.8000"]


# -- asked by a browser ---------------------------------------------------------------------------------------------


def asked(widget: AttentionWidget, *asks: dict[str, Any]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    server = RequestServer(handlers(widget._session), lambda reply, _: sent.append(reply), slow=SLOW)
    for ask in asks:
        server.receive({"id": "a-1", "ask": "next", **ask})
    return sent


def test_what_comes_next_is_answered_and_of_another_text_refused() -> None:
    assert schema.AskNext in SLOW
    widget = AttentionWidget(TIRED)
    good, stale, outside, wrong = asked(
        widget,
        {"query": IT, "run": widget._session.run_number},
        {"query": IT, "run": 99},
        {"query": 99},
        {"query": "it"},
    )
    expected = [{"token": token, "probability": value} for token, value in widget.trace.next_tokens(IT)]
    assert good["ok"] == {"run": widget._session.run_number, "query": IT, "tokens": expected}
    assert stale["error"]["kind"] == "stale"
    assert "query 99 does not exist" in outside["error"]["message"]
    assert "cannot be read" in wrong["error"]["message"]


def test_what_is_not_a_number_is_an_answer_in_words() -> None:
    model, tokenizer = aw.load_model("demo/causal")
    with torch.no_grad():
        model.get_output_embeddings().weight.fill_(torch.nan)
    (answer,) = asked(AttentionWidget(TIRED, model=model, tokenizer=tokenizer), {"query": 1})
    assert "not a number" in answer["error"]["message"]
