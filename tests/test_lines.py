"""The strongest lines of what is in sight: by brute force, and by the same cases as the browser's own (js/test)."""

import json
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest
import torch

import tiny
from attnwidget import AttentionTrace, AttentionWidget, capture
from attnwidget.measures.base import Domain, Measure
from attnwidget.wire import schema
from attnwidget.wire.lines import LINES_MAX, leave_out, lines, strongest_of
from attnwidget.wire.tiles import tile

CASES = json.loads((Path(__file__).parent / "data" / "lines.json").read_text())
MEASURES = {domain: type(domain, (Measure,), {"domain": domain, "tile": None})() for domain in get_args(Domain)}
NONE = {"forbidden": -torch.inf, "NaN": torch.nan}


def tensor(numbers):
    """Numbers of a case, (heads, rows, units)."""
    return torch.tensor([[[NONE.get(one, one) for one in row] for row in head] for head in numbers])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_cases_that_both_sides_agree_on(case):
    numbers = tensor(case["numbers"])
    if "leaveOut" in case:
        numbers = leave_out(numbers, case["start"], **case["leaveOut"])
    measure = MEASURES[case["domain"]]
    least = case["least"] if measure.adds_up else None
    kept, of_rows = strongest_of(numbers, measure.strength(numbers), case["count"], least)
    values = numbers[kept]
    found = [[*at, value] for *at, value in zip(*(one.tolist() for one in (*kept, values)), strict=True)]
    assert [one[:3] for one in found] == [one[:3] for one in case["lines"]]
    np.testing.assert_allclose([one[3] for one in found], [one[3] for one in case["lines"]], atol=1e-6)
    expected = [[NONE.get(one, one) for one in row] for row in case["rows"]]
    np.testing.assert_allclose(of_rows.tolist(), expected, atol=1e-6)


@pytest.fixture(scope="module")
def trace():
    return capture(tiny.gpt2(n_positions=256), "the cat sat on the mat and " * 6, tokenizer=tiny.tokenizer())


def ask(trace, **options):
    """What comes back: (4, lines) and (4, rows)."""
    made = schema.Lines(id="a-1", **{"heads": [(1, 2)], "spans": [(0, len(trace.tokens))], "count": 3} | options)
    reply, data = lines(trace, "self", msgspec.convert(msgspec.to_builtins(made), schema.Lines), 7, lambda *_: None)
    assert reply.run == 7
    values = torch.frombuffer(bytearray(data), dtype=torch.float32)
    split = reply.shape[0] * reply.shape[1]
    return values[:split].reshape(reply.shape), values[split:].reshape(reply.rows)


@pytest.mark.parametrize("measure", ["weights", "scores", "norms"])
@pytest.mark.parametrize("words", [False, True])
def test_the_largest_numbers_of_each_query(trace, measure, words):
    heads = [(0, 1), (2, 3)]
    n = len(trace.word_texts if words else trace.tokens)
    found, of_rows = ask(trace, heads=heads, spans=[(2, 9), (n - 4, n)], measure=measure, words=words, count=5)
    numbers = tile(trace, heads, measure=measure, words=words)  # (heads, queries, keys)
    rows = [*range(2, 9), *range(n - 4, n)]
    for head in range(2):
        for at, row in enumerate(rows):
            best, keys = numbers[head, row].sort(descending=True, stable=True)
            mine = found[:, (found[0] == row) & (found[2] == head)]
            count = min(5, int((best > (-torch.inf if measure == "scores" else 0)).sum()))
            assert mine.shape[1] == count
            torch.testing.assert_close(mine[3].sort(descending=True).values, best[:count])
            assert set(mine[1].int().tolist()) == set(keys[:count].tolist())
            assert of_rows[2, at] == (numbers[0, row] > -torch.inf).sum()
    if measure == "weights":
        torch.testing.assert_close(of_rows[1], torch.full((11,), 2.0))  # two heads
        torch.testing.assert_close(of_rows[0], torch.stack([found[3, found[0] == row].sum() for row in rows]))


def test_the_queries_that_look_at_a_key(trace):
    found, of_rows = ask(trace, side="key", spans=[(4, 5)], count=6)
    column = trace.weights(1, 2)[:, 4]
    best, queries = column.sort(descending=True)
    assert found[0].tolist() == [4] * 6
    assert sorted(found[1].tolist()) == sorted(queries[:6].tolist())
    torch.testing.assert_close(found[3].sort(descending=True).values, best[:6])
    torch.testing.assert_close(of_rows[1], column.masked_fill(column == -torch.inf, 0).sum()[None])


@pytest.mark.parametrize("together", ["mean", "maximum"])
def test_many_heads_are_one(trace, together):
    heads = [(layer, head) for layer in range(3) for head in range(2)]
    found, of_rows = ask(trace, heads=heads, together=together, spans=[(20, 22)], count=4)
    numbers = tile(trace, heads)[:, 20:22]  # (heads, 2, keys)
    known = numbers.masked_fill(numbers == -torch.inf, 0)
    one = known.mean(0) if together == "mean" else known.amax(0)  # (2, keys)
    assert of_rows.shape == (4, 2)
    for at in range(2):
        mine = found[:, found[0] == 20 + at]
        torch.testing.assert_close(mine[3].sort(descending=True).values, one[at].topk(4).values)
        assert mine[2].tolist() == known[:, at, mine[1].long()].argmax(0).tolist()


def test_what_is_left_out_of_a_row(trace):
    found, _ = ask(trace, spans=[(30, 31)], count=3, without_self=True, without_first=True)
    row = trace.weights(1, 2, queries=30).flatten()[:31]
    rest = row[1:30] / row[1:30].sum() * row.sum()
    torch.testing.assert_close(found[3].sort(descending=True).values, rest.topk(3).values)


def test_a_least_weight_says_how_many_are_too_many(trace):
    found, of_rows = ask(trace, spans=[(40, 41)], count=2, least=0.001)
    above = (trace.weights(1, 2, queries=40) >= 0.001).sum()
    assert found.shape == (4, 2)
    assert of_rows[3, 0] == above - 2


def test_a_long_row_costs_its_lines_alone():
    q, k, v = torch.randn(3, 1, 2, 32_768, 4)
    trace = AttentionTrace.from_qkv(q, k, v, ["a"] * 32_768, mask="causal")
    found, of_rows = ask(trace, heads=[(0, 0)], spans=[(32_700, 32_768)], count=5)
    assert found.shape == (4, 68 * 5)
    assert found.nbytes + of_rows.nbytes < 8192


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"heads": []}, "at least one"),
        ({"spans": []}, "at least one"),
        ({"spans": [(3, 3)]}, "at least one"),
        ({"count": 0}, "at least one"),
        ({"least": -1.0}, "negative"),
        ({"least": float("nan")}, "negative"),
        ({"spans": [(0, 9999)]}, "more than|no range"),
        ({"spans": [(160, 900)], "count": 1}, "no range"),
        ({"count": LINES_MAX}, "ask for fewer"),
        ({"side": "key", "without_first": True, "count": 1}, "ask for the lines of queries"),
    ],
)
def test_what_cannot_be_answered_says_why(trace, options, words):
    with pytest.raises(ValueError, match=words):
        ask(trace, **options)


def test_nobody_waits_for_it_any_more(trace):
    class GoneError(Exception):
        pass

    def alive(*_):
        raise GoneError

    with pytest.raises(GoneError):
        lines(trace, "self", schema.Lines(id="a-1", heads=[(0, 0)], spans=[(0, 5)], count=1), 1, alive)


def test_the_widget_answers():
    widget = AttentionWidget(tiny_trace := capture(tiny.gpt2(), "the cat", tokenizer=tiny.tokenizer()))
    sent = []
    widget._server._send = lambda reply, buffers: sent.append((reply, buffers))
    widget._server._start = lambda work, **_: work()
    widget._server.receive({"id": "b-1", "ask": "strongest", "heads": [[0, 0]], "spans": [[0, 7]], "count": 2})
    ((reply, (data,)),) = sent
    assert reply["ok"]["shape"] == [4, 13]
    assert len(data) == 4 * 4 * (13 + 7)
    assert len(tiny_trace.tokens) == 7
    widget.close()
