"""Cells of a pyramid: the largest number and the mass of squares of pairs, against brute force."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch

from attnwidget import AttentionTrace, AttentionWidget, maths
from attnwidget.maths import Mask, QKVLayer
from attnwidget.tokens import describe
from attnwidget.trace.cells import SAMPLE, About, Square
from browser.fake_comm import FakeComm

FORBIDDEN = -torch.inf
HEAD = [(0, 1)]


def trace_of(n: int, m: int | None = None) -> AttentionTrace:
    """Two heads of random queries and keys: causal, or of one text that looks at another."""
    torch.manual_seed(0)
    q, k = torch.randn(1, 2, n, 8) * 2, torch.randn(1, 2, m or n, 8)
    names = [f"t{at}" for at in range(n)]
    if m is None:
        return AttentionTrace.from_qkv(q, k, k, names, mask="causal")
    layer = QKVLayer(q[0], k[0], None, 8**-0.5)
    return AttentionTrace({"cross": [layer]}, describe(names), source=describe([f"s{at}" for at in range(m)]))


def brute(numbers: torch.Tensor, cell: int, *, signed: bool = False, blind: tuple[int, ...] = ()) -> torch.Tensor:
    """What the cells of a picture (queries, keys), −∞ where forbidden, have to be: one cell after the other."""
    n, m = numbers.shape
    found = torch.full((2, -(-n // cell), -(-m // cell)), FORBIDDEN)
    for row in range(found.shape[1]):
        for column in range(found.shape[2]):
            part = numbers[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell]
            seen = part[part != FORBIDDEN]
            if not len(seen):
                continue
            queries = [at for at in range(row * cell, min(n, (row + 1) * cell)) if at not in blind]
            largest = seen[seen.abs().argmax()] if signed else seen.max()
            found[:, row, column] = torch.stack([largest, seen.mean() if signed else seen.sum() / len(queries)])
    return found


def cells(trace: AttentionTrace, cell: int, attention: str = "self", **about: Any) -> torch.Tensor:
    n, m = (len(side.word_texts if about.get("words") else side.text) for side in trace.sides(attention))
    about = {"heads": HEAD, "attention": attention} | about
    return trace.cells(About(**about), Square((0, n), (0, m), cell)).cells


MASKS = {
    "causal": Mask(after=0),
    "all": Mask(),
    "window": Mask(before=5, after=0),
    "padding": Mask(after=0, keep=torch.arange(75) >= 9),
    "dense": Mask(dense=torch.rand(75, 75, generator=torch.Generator().manual_seed(1)) > 0.4),
}


@pytest.mark.parametrize("cell", [1, 2, 8, 32, 128])
@pytest.mark.parametrize("mask", MASKS)
def test_cells_are_those_of_brute_force(mask: str, cell: int) -> None:
    trace = _masked(mask)
    blind = tuple(trace.blind_rows(0))
    numbers = trace.measure("weights", 0, 1)
    torch.testing.assert_close(cells(trace, cell), brute(numbers, cell, blind=blind))
    torch.testing.assert_close(cells(trace, cell), brute(numbers, cell, blind=blind))  # the rows' sums are known now


def _masked(mask: str, **options: Any) -> AttentionTrace:
    torch.manual_seed(0)
    q, k = torch.randn(2, 75, 8) * 2, torch.randn(2, 75, 8)
    layer = QKVLayer(q, k, None, 8**-0.5, mask=MASKS[mask], **options)
    return AttentionTrace({"self": [layer]}, describe([f"t{at}" for at in range(75)]))


@pytest.mark.parametrize("cell", [1, 4, 16])
@pytest.mark.parametrize(
    "options",
    [{"sinks": torch.tensor([0.5, 3.0])}, {"softcap": 1.5}, {"bias": torch.linspace(-2, 2, 75).expand(2, 75, 75)}],
    ids=["sinks", "softcap", "bias"],
)
def test_whatever_the_scores_are_made_of(options: dict[str, Any], cell: int) -> None:
    trace = _masked("causal", **options)
    torch.testing.assert_close(cells(trace, cell), brute(trace.measure("weights", 0, 1), cell))


def test_heads_that_share_their_keys() -> None:
    torch.manual_seed(0)
    layer = QKVLayer(torch.randn(4, 20, 8), torch.randn(2, 20, 8), None, 8**-0.5, mask=Mask(after=0))
    trace = AttentionTrace({"self": [layer]}, describe(["a"] * 20))
    for head in range(4):
        expected = brute(trace.measure("weights", 0, head), 4)
        torch.testing.assert_close(cells(trace, 4, heads=[(0, head)]), expected)


@pytest.mark.parametrize("keys", [(0, 16), (16, 48), (64, 75)])
@pytest.mark.parametrize("queries", [(0, 75), (32, 64)])
def test_a_part_of_the_picture(queries: tuple[int, int], keys: tuple[int, int]) -> None:
    """A row's sum is of all keys, whichever are asked for; and it is right for those who ask next."""
    trace = _masked("causal")
    found = trace.cells(About(HEAD, "self"), Square(queries, keys, 8)).cells
    expected = brute(_masked("causal").measure("weights", 0, 1), 8)
    rows, columns = (slice(span[0] // 8, -(-span[1] // 8)) for span in (queries, keys))
    torch.testing.assert_close(found, expected[:, rows, columns])
    torch.testing.assert_close(trace.weights(0), _masked("causal").weights(0))


@pytest.mark.parametrize("cell", [1, 4, 64])
def test_numbers_of_either_sign(cell: int) -> None:
    trace = trace_of(75)
    numbers = trace.measure("scores", 0, 1)
    torch.testing.assert_close(cells(trace, cell, measure="scores"), brute(numbers, cell, signed=True))


@pytest.mark.parametrize("together", ["mean", "maximum"])
@pytest.mark.parametrize("measure", ["weights", "scores"])
def test_several_heads_are_one(measure: str, together: str) -> None:
    trace = trace_of(40)
    numbers = trace.measure(measure, 0)
    signed = measure == "scores"
    one, _ = maths.as_one(numbers, together, adds_up=not signed)
    found = cells(trace, 8, heads=[(0, 0), (0, 1)], together=together, measure=measure)
    torch.testing.assert_close(found, brute(one, 8, signed=signed))
    if not signed:
        rows = found[1].clamp(min=0).sum(-1)
        assert bool((rows - 1).abs().max() < 1e-5) == (together == "mean")  # maxima add up to more


@pytest.mark.parametrize("cell", [1, 2, 4])
@pytest.mark.parametrize("measure", ["weights", "scores"])
def test_words(measure: str, cell: int) -> None:
    trace = trace_of(30)
    trace._tokens.words[:] = [at // 3 for at in range(30)]
    trace._tokens.word_texts[:] = [f"w{at}" for at in range(10)]
    numbers, allowed = trace.measure(measure, 0, [1]), trace.allowed(0, [1])
    over_keys = "sum" if measure == "weights" else "logsumexp"
    merged, _ = maths.merge_words(numbers, allowed, trace.words, trace.words, over_keys=over_keys)
    found = cells(trace, cell, words=True, measure=measure)
    torch.testing.assert_close(found, brute(merged[0], cell, signed=measure == "scores"))


def test_queries_and_keys_of_two_texts() -> None:
    trace = trace_of(20, 70)
    torch.testing.assert_close(cells(trace, 8, "cross"), brute(trace.measure("weights", 0, 1), 8))


def test_given_weights() -> None:
    weights = torch.rand(2, 30, 30).tril()
    weights /= weights.sum(-1, keepdim=True)
    trace = AttentionTrace.from_attentions([weights], ["a"] * 30, mask="causal")
    torch.testing.assert_close(cells(trace, 4), brute(trace.measure("weights", 0, 1), 4))


def test_what_is_no_number_stays_that() -> None:
    trace = _masked("causal")
    trace._layers["self"][0].q[1, 20] = torch.nan
    expected = brute(trace.measure("weights", 0, 1), 8)
    expected[:, 2, :3] = torch.nan  # what the row may see, and nothing else
    for _ in range(2):
        torch.testing.assert_close(cells(trace, 8), expected, equal_nan=True)
    signed = brute(trace.measure("scores", 0, 1), 8, signed=True)
    signed[:, 2, :3] = torch.nan
    torch.testing.assert_close(cells(trace, 8, measure="scores"), signed, equal_nan=True)


def long_trace(n: int, query: int, key: int) -> AttentionTrace:
    """All attention is even but for one query, which gives one key all of it."""
    q, k = torch.zeros(2, 1, 1, n, 4).unbind()
    q[..., query, 0] = k[..., key, 0] = 100
    return AttentionTrace.from_qkv(q, k, k, ["a"] * n)


N = 32_768


@pytest.mark.parametrize("level", range(8))
def test_a_lone_weight_of_a_long_text_is_there_at_every_level(level: int) -> None:
    query, key = 20_001, 12_345
    trace = long_trace(N, query, key)
    side = 256 << level
    rows, columns = ((at // side * side, min(N, (at // side + 1) * side)) for at in (query, key))
    found = trace.cells(About([(0, 0)], "self"), Square(rows, columns, 1 << level)).cells
    at = (query - rows[0]) >> level, (key - columns[0]) >> level
    assert found[0][at] == pytest.approx(1, abs=1e-4)
    others = found[0].clone()
    others[at] = 0
    assert others.max() < 1e-3


@pytest.mark.parametrize("mask", ["causal", None])
def test_mass_adds_up_along_a_row(mask: str | None) -> None:
    torch.manual_seed(0)
    q, k = torch.randn(2, 1, 1, 4096, 8) * 3
    trace = AttentionTrace.from_qkv(q, k, k, ["a"] * 4096, mask=mask)
    for sampled in (True, False):
        found = trace.cells(About([(0, 0)], "self"), Square((0, 4096), (0, 4096), 16, sampled)).cells
        torch.testing.assert_close(found[1].clamp(min=0).sum(-1), torch.ones(256), atol=1e-3, rtol=0)


def test_a_sample_costs_little_and_says_how_little() -> None:
    trace = long_trace(N, 5, 6)
    found = trace.cells(About([(0, 0)], "self"), Square((0, N), (0, N), 128, sampled=True))
    assert found.step > 1
    assert N * N / found.step <= SAMPLE
    even = found.cells[1]
    torch.testing.assert_close(even[10:].sum(-1), torch.ones(246))
    short = trace_of(75).cells(About(HEAD, "self"), Square((0, 75), (0, 75), 8, sampled=True))
    assert short.step == 1  # so few are exact at once


def test_the_rows_of_a_sample_are_spread_evenly() -> None:
    assert maths.rows_of(0, 8, 4).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert maths.rows_of(8, 16, 4, 2).tolist() == [[9, 11], [13, 15]]
    assert maths.rows_of(0, 7, 4).tolist() == [[0, 1, 2, 3], [4, 5, 6, -1]]
    assert maths.rows_of(0, 5, 4, 4).tolist() == [[3], [4]]  # a cell has at least one


def test_it_stops_between_two_blocks() -> None:
    left = [3]

    def alive(*_: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        long_trace(8192, 0, 0).cells(About([(0, 0)], "self"), Square((0, 8192), (0, 8192), 32), alive)


# -- the request ----------------------------------------------------------------------------------------------------


def reply(widget: AttentionWidget, **changes: Any) -> tuple[dict[str, Any], Any]:
    """The answer to a request of the browser, and its array."""
    widget.comm = FakeComm()
    about = {"heads": [[0, 1]], "level": 1, "row": 0, "column": 0, **changes}
    widget._handle_custom_msg({"id": "b-1", "ask": "cells", **about}, [])
    (message,) = [one for one in widget.comm.outbox if one["method"] == "custom" and "id" in one["content"]]
    return message["content"], message["buffers"]


def test_a_tile_is_asked_for_and_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnwidget.session.jobs.running_loop", lambda: None)
    trace = trace_of(600)
    widget = AttentionWidget(trace, probe=False)
    content, (data,) = reply(widget, row=1, column=0)
    assert content["ok"]["shape"] == [2, 44, 256]  # 88 queries are left, 512 keys
    assert content["ok"]["step"] == 1
    found = np.frombuffer(base64.b64decode(data), dtype="float32").reshape(2, 44, 256)
    expected = brute(trace.measure("weights", 0, 1), 2)[:, 256:, :256]
    torch.testing.assert_close(torch.tensor(found), expected)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"heads": []}, "one head, or of several"),
        ({"heads": [[0, 0], [0, 1]]}, "one head, or of several"),
        ({"level": -1}, "level -1 does not exist"),
        ({"level": 40}, "level 40 does not exist"),
        ({"row": 1}, "tile 1, 0 of level 1 does not exist in 75 × 75"),
        ({"column": -1}, "does not exist"),
        ({"heads": [[0, 9]]}, "head 9 does not exist"),
        ({"measure": "nonsense"}, "nonsense"),
        ({"together": "sum"}, r"together"),
        ({"level": 1.5}, r"level"),
    ],
)
def test_what_cannot_be_asked_for(changes: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnwidget.session.jobs.running_loop", lambda: None)
    content, _ = reply(AttentionWidget(trace_of(75), probe=False), **changes)
    assert says in content["error"]["message"]


def test_how_far_it_is_is_told() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, 1, 1024, 8)
    trace = AttentionTrace.from_qkv(q, k, v, ["a"] * 1024, mask="causal")
    told: list[tuple[int, ...]] = []
    trace.cells(About([(0, 0)], "self"), Square((0, 1024), (0, 1024), 4), lambda *far: told.append(far))
    far = [one for one in told if one]
    assert far[0] == (0, 1024)
    assert far == sorted(far)
    assert {total for _, total in far} == {1024}
    assert 512 <= far[-1][0] < 1024
