"""What a trace has to say of itself: marks that were there already, a text too long, layers that were left out."""

from __future__ import annotations

import asyncio
import re
import warnings
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers as hf

import attnwidget as aw
import tiny
from attnwidget import AttentionTrace, AttentionWidget, measures, models
from attnwidget.capture import TextTooLongError
from attnwidget.capture.notices import beyond_context, doubled_marks
from attnwidget.heads import categorize, original_rule
from attnwidget.measures import Measure, Region
from attnwidget.session import OptionError, Session, selection
from attnwidget.session.requests import handlers
from attnwidget.wire import schema
from attnwidget.wire.schema import Texts

MARKED = tiny.tokenizer(marks=True)
TEMPLATE = "{{ bos_token }}{% for one in messages %}{{ one.content }}{% endfor %}"


@pytest.fixture(autouse=True)
def script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnwidget.session.jobs.running_loop", lambda: None)
    monkeypatch.setattr(measures._REGISTRY, "_own", {})


def captured(model: Any, text: str, tokenizer: Any = MARKED, **options: Any) -> AttentionTrace:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return aw.capture(model, text, tokenizer=tokenizer, **options)


# -- a language that a bundled model has not learnt -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "known"),
    [
        ("demo/causal", "Кошка спит на диване, потому что она устала", "0"),
        ("demo/causal", "Der Hund konnte die Straße nicht überqueren, weil er zu müde war", r"\d"),
        ("demo/masked", "猫坐在垫子上", "0"),
        ("demo/fr-en", "El animal no cruzó la calle porque estaba demasiado cansado", r"\d"),
    ],
)
def test_a_language_that_a_bundled_model_does_not_know_is_told_kindly(name: str, text: str, known: str) -> None:
    model, tokenizer = models.load_model(name)
    (notice,) = captured(model, text, tokenizer).notices
    assert notice.startswith(f"{name} has learnt {models.LEARNT[name]}: of the ")
    assert re.search(rf" it knows {known} whole", notice)


def test_of_what_a_model_knows_nothing_is_said() -> None:
    for example in AttentionWidget.examples():
        model, tokenizer = models.load_model(example.model)
        assert captured(model, example.text, tokenizer).notices == []
    # another model may read any language
    assert captured(tiny.gpt2(), "Кошка спит", tiny.tokenizer()).notices == []


# -- marks that the text brings along -------------------------------------------------------------------------------


def test_a_chat_templates_first_mark_is_not_doubled() -> None:
    tokenizer = tiny.tokenizer(marks=True)
    tokenizer.chat_template = TEMPLATE
    text = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False)
    assert text == "<s>hi"
    with pytest.warns(UserWarning, match=r"The text begins with <s> already; .* a second time") as caught:
        trace = aw.capture(tiny.gpt2(), text, tokenizer=tokenizer)
    assert caught[0].filename == __file__
    plain = captured(tiny.gpt2(), "hi")
    assert trace.raw_tokens == plain.raw_tokens == ["<s>", "h", "i", "</s>"]
    assert trace.words == plain.words
    assert trace.special == [True, False, False, True]
    assert torch.equal(trace.weights(1), plain.weights(1))
    assert plain.notices == []


@pytest.mark.parametrize(
    ("text", "tokens", "ends"),
    [
        ("hi</s>", "<s> h i </s>", ["ends"]),
        ("<s>hi</s>", "<s> h i </s>", ["begins", "ends"]),
        ("<s>", "<s> </s>", ["begins"]),
        ("</s>", "<s> </s>", ["ends"]),
        ("</s>hi<s>", "<s> </s> h i <s> </s>", []),
        ("<mask>", "<s> <mask> </s>", []),
    ],
)
def test_marks_at_either_end(text: str, tokens: str, ends: list[str]) -> None:
    trace = captured(tiny.gpt2(), text)
    assert trace.raw_tokens == tokens.split()
    assert [notice.split()[2] for notice in trace.notices] == ends


def test_of_a_pair_and_of_a_target_too() -> None:
    pair = captured(tiny.bert(), "<s>hi", text_pair="yo")
    assert pair.raw_tokens == ["<s>", "h", "i", "</s>", "y", "o", "</s>"]
    assert pair.segments == [0, 0, 0, 0, 1, 1, 1]
    translated = captured(t5(), "hi", text_target="<s>yo")
    assert translated.raw_tokens == captured(t5(), "hi", text_target="yo").raw_tokens
    assert translated.notices == [
        "The target begins with <s> already; the tokenizer would have added it a second time."
    ]


def test_a_tokenizer_that_adds_nothing_takes_nothing_away() -> None:
    assert captured(tiny.gpt2(), "<s><s>hi", tiny.tokenizer()).raw_tokens == ["<s>", "<s>", "h", "i"]
    for added in ([], [1, 1], [0, 0, 0]):
        assert doubled_marks([0, 0, 5][: len(added) or 3], added, ["a"] * 3)[1] == []
    two = doubled_marks([7, 8, 7, 8, 5], [1, 1, 0, 0, 0], ["[gMASK]", "<sop>", "[gMASK]", "<sop>", "x"])
    assert two == (
        slice(2, 5),
        ["The text begins with [gMASK] <sop> already; the tokenizer would have added it a second time."],
    )


# -- longer than the model is for -----------------------------------------------------------------------------------


def t5() -> Any:
    sizes = {"num_layers": 2, "num_heads": 4, "d_model": 32, "d_kv": 8, "d_ff": 64}
    return tiny.build(hf.T5Config(**tiny.IDS, **sizes, decoder_start_token_id=2), hf.T5ForConditionalGeneration)


def test_a_text_beyond_the_configured_length_is_told() -> None:
    model = tiny.llama()
    model.config.max_position_embeddings = 8
    assert captured(model, "abcdef").notices == []
    with pytest.warns(UserWarning, match=r"The text has 9 tokens, but the model is configured for 8 \(max_position"):
        trace = aw.capture(model, "abcdefg", tokenizer=MARKED)
    assert len(trace.notices) == 1
    with pytest.raises(TextTooLongError):  # learned positions end
        captured(tiny.gpt2(n_positions=8), "abcdefg")
    shown = AttentionWidget("abcdefg", model=model, tokenizer=MARKED, probe=False)
    assert shown._outline["notices"] == trace.notices
    shown.text = "abc"
    assert shown._outline["notices"] == []


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        ({"max_position_embeddings": 100}, 100),
        ({"max_position_embeddings": 100, "rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, 100),
        ({"max_position_embeddings": 100, "rope_parameters": {"rope_type": "linear", "factor": 4.0}}, 400),
        ({"max_position_embeddings": 100, "rope_parameters": {"full_attention": {"rope_type": "default"}}}, 100),
        ({"max_position_embeddings": 100, "sliding_window": 10}, 100),
        ({"n_positions": 512}, 512),
        ({"seq_length": 2048}, 2048),
        ({"max_position_embeddings": 100, "alibi": True}, None),
        ({"max_position_embeddings": -1}, None),
        ({}, None),
    ],
)
def test_the_configured_length_counts(config: dict[str, Any], limit: int | None) -> None:
    config = SimpleNamespace(**config)
    config.get_text_config = lambda: config
    if limit is None:
        assert beyond_context(config, 10**9) == []
        return
    assert beyond_context(config, limit) == []
    (notice,) = beyond_context(config, limit + 1)
    assert notice.startswith(f"The text has {limit + 1:,} tokens, but the model is configured for {limit:,} (")


# -- some layers only -----------------------------------------------------------------------------------------------


@pytest.fixture
def part() -> AttentionTrace:
    return captured(tiny.gpt2(), tiny.TEXT, tiny.tokenizer(), layers=[1])


def test_a_trace_of_some_layers_is_shown(part: AttentionTrace) -> None:
    assert part.kept() == [1]
    shown = AttentionWidget(part)
    shown._session.begin()
    assert shown.layer == 1
    assert shown.heads[0].layer == 1
    assert (shown._outline["layers"], shown._outline["kept"]) == (3, [1])
    assert shown._status["state"] == "ready"
    assert shown._ahead["layers"] == [1]
    assert shown._ahead["shape"][:2] == [1, 4]
    pictures = torch.frombuffer(bytearray(shown._pictures["data"]), dtype=torch.uint8)
    pictures = pictures.reshape(shown._pictures["shape"])
    assert pictures.shape[:2] == (3, 4)
    assert not pictures[[0, 2]].any()
    assert pictures[1].any()
    scores = torch.frombuffer(bytearray(shown._categories["data"]), dtype=torch.float32)
    scores = scores.reshape(shown._categories["shape"])
    assert scores[:, [0, 2]].isnan().all()
    assert not scores[:, 1].isnan().all()
    assert repr(shown)
    shown.measure = "norms"
    shown.measure = "scores"
    assert shown._pictures["measure"] == "scores"
    shown.view = "breakdown"
    assert shown._breakdown["missing"] == ""
    assert shown._breakdown["projected"]["state"] == "ready"


def test_what_was_left_out_cannot_be_chosen(part: AttentionTrace) -> None:
    shown = AttentionWidget(part)
    for name, value in (("layer", 0), ("heads", [(1, 0), (2, 0)])):
        with pytest.raises(Exception, match=r"layer [02] was left out of the trace \(layers=\); there is 1"):
            setattr(shown, name, value)
        with pytest.raises(Exception, match="was left out"):
            AttentionWidget(part, **{name: value})
    assert shown.heads[0].layer == shown.layer == 1
    with pytest.raises(Exception, match=r"all layers were left out of the trace"):
        AttentionWidget(captured(tiny.gpt2(), tiny.TEXT, layers=[]))


def test_of_an_attention_without_layers_nothing_is_offered() -> None:
    trace = captured(tiny.build(hf.T5Config(
        **tiny.IDS, num_layers=2, num_decoder_layers=1, num_heads=4, d_model=32, d_kv=8, d_ff=64,
        decoder_start_token_id=2), hf.T5ForConditionalGeneration), "hi", text_target="yo", layers=[1])  # fmt: skip
    shown = AttentionWidget(trace)
    assert shown._outline["attentions"] == ["encoder"]
    assert (shown.attention, shown.layer) == ("encoder", 1)
    with pytest.raises(Exception, match="attention 'cross' is not there: encoder"):
        shown.attention = "cross"


def test_a_text_after_one_with_fewer_layers(part: AttentionTrace) -> None:
    whole = captured(tiny.gpt2(), tiny.TEXT, tiny.tokenizer())
    session = Session()
    session.open(whole, Texts(), None)
    session.select(heads=session.checked("heads", "L2-H1", session.selection))
    kept = selection.kept(session.selection, whole, part)
    assert kept.layer == kept.heads[0].layer == 1


def test_analysis_copes_with_layers_left_out(part: AttentionTrace) -> None:
    whole = captured(tiny.gpt2(), tiny.TEXT, tiny.tokenizer())
    assert set(original_rule(part)) == {f"L1-H{head}" for head in range(4)}
    links = [(1, 0, "det"), (4, 2, "nsubj")]
    mine, theirs = (categorize(one, deps=links).scores for one in (part, whole))
    torch.testing.assert_close(mine[:, 1], theirs[:, 1], equal_nan=True)
    assert mine[:, 0].isnan().all()


# -- what fails behind the picture ----------------------------------------------------------------------------------


class Broken(Measure):
    """A user's own that fails."""

    name, label, sentence, domain = "broken", "broken", "Fails.", "real"

    def tile(self, region: Region) -> torch.Tensor:  # noqa: ARG002
        raise RuntimeError("mine is broken")


def test_pictures_that_cannot_be_drawn_say_why() -> None:
    measures.register(Broken)
    session = Session()
    session.open(captured(tiny.gpt2(), tiny.TEXT, tiny.tokenizer()), Texts(), None)
    session.begin("pictures")
    assert session.states["pictures"].problem == ""
    session.select(measure="broken")
    told = session.states["pictures"]
    assert (told.run, told.measure, told.problem) == (1, "broken", "no small pictures: mine is broken")
    assert told.shape == [0, 0, 0, 0]
    session.select(measure="weights")
    assert session.states["pictures"].problem == ""


def test_what_else_fails_in_the_background_leaves_a_session_that_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise RuntimeError("no memory")

    session = Session()
    session.open(captured(tiny.gpt2(), tiny.TEXT, tiny.tokenizer()), Texts(), None)
    monkeypatch.setattr("attnwidget.wire.tiles.ahead", fail)
    monkeypatch.setattr(AttentionTrace, "breakdown", fail)
    session.begin()
    session.select(view="breakdown")
    assert session.states["breakdown"].missing == "no memory"
    session.select(view="lines")
    assert session.states["pictures"].problem == ""


def failing(monkeypatch: pytest.MonkeyPatch, **replaced: Any) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(models, "needs_download", lambda _: True)
    monkeypatch.setattr(models, "resolve", lambda _: {})
    for name, value in replaced.items():
        monkeypatch.setattr(models, name, value)


def test_after_a_failed_download_a_text_says_that_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise models.ModelUnavailable("some/model cannot be fetched: no network")

    failing(monkeypatch, load_shared=fail)

    async def cell() -> None:
        session = Session()
        session.open("a text", Texts(text="a text"), "some/model")
        for _ in range(2):  # and says the same again
            with pytest.raises(
                ValueError, match=r"^the model could not be had \(some/model cannot be fetched: no network\); there"
            ):
                session.run(Texts(text="another"))
        session.fail(ValueError("a wrong value"))
        with pytest.raises(models.ModelUnavailable):
            session.settled()

    asyncio.run(cell())


def test_a_first_text_that_fails_leaves_a_model_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = models.load_model("demo/causal")
    failing(monkeypatch, load_shared=lambda *_, **__: loaded)

    async def cell() -> None:
        session = Session(probe=False)
        session.open("", Texts(text=""), "some/model")
        with pytest.raises(ValueError, match="no tokens"):
            session.settled()
        assert session.states["status"].editable
        session.run(Texts(text="The cat"))
        assert session.settled().tokens == ["The", "cat"]
        session.close()

    asyncio.run(cell())


def test_a_trace_after_a_wrong_value_is_still_one_that_was_captured_earlier(part: AttentionTrace) -> None:
    session = Session()
    session.open(part, Texts(), None)
    session.fail(ValueError("a wrong value"))
    with pytest.raises(ValueError, match="this widget shows attention captured earlier"):
        session.run(Texts(text="another"))
    with pytest.raises(ValueError, match="was left out"):
        handlers(session)[schema.Tile](schema.Tile(id="1", layer=0, head=0, queries=(0, 2), keys=(0, 2)), lambda: None)
    with pytest.raises(OptionError, match="was left out"):
        Session(options={"layer": 0}).open(part, Texts(), None)
