"""A widget whose model writes: kept for later texts, told as it grows, ended at any time; and one token's writing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from traitlets import TraitError
from transformers import BertModel, GenerationConfig, GPT2LMHeadModel

import tiny
from attnwidget import AttentionTrace, AttentionWidget, capture, examples
from attnwidget.session import Session, runner
from attnwidget.wire.schema import Status, Texts
from test_threads import in_a_kernel
from zoo import make

if TYPE_CHECKING:
    from collections.abc import Callable

TOKENIZER = tiny.tokenizer()
TEXT = "The cat"
T5 = {"num_layers": 2, "num_heads": 4, "d_model": 32, "d_kv": 8, "d_ff": 64, "decoder_start_token_id": tiny.PAD}


def gpt2() -> Any:
    return tiny.gpt2(GPT2LMHeadModel)


def made(text: str = TEXT, **options: Any) -> AttentionWidget:
    return AttentionWidget(text, **{"model": gpt2(), "tokenizer": TOKENIZER, "probe": False, "generate": 6} | options)


def expected(text: str, generate: Any = 6) -> AttentionTrace:
    return capture(gpt2(), text, tokenizer=TOKENIZER, generate=generate)


@pytest.mark.parametrize(
    "how", [6, {"max_new_tokens": 6, "do_sample": True, "seed": 3}, GenerationConfig(max_new_tokens=6, num_beams=2)]
)
def test_what_is_written_is_kept_for_texts_typed_later(how: Any) -> None:
    widget = made(generate=how)
    assert widget.text == TEXT
    assert (widget.tokens, widget.trace.generated) == (expected(TEXT, how).tokens, [False] * 7 + [True] * 6)
    widget.text = "Another"
    assert widget.tokens == expected("Another", how).tokens
    assert widget._outline["queries"]["generated"] == [7, 13]


def test_an_encoder_decoder_writes_its_target_so_unless_it_is_given() -> None:
    widget = made(model=make("T5", T5, model="T5ForConditionalGeneration"), generate=3)
    assert len(widget.trace.tokens) == 4
    widget.text_target = "le chat"
    assert not any(widget.trace.generated)


def test_what_cannot_be_is_said_at_once() -> None:
    with pytest.raises(ValueError, match="no option 'max_tokens'"):
        made(generate={"max_tokens": 3})
    with pytest.raises(TypeError, match="generate goes with a text"):
        AttentionWidget(expected(TEXT), generate=3)
    with pytest.raises(ValueError, match="has no language-model head"):
        made(model=tiny.bert(BertModel))
    widget = made(generate=60 - 7)
    with pytest.raises(TraitError, match="have 69 tokens"):
        widget.text = "The cat sat down"
    assert widget.text == TEXT


def test_an_example_is_not_written_on() -> None:
    session = Session(probe=False, generate=4)
    session.open(examples.EXAMPLES[0], Texts(), None)
    assert session.trace is not None
    assert not any(session.trace.generated)
    session.run(Texts(text="The cat sat"))
    model = examples.EXAMPLES[0].model
    assert any(session.trace.generated) == (model == "demo/causal")


def _stopping(at: int, told: list[str], stop: Callable[[], None]) -> Callable[[Any], None]:
    """Return a listener that stops the writing once so many tokens are told of."""

    def listen(changes: Any) -> None:
        status = changes.get("status")
        if isinstance(status, Status) and status.message.startswith("writing"):
            told.append(status.message)
            if status.done == at:
                stop()

    return listen


def test_a_stop_keeps_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "REPORT_EVERY", -1)
    session = Session(probe=False, tokenizer=TOKENIZER, generate=40)
    told: list[str] = []
    session.listener = _stopping(3, told, session.stop)
    session.open(TEXT, Texts(text=TEXT), gpt2())
    assert session.trace is not None
    whole = expected(TEXT, 40)
    assert session.trace.tokens == whole.tokens[:10]
    assert session.trace.notices == ["The writing was stopped after 3 of up to 40 tokens."]
    assert session.states["status"] == Status(state="ready")
    ids = TOKENIZER.convert_tokens_to_ids(whole.raw_tokens[7:10])
    written = " ".join(TOKENIZER.decode(ids, skip_special_tokens=True).split())
    assert told[-1] == f"writing token 4 of up to 40: {written}"
    told.clear()
    session.listener = lambda _: None
    session.run(Texts(text="Another"))
    assert sum(session.trace.generated) == 40  # the next is written whole


def test_in_a_kernel_it_is_written_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "REPORT_EVERY", -1)

    async def cell() -> None:
        with pytest.raises(ValueError, match="has no language-model head"):
            made(model=tiny.bert(BertModel))  # at once, as without a kernel
        session = Session(probe=False, tokenizer=TOKENIZER, generate=50)
        told: list[str] = []
        ready = asyncio.Event()
        loop = asyncio.get_running_loop()
        stopping = _stopping(2, told, session.stop)

        def listen(changes: Any) -> None:
            stopping(changes)
            if "outline" in changes:
                loop.call_soon_threadsafe(ready.set)

        session.listener = listen
        session.open(TEXT, Texts(text=TEXT), gpt2())
        assert session.trace is None  # the cell is over at once
        assert session.texts.text == TEXT
        await asyncio.wait_for(ready.wait(), 60)
        assert session.trace is not None
        assert 2 <= sum(session.trace.generated) <= 50
        assert told
        session.listener = lambda _: None
        # a newer text takes its place at once, and keeps nothing of it
        session.start(Texts(text="Older"))
        session.run(Texts(text="Newer"))
        assert session.texts.text == "Newer"
        assert session.trace.tokens == expected("Newer", 50).tokens

    in_a_kernel(cell)


def test_a_run_that_is_not_written_is_dropped_by_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "REPORT_EVERY", -1)
    session = Session(probe=False, tokenizer=TOKENIZER)
    session.open(TEXT, Texts(text=TEXT), gpt2())

    def listen(changes: Any) -> None:
        if changes.get("status") and changes["status"].message == "running the model":
            session.stop()

    session.listener = listen
    session.start(Texts(text="Another"))  # without an event loop it runs here
    assert session.texts.text == TEXT
    assert session.states["status"] == Status(state="ready", message="stopped")


# -- one token's writing ----------------------------------------------------------------------------------------------


def test_a_step_is_the_row_before_a_written_token() -> None:
    widget = made(keys=[1], words=True)
    assert widget.step is None
    widget.step = 9
    assert (widget.step, widget.queries, widget.keys, widget.words) == (9, [8], [], False)
    assert not widget.trace.allowed(0, 0, queries=8)[9:].any()  # nothing that was not there
    widget.step = -1
    assert (widget.step, widget.queries) == (12, [11])
    widget.words = True
    assert widget.step is None
    widget.words = False
    widget.queries = [2]
    assert widget.step is None  # the row of a token before those that were written
    widget.step = None
    assert widget.queries == [2]
    widget.queries = [6]
    assert widget.step == 7
    widget.step = None
    assert widget.queries == []


def test_a_step_that_is_none_is_refused() -> None:
    widget = made()
    for wrong, error, why in (
        (3, ValueError, "token 3 was given; the model wrote 7 to 12"),
        (13, IndexError, "out of range: 0 to 12"),
        ("cat", TypeError, "integer"),
    ):
        with pytest.raises(error, match=why):
            widget.step = wrong
    with pytest.raises(ValueError, match="wrote none of these tokens; with generate="):
        made(generate=0).step = 3


def test_a_step_of_a_decoder_leaves_the_encoder() -> None:
    widget = made(model=make("T5", T5, model="T5ForConditionalGeneration"), generate=3, attention="encoder")
    widget.step = 2
    assert (widget.attention, widget.queries, widget.step) == ("cross", [1], 2)
