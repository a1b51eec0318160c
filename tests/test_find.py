"""The text as it was written, and finding places in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tiny
from attnwidget import AttentionTrace, AttentionWidget, capture, load_model
from attnwidget.tokens import Tokens, describe
from attnwidget.wire.parts import gaps_of
from test_tokens import TOKENIZERS, plain_tokenizer
from zoo import ZOO

TABLE = json.loads(Path(__file__).with_name("find.json").read_text(encoding="utf-8"))
CASES = [(name, wanted) for name, one in TABLE.items() for wanted in one["finds"]]
WRITTEN = {
    "spaces and breaks": "The  cat\n\nsat \t on it .\n  So\r\nthere",
    "Chinese": "他的书在桌子上。「真的」?",
    "emoji": "I 😀 you 👩\u200d🚀 much ❤️",
    "right to left": "שלום עולם, is it",
    "markup": "<b>&amp;</b> <script>alert(1)</script>",
    "accents": "Naïve CAFÉ, l'été e\u0301",
}


def tokens_of(parts: list[str], labels: list[str], special: list[int]) -> Tokens:
    flags = [at in special for at in range(len(parts))]
    return Tokens(labels, labels, flags, [*range(len(parts))], labels, parts)


def read_back(gaps: str, odd: list[str], labels: list[str]) -> str:
    """As the browser reads it: js/src/layout/parts.ts."""
    rest = iter(odd)
    rule = {".": "{}", " ": " {}", "/": "\n{}", "0": ""}
    return "".join(
        next(rest) if gap == "*" else rule[gap].replace("{}", label) for gap, label in zip(gaps, labels, strict=True)
    )


# --- the text as it was written -----------------------------------------------------------


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("scheme", TOKENIZERS)
def test_with_its_spans_every_text_reads_as_it_was_written(scheme: str, text: str) -> None:
    encoded = TOKENIZERS[scheme].encode(text)
    tokens = describe(encoded.tokens, scheme=scheme, spans=encoded.offsets, text=text)
    assert "".join(tokens.parts) == text
    gaps, odd = gaps_of(tokens)
    assert len(gaps) == len(tokens.text)
    assert read_back(gaps, odd, tokens.text) == "".join(tokens.parts)


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("scheme", ["byte", "sentencepiece"])
def test_spaces_in_the_vocabulary_tell_the_text_without_spans(scheme: str, text: str) -> None:
    parts = describe(TOKENIZERS[scheme].encode(text).tokens, scheme=scheme).parts
    assert "".join(parts) == text


def test_marks_of_pieces_tell_the_text_but_for_its_spaces() -> None:
    tokens = ["[CLS]", "the", "play", "##ing", "cat", ",", "(", "so", ")", "!", "[SEP]"]
    assert describe(tokens, scheme="wordpiece").parts == [
        *["", "the", " play", "ing", " cat", ",", " (", " so", ")", "!", ""]
    ]


def test_plain_words_stand_apart_and_those_with_spaces_as_they_are() -> None:
    encoded = plain_tokenizer().encode("a b c").tokens
    assert "".join(describe(["the", "cat", "."]).parts) == "the cat ."
    assert "".join(describe(["The", " cat", "s", "\n", " sat"]).parts) == "The cats\n sat"
    assert len(describe(encoded).parts) == 3


@pytest.mark.parametrize(("name", "text"), [("demo/causal", WRITTEN["emoji"]), ("demo/masked", WRITTEN["accents"])])
def test_a_capture_keeps_the_text(name: str, text: str) -> None:
    model, tokenizer = load_model(name)
    trace = capture(model, text, tokenizer=tokenizer)
    assert "".join(trace.sides()[0].parts) == text


def test_a_pair_is_two_lines_and_a_saved_trace_keeps_both(tmp_path: Path) -> None:
    trace = capture(tiny.bert(), "The  cat", text_pair="it\nis", tokenizer=tiny.tokenizer(marks=True))
    assert "".join(trace.sides()[0].parts) == "The  cat\nit\nis"
    trace.save(tmp_path / "trace")
    assert AttentionTrace.load(tmp_path / "trace").sides()[0] == trace.sides()[0]


def test_the_wire_stays_small() -> None:
    model, tokenizer = load_model("demo/causal")
    text = "The secret word of the captain is Zanzibar .\n" * 200
    widget = AttentionWidget(capture(model, text, tokenizer=tokenizer))
    side = widget._outline["queries"]
    assert read_back(side["gaps"], side["odd"], widget.tokens) == text
    assert len(json.dumps([side["gaps"], side["odd"]])) < 3 * len(widget.tokens)


# --- find ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "wanted"), CASES)
def test_places_by_the_rule_that_the_browser_follows(name: str, wanted: str) -> None:
    one = TABLE[name]
    tokens = tokens_of(one["parts"], one["labels"], one["special"])
    assert tokens.find(wanted) == one["finds"][wanted]


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
def test_nothing_cannot_be_found(empty: str) -> None:
    with pytest.raises(ValueError, match="empty string"):
        describe(["a"]).find(empty)


def test_only_strings_are_looked_for() -> None:
    wanted: Any = 3
    with pytest.raises(TypeError, match="string, got int"):
        describe(["a"]).find(wanted)


@pytest.fixture(scope="module")
def trace() -> AttentionTrace:
    model, tokenizer = load_model("demo/causal")
    return capture(model, "The captain saw the cat. The captain sat.", tokenizer=tokenizer)


def test_a_trace_finds_words_and_phrases(trace: AttentionTrace) -> None:
    places = trace.find("THE captain")
    assert ["".join(trace.sides()[0].parts[at] for at in place).strip() for place in places] == ["The captain"] * 2
    assert trace.find("Zanzibar") == []
    with pytest.raises(ValueError, match='"query" or "key"'):
        trace.find("cat", side="keys")  # type: ignore[arg-type]


def test_each_side_of_two_texts_is_its_own() -> None:
    *_, make = ZOO["Marian"]
    found = capture(make(), "The cat", text_target="le chat", tokenizer=tiny.tokenizer(marks=True))
    assert found.find("cat", attention="cross", side="key") == [[5, 6, 7]]
    assert found.find("cat", attention="cross") == []
    assert "".join(found.sides("cross")[0].parts[at] for at in found.find("chat", attention="cross")[0]) == "chat"


# --- goto ---------------------------------------------------------------------------------


@pytest.fixture
def sent(trace: AttentionTrace, monkeypatch: pytest.MonkeyPatch) -> tuple[AttentionWidget, list[Any]]:
    widget, messages = AttentionWidget(trace), []
    monkeypatch.setattr(widget, "send", lambda content, *_: messages.append(content))
    return widget, messages


def test_goto_tells_the_browsers(sent: tuple[AttentionWidget, list[Any]]) -> None:
    widget, messages = sent
    widget.goto(3)
    widget.goto(-1, side="key")
    widget.goto("captain sat")
    run = widget._outline["run"]
    last, second = len(widget.tokens) - 1, widget.trace.find("captain sat")[0][0]
    assert messages == [
        {"event": "goto", "run": run, "side": side, "token": token}
        for side, token in (("query", 3), ("key", last), ("query", second))
    ]
    assert (widget.queries, widget.keys) == ([], [])


@pytest.mark.parametrize(
    ("position", "error", "says"),
    [
        (999, IndexError, "token 999 is out of range: 0 to"),
        ("Zanzibar", ValueError, "'Zanzibar' is nowhere in the text"),
        ("", ValueError, "empty string"),
        (1.5, TypeError, "integer"),
    ],
)
def test_goto_nowhere_says_so(
    sent: tuple[AttentionWidget, list[Any]], position: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        sent[0].goto(position)
    assert sent[1] == []


def test_goto_of_an_unknown_side_says_so(sent: tuple[AttentionWidget, list[Any]]) -> None:
    with pytest.raises(ValueError, match='side must be "query" or "key", not \'queries\''):
        sent[0].goto(0, side="queries")  # type: ignore[arg-type]
