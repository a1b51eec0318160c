"""The numbers on screen as a table: those of the trace, of what is selected."""

from __future__ import annotations

import csv
import io
import math

import pytest
import torch

import attnwidget
import tiny
from attnwidget import AttentionTrace, AttentionWidget
from attnwidget.export import numbers
from attnwidget.wire.tiles import tile

TEXT = "The animal didn't cross the unfamiliar road because it was too tired"


@pytest.fixture(scope="module")
def demo():
    return attnwidget.load_model("demo/causal")


@pytest.fixture
def widget(demo):
    model, tokenizer = demo
    return AttentionWidget(TEXT, model=model, tokenizer=tokenizer, probe=False)


def rows_of(widget) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(numbers.csv(widget._session), newline="")))


@pytest.mark.parametrize("measure", ["weights", "scores", "norms"])
@pytest.mark.parametrize("words", [False, True])
def test_every_pair_of_a_short_text_in_every_selected_head(widget, measure, words) -> None:
    widget.heads, widget.measure, widget.words, widget.view = ["L0-H1", "L3-H0"], measure, words, "matrix"
    trace = widget.trace
    expected = tile(trace, [(0, 1), (3, 0)], measure=measure, words=words)
    rows = rows_of(widget)
    label = attnwidget.measures.get(measure).label
    found = torch.tensor([float(row[label]) if row[label] else -math.inf for row in rows]).view(expected.shape)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)
    assert {row["note"] for row in rows if not row[label]} == {"hidden by the mask"}
    labels = widget.tokens
    assert [row["query token"] for row in rows[:: len(labels)]][: len(labels)] == labels
    assert {row["head"] for row in rows} == {"L0-H1", "L3-H0"}


@pytest.mark.parametrize("words", [False, True])
def test_pinned_tokens_narrow_it(widget, words) -> None:
    widget.queries, widget.keys, widget.words = "unfamiliar", [1, 0], words
    rows = rows_of(widget)
    weights = widget.weights()
    assert len(rows) == weights.numel()
    found = torch.tensor([float(row["weight"]) for row in rows])
    # `weights` has the keys as they were pinned, a table in the text's order
    expected = weights if words else weights.flip(2)
    torch.testing.assert_close(found, expected.flatten(), rtol=1e-6, atol=1e-7)
    assert [int(row["key position"]) for row in rows[:2]] == [0, 1]


def test_the_text_view_gives_what_shades_it(widget) -> None:
    widget.view, widget.heads = "text", ["L3-H0"]
    trace, last = widget.trace, len(widget.tokens) - 1
    assert [float(row["weight"]) for row in rows_of(widget)] == pytest.approx(trace.weights(3, 0)[last].tolist())
    widget.queries = [5, 8]
    rows = rows_of(widget)
    assert {row["query position"] for row in rows} == {"5 8"}
    expected = trace.weights(3, 0)[[5, 8]].mean(0)
    assert [float(row["weight"] or 0) for row in rows] == pytest.approx(expected.tolist())
    widget.queries, widget.keys = [], [1]
    rows = rows_of(widget)
    assert [row["query token"] for row in rows] == trace.tokens
    assert rows[0]["note"] == "hidden by the mask"


def test_the_heads_view_gives_every_heads_scores_and_its_number_of_a_pinned_pair(widget) -> None:
    widget.view = "heads"
    table = attnwidget.categorize(widget.trace)
    rows = rows_of(widget)
    assert [row["head"] for row in rows] == [one.name for one in table]
    for row, one in zip(rows, table, strict=True):
        assert row["category"] == one.category
        for name, score in one.scores.items():
            assert row[name] == ("" if math.isnan(score) else f"{score:.9g}")
    widget.queries, widget.keys = "it", "animal"
    ranking = widget.trace.rank("it", "animal")
    told = dict(zip(ranking.heads, ranking.values.tolist(), strict=True))
    assert {row["head"]: float(row["weight of what is pinned"]) for row in rows_of(widget)} == pytest.approx(told)


def test_the_breakdown_gives_every_key_with_its_steps(widget) -> None:
    widget.view, widget.queries = "breakdown", "it"
    steps = widget.breakdown()
    rows = rows_of(widget)
    assert [row["key token"] for row in rows] == widget.trace.tokens
    assert [float(row["weight"]) for row in rows] == pytest.approx(steps.weights.tolist())
    assert rows[-1]["allowed"] == "no"
    assert not rows[-1]["score"]
    widget.what_if = {"temperature": 2}
    changed = steps.what_if(temperature=2).weights.tolist()
    assert [float(row["weight, changed"]) for row in rows_of(widget)] == pytest.approx(changed)


def test_what_is_not_a_number_says_so() -> None:
    q = torch.ones(1, 1, 3, 2)
    q[0, 0, 1] = torch.nan
    widget = AttentionWidget(AttentionTrace.from_qkv(q, torch.ones_like(q), q, list("abc")))
    rows = rows_of(widget)
    assert [row["note"] for row in rows] == [""] * 3 + ["not a number"] * 3 + [""] * 3
    assert not any(row["weight"] for row in rows[3:6])


def test_too_many_rows_are_refused_with_what_to_do() -> None:
    n = 600
    model = tiny.gpt2(n_positions=n)
    widget = AttentionWidget("a" * n, model=model, tokenizer=tiny.tokenizer(), probe=False)
    with pytest.raises(ValueError, match=r"360,000 rows.*pin the tokens"):
        numbers.csv(widget._session)
    widget.queries = [599]
    assert len(rows_of(widget)) == n


def test_a_saved_file_is_for_spreadsheets(widget, tmp_path) -> None:
    path = tmp_path / "numbers.csv"
    widget.queries = "it"
    widget.save_csv(path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfquery position,")
    assert path.read_bytes().count(b"\r\n") == len(widget.tokens) + 1
    with pytest.raises(OSError, match="nowhere"):
        widget.save_csv(tmp_path / "nowhere" / "numbers.csv")
