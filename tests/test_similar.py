"""How alike heads are: against a plain loop, and cases whose answer is known."""

from __future__ import annotations

import math

import pytest
import torch

import tiny
from attnwidget import AttentionTrace, capture, similar_heads
from attnwidget.head_id import HeadId
from attnwidget.maths import divergence


def by_hand(trace: AttentionTrace, one: tuple[int, int], other: tuple[int, int], rows: list[int]) -> float:
    """The formula of Clark et al. 2019, key by key."""
    total, count = 0.0, 0
    for row in rows:
        keys = range(len(trace.tokens))
        p, q = (trace.weights(*head)[row].tolist() for head in (one, other))
        seen = [sum(bool(trace.allowed(*head)[row, key]) for key in keys) for head in (one, other)]
        if min(seen) == 0 or max(seen) < 2:
            continue
        p, q = [*p, max(0.0, 1 - sum(p))], [*q, max(0.0, 1 - sum(q))]
        for a, b in zip(p, q, strict=True):
            middle = (a + b) / 2
            total += sum(0.5 * x * math.log2(x / middle) for x in (a, b) if x > 0)
        count += 1
    return total / count


def trace_of(n: int = 7, mask: str | torch.Tensor | None = "causal") -> AttentionTrace:
    torch.manual_seed(1)
    q, k = torch.randn(2, 2, 3, n, 4) * 2
    return AttentionTrace.from_qkv(q, k, k, list("abcdefghijkl"[:n]), mask=mask)


@pytest.mark.parametrize("mask", ["causal", None, torch.tensor([True] * 5 + [False] * 2)])
def test_it_is_the_mean_divergence_of_rows(mask: str | torch.Tensor | None) -> None:
    trace = trace_of(mask=mask)
    found = similar_heads(trace, "L0-H1")
    assert found.head == "L0-H1"
    assert len(found) == 5
    for name, value in found.to_numbers():
        head = HeadId.read(name)
        assert value == pytest.approx(by_hand(trace, (0, 1), head, list(range(7))), abs=1e-6)
    assert found.values.tolist() == sorted(found.values.tolist())
    assert found.grid[0, 1] == 0
    back = similar_heads(trace, found.heads[0]).to_dict()["L0-H1"]
    assert back == pytest.approx(float(found.values[0]), abs=1e-6)


def test_the_same_rows_are_0_and_rows_without_a_common_key_1() -> None:
    weights = torch.zeros(1, 4, 3, 3)
    weights[0, 0, :, 0] = weights[0, 1, :, 0] = 1
    weights[0, 2, :, 1] = 1
    weights[0, 3] = torch.tensor([0.5, 0.5, 0])
    trace = AttentionTrace.from_attentions(list(weights), list("abc"))
    found = similar_heads(trace, (0, 0)).to_dict()
    assert found == {"L0-H1": 0.0, "L0-H3": pytest.approx(0.311278, abs=1e-6), "L0-H2": 1.0}


def test_what_goes_to_no_key_counts_as_one_more() -> None:
    weights = torch.zeros(1, 2, 2, 2)
    weights[0, 0, :, 0] = 0.5  # the rest is an attention sink's
    weights[0, 1] = 0.5
    trace = AttentionTrace.from_attentions(list(weights), list("ab"))
    assert similar_heads(trace, (0, 0)).values.tolist() == [pytest.approx(0.5)]


def test_a_row_that_sees_nothing_does_not_count_and_nan_stays() -> None:
    allowed = torch.tensor([[True, True, False], [False, False, False], [True, True, True]])
    q = torch.randn(1, 2, 3, 4, generator=torch.Generator().manual_seed(2))
    trace = AttentionTrace.from_qkv(q, q.flip(1), q, list("abc"), mask=allowed)
    expected = by_hand(trace, (0, 0), (0, 1), [0, 2])
    assert similar_heads(trace, (0, 0)).values.tolist() == [pytest.approx(expected, abs=1e-6)]
    q[0, 1, 0, 0] = math.nan
    broken = similar_heads(AttentionTrace.from_qkv(q, q, q, list("abc")), (0, 0))
    assert broken.to_dict() == {"L0-H1": None}
    one = AttentionTrace.from_attentions([torch.ones(2, 1, 1)], ["a"])
    assert similar_heads(one, (0, 0)).to_dict() == {"L0-H1": None}  # no query has a choice


def test_a_long_text_is_sampled_and_says_so() -> None:
    trace = trace_of(12)
    some = similar_heads(trace, "L1-H0", queries=4)
    assert (some.queries, some.of) == (4, 12)
    assert "4 of 12 queries" in repr(some)
    assert some.to_dict()["L0-H0"] == pytest.approx(by_hand(trace, (1, 0), (0, 0), [0, 4, 7, 11]), abs=1e-6)
    whole = similar_heads(trace, "L1-H0", queries=None)
    assert whole.queries == 12
    assert "mean over 12 queries" in repr(whole)


def test_a_layer_that_was_left_out_has_no_number() -> None:
    trace = capture(tiny.gpt2(), "a b a b", tokenizer=tiny.tokenizer(), layers=[0, 2])
    found = similar_heads(trace, "L0-H0")
    assert found.grid.isnan()[1].all()
    assert not found.grid[[0, 2]].isnan().any()
    assert all(name.startswith("L1") for name in found.heads[-4:])
    with pytest.raises(ValueError, match="left out"):
        similar_heads(trace, "L1-H0")


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(IndexError, match="L9-H0 does not exist: 2 layers × 3 heads"):
        similar_heads(trace_of(), "L9-H0")
    with pytest.raises(ValueError, match="1 or more"):
        similar_heads(trace_of(), "L0-H0", queries=0)


def test_it_can_be_stopped() -> None:
    def stop() -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        similar_heads(trace_of(), "L0-H0", alive=stop)


def test_rounding_makes_nothing_negative() -> None:
    one = torch.rand(50, 9, generator=torch.Generator().manual_seed(0)).softmax(-1)
    assert float(divergence(one, one.clone()).max()) == 0
    assert float(divergence(one, one + 1e-9).min()) >= 0
