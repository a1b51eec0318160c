"""What a notebook that saves a widget has to keep: little, whatever the text."""

from __future__ import annotations

import base64
import json
import random
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ipywidgets.widgets.widget import _remove_buffers

from attnwidget import AttentionTrace, AttentionWidget, load_model
from attnwidget.heads import table
from attnwidget.session.feeds import pictures
from attnwidget.tokens import Tokens, describe
from attnwidget.wire.tokens import in_one, stretches, token_list

if TYPE_CHECKING:
    from attnwidget.wire.schema import TokenList

BUDGET = 1_500_000  # bytes
LAYERS, HEADS = 12, 12
SENTENCE = "The squirrel, whose name nobody had ever thought of asking, didn't look at Mr. Zanzibar-Smythe again"


def saved(widget: AttentionWidget) -> int:
    """Bytes of a widget in a notebook file, as nbformat writes it."""
    state, paths, buffers = _remove_buffers(widget.get_state())
    files = [
        {"data": base64.b64encode(data).decode(), "encoding": "base64", "path": path}
        for path, data in zip(paths, buffers, strict=True)
    ]
    model = {"model_name": "AnyModel", "state": state, "buffers": files}
    notebook = {"metadata": {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"one": model}}}}}
    return len(json.dumps(notebook, ensure_ascii=False, indent=1, default=str).encode())


@pytest.mark.parametrize("n", [128, 340, 512, 1024, 4096, 32_768])
def test_a_saved_widget_is_small_at_any_length(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((table, "SAMPLED"), (pictures, "FIRST"), (pictures, "THEN")):
        monkeypatch.setattr(module, name, 16)  # numbers of states: as many, however many queries they are made from
    _, tokenizer = load_model("demo/causal")
    words = SENTENCE.split()
    rng = random.Random(0)
    text = " ".join(rng.choice(words) for _ in range(n))
    ids = tokenizer(text, verbose=False)["input_ids"][:n]
    text = tokenizer.decode(ids)
    torch.manual_seed(0)
    q, k = torch.randn(2, LAYERS, HEADS, n, 1)
    trace = AttentionTrace.from_qkv(q, k, k, tokenizer.convert_ids_to_tokens(ids), mask="causal")
    widget = AttentionWidget(trace, probe=False)
    for state in ("pictures", "categories"):
        widget._session.begin(state)
    assert widget._pictures["shape"][:2] == widget._categories["shape"][1:] == [LAYERS, HEADS]
    assert saved(widget) + len(text.encode()) <= BUDGET


# -- the tokens in few characters -----------------------------------------------------------------------------------


def texts_in(packed: str) -> list[str]:
    return packed[1:].split(packed[0]) if packed else []


def flags_in(bounds: list[int], count: int) -> list[bool]:
    return [sum(bound <= at for bound in bounds) % 2 == 1 for at in range(count)]


def opened(packed: TokenList) -> tuple[list[Any], ...]:
    """What `layout/units.ts` reads."""
    tokens = texts_in(packed.tokens)
    sizes = [int(size) for size in packed.words.split()]
    words = [word for word, size in enumerate(sizes) for _ in range(size)]
    odd = texts_in(packed.word_texts) or [""] * len(sizes)
    joined = [
        "".join(token for _, token in group) for _, group in groupby(zip(words, tokens, strict=True), lambda x: x[0])
    ]
    return tokens, words, [text or usual for text, usual in zip(odd, joined, strict=True)]


@given(st.lists(st.text(alphabet="ab |^~¦\x1f\ue000é\ud800▁Ġ#", max_size=4), min_size=1, max_size=12))
def test_tokens_come_back(raw: list[str]) -> None:
    tokens = describe(raw)
    packed = token_list(tokens)
    assert opened(packed) == (tokens.text, tokens.words, tokens.word_texts)
    assert flags_in(packed.special, len(raw)) == tokens.special


def test_a_word_that_reads_otherwise_than_its_tokens_comes_along() -> None:
    tokens = Tokens(["a", "�", "�"], ["a", "x", "y"], [False] * 3, [0, 1, 1], ["a", "é"], ["a", "é", ""])
    packed = token_list(tokens, segments=[0, 0, 2], generated=[False, True, False])
    assert (packed.words, packed.word_texts) == ("1 2", "||é")
    assert opened(packed) == (tokens.text, tokens.words, tokens.word_texts)
    assert (packed.segments, packed.generated, packed.special) == ([2, 2], [1, 2], [])
    assert token_list(Tokens(["a"], ["a"], [False], [0], ["a"], ["a"])).word_texts == ""


@given(st.lists(st.booleans(), max_size=20))
def test_stretches_say_where_flags_turn(flags: list[bool]) -> None:
    assert flags_in(stretches(flags), len(flags)) == flags


def test_no_text_holds_the_character_that_stands_between() -> None:
    texts = ["|^~`{}<>", "¦", "\ue000", ""]
    assert texts_in(in_one(texts)) == texts
    assert in_one([]) == ""
