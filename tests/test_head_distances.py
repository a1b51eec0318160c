"""How far all heads are apart: against plain loops, Clark's formula, and cases whose answer is known."""

from __future__ import annotations

import builtins
import math
from typing import Any

import pytest
import torch

import tiny
import zoo
from attnwidget import AttentionTrace, capture, categorize, head_distances, similar_heads
from attnwidget.head_id import HeadId
from attnwidget.heads import CLARK
from attnwidget.heads.apart import apart
from test_similar import by_hand, trace_of

TEXT = "The cat sat."


def clark(weights: torch.Tensor) -> torch.Tensor:
    """Section 6 of Clark et al. 2019 of rows (heads, n, n), every one of which may see all n keys."""
    heads, n, _ = weights.shape
    far = torch.zeros(heads, heads, dtype=torch.float64)
    for a in range(heads):
        for b in range(heads):
            for row in range(n):
                p, q = ((0.999 * weights[at, row].double() + 0.001 / n).tolist() for at in (a, b))
                for x, y in zip(p, q, strict=True):
                    middle = (x + y) / 2
                    far[a, b] += 0.5 * (x * math.log(x / middle) + y * math.log(y / middle))
    return far


@pytest.mark.parametrize("name", ["GPT-2", "gpt-oss", "BERT"])
def test_it_is_the_mean_divergence_of_rows_in_three_models(name: str) -> None:
    trace = capture(zoo.ZOO[name][3](), TEXT, tokenizer=tiny.tokenizer())
    found = head_distances(trace)
    assert found.heads == [f"L{layer}-H{head}" for layer in range(3) for head in range(4)]
    assert torch.equal(found.values, found.values.T)
    assert found.values.diagonal().tolist() == [0] * 12
    for one, other in (("L0-H0", "L0-H1"), ("L0-H3", "L2-H1"), ("L1-H2", "L2-H2")):
        expected = by_hand(trace, HeadId.read(one), HeadId.read(other), list(range(len(trace.tokens))))
        assert found[one, other] == pytest.approx(expected, abs=2e-6)
        assert found[other, one] == found[one, other] == pytest.approx(similar_heads(trace, one).to_dict()[other])


@pytest.mark.parametrize("name", ["BERT", "DistilBERT", "XLNet"])
def test_it_is_clarks_number_where_asked(name: str) -> None:
    trace = capture(zoo.ZOO[name][3](), TEXT, tokenizer=tiny.tokenizer())
    weights = torch.cat([trace.weights(layer) for layer in range(3)])
    found = head_distances(trace, **CLARK)
    assert torch.allclose(found.values.double(), clark(weights), atol=2e-5)
    assert "nats, sum over 12 queries, rows smoothed with 0.001" in repr(found)


def test_smoothing_gives_nothing_to_a_forbidden_key() -> None:
    weights = torch.tensor([[[1.0, 0, 0], [1, 0, 0], [1, 0, 0]], [[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]])[None]
    trace = AttentionTrace.from_attentions(list(weights), list("abc"), mask="causal")
    p, q = [0.999 + 0.0005, 0.0005], [0.0005, 0.999 + 0.0005]
    middle = [(x + y) / 2 for x, y in zip(p, q, strict=True)]
    second = sum(0.5 * x * math.log(x / m) for one in (p, q) for x, m in zip(one, middle, strict=True))
    found = head_distances(trace, smoothing=0.001, unit="nats", over="sum")
    third = found["L0-H0", "L0-H1"] - second
    n = 3
    p, q = [0.999 + 0.001 / n, 0.001 / n, 0.001 / n], [0.001 / n, 0.001 / n, 0.999 + 0.001 / n]
    middle = [(x + y) / 2 for x, y in zip(p, q, strict=True)]
    expected = sum(0.5 * x * math.log(x / m) for one in (p, q) for x, m in zip(one, middle, strict=True))
    assert third == pytest.approx(expected, abs=1e-6)


def test_units_and_sums() -> None:
    trace = trace_of()
    bits = head_distances(trace)
    assert torch.allclose(head_distances(trace, unit="nats").values, bits.values * math.log(2))
    # under a causal mask the first query has no choice
    assert torch.allclose(head_distances(trace, over="sum").values, bits.values * 6)
    some = head_distances(trace_of(12), queries=4)
    assert (some.queries, some.of) == (4, 12)
    assert "4 of 12 queries" in repr(some)


def test_tiles_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that memory is bounded: queries and keys are taken in stretches."""
    whole = head_distances(trace_of(12))
    smoothed = head_distances(trace_of(12), smoothing=0.1)
    one = similar_heads(trace_of(12), "L0-H1").to_dict()
    monkeypatch.setattr("attnwidget.heads.apart._TILE", 30)  # five keys of six heads
    assert torch.allclose(head_distances(trace_of(12)).values, whole.values, atol=1e-6)
    assert torch.allclose(head_distances(trace_of(12), smoothing=0.1).values, smoothed.values, atol=1e-6)
    assert similar_heads(trace_of(12), "L0-H1").to_dict() == pytest.approx(one, abs=1e-6)


def test_a_window_is_not_looked_beyond() -> None:
    trace = capture(tiny.mistral(), TEXT, tokenizer=tiny.tokenizer())
    expected = by_hand(trace, (0, 1), (2, 3), list(range(len(trace.tokens))))
    assert head_distances(trace)["L0-H1", "L2-H3"] == pytest.approx(expected, abs=2e-6)


def test_progress_is_told_and_it_can_be_stopped() -> None:
    told: list[tuple[int, int]] = []
    head_distances(trace_of(), alive=lambda *at: told.append(at) if at else None)
    assert told == [(at, 6) for at in range(6)]

    def stop(*_: int) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        head_distances(trace_of(), alive=stop)


def test_layers_that_were_left_out_are_not_there_and_nan_stays() -> None:
    trace = capture(tiny.gpt2(), "a b a b", tokenizer=tiny.tokenizer(), layers=[0, 2])
    assert {name[:2] for name in head_distances(trace).heads} == {"L0", "L2"}
    q = torch.randn(1, 3, 3, 4, generator=torch.Generator().manual_seed(2))
    q[0, 1, 0, 0] = math.nan
    broken = head_distances(AttentionTrace.from_qkv(q, q, q, list("abc")))
    assert broken.values.isnan().tolist() == [[False, True, False], [True, True, True], [False, True, False]]
    assert broken.order()[-1] == 1
    assert broken.to_dict()["L0-H1"]["L0-H0"] is None
    assert math.isnan(broken.to_numbers()[-1][2])
    one = head_distances(AttentionTrace.from_attentions([torch.ones(2, 1, 1)], ["a"]))
    assert one.values.isnan().all()  # no query has a choice


def test_alike_heads_stand_together() -> None:
    """Two groups that are told apart by where they look, dealt out alternately."""
    trace = AttentionTrace.from_attentions([_two_groups()], list("abcd"))
    found = head_distances(trace)
    order = found.order()
    assert sorted(order) == list(range(6))
    assert {at % 2 for at in order[:3]} in ({0}, {1})
    far = found.values[order][:, order]
    assert far[0, 1] < far[0, 5]


def test_the_table_has_each_pair_once_the_nearest_first() -> None:
    found = head_distances(trace_of())
    table = found.to_table()
    assert table.columns == ["layer", "head", "other layer", "other head", "distance"]
    assert len(table.rows) == 15
    far = [row[-1] for row in table.rows]
    assert far == sorted(far)
    assert "6 heads, two by two: Jensen–Shannon divergence in bits, mean over 7 queries" in found._repr_html_()


def test_agreement_counts_nearest_heads_of_one_category() -> None:
    trace = AttentionTrace.from_attentions([_two_groups()], list("abcd"))
    found, table = head_distances(trace), categorize(trace)
    kinds = {one.name: one.category for one in table}
    named = [name for name in found.heads if kinds[name] != "Other"]
    same = 0
    for one in named:
        nearest = min((name for name in named if name != one), key=lambda name, one=one: found[one, name])
        same += kinds[one] == kinds[nearest]
    agreed = found.agreement(table)
    assert (agreed.same, agreed.heads) == (same, len(named))
    pairs = [(a, b) for a in named for b in named if a != b]
    assert agreed.chance == pytest.approx(len(named) * sum(kinds[a] == kinds[b] for a, b in pairs) / len(pairs))
    assert agreed.same == len(named) > agreed.chance


def test_a_map_is_near_the_distances_and_the_same_each_time() -> None:
    pytest.importorskip("sklearn")
    found = head_distances(trace_of())
    drawn = found.map()
    assert drawn.heads == found.heads
    assert torch.equal(drawn.places, found.map().places)
    plane = torch.cdist(drawn.places, drawn.places)
    off = ((plane - found.values).square().sum() / found.values.square().sum()).sqrt()
    assert drawn.stress == pytest.approx(float(off), abs=1e-5)
    assert drawn.stress < 0.4
    assert drawn.places.mean(0).tolist() == pytest.approx([0, 0], abs=1e-5)


def test_a_map_of_what_lies_in_a_plane_is_exact() -> None:
    pytest.importorskip("sklearn")
    found = head_distances(AttentionTrace.from_attentions([torch.eye(3)[:, None].repeat(1, 3, 1)], list("abc")))
    drawn = found.map()  # no key in common: all three are 1 apart
    assert torch.allclose(torch.cdist(drawn.places, drawn.places), found.values, atol=1e-3)
    assert drawn.stress < 1e-3
    alike = AttentionTrace.from_attentions([torch.full((2, 2, 2), 0.5)], list("ab"))
    assert head_distances(alike).map().places.tolist() == [[0, 0], [0, 0]]


def test_without_scikit_learn_a_map_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("sklearn"):
            raise ModuleNotFoundError(name)
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'attnwidget\[map\]'"):
        head_distances(trace_of()).map()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"smoothing": 2}, "from 0 to 1, got 2"),
        ({"over": "rows"}, 'over must be "mean" or "sum", got \'rows\''),
        ({"unit": "bans"}, 'unit must be "bits" or "nats"'),
        ({"queries": 0}, "1 or more"),
        ({"attention": "cross"}, "attention must be one of"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        head_distances(trace_of(), **wrong)


def test_of_several_heads_each_is_compared_with_all() -> None:
    trace = trace_of()
    heads = [HeadId(layer, head) for layer in range(2) for head in range(3)]
    found = apart(trace, "self", heads, [4, 1], queries=None)
    whole = apart(trace, "self", heads, range(6), queries=None)
    assert torch.allclose(found.sums, whole.sums[[4, 1]], atol=1e-6)
    assert torch.equal(found.counts, whole.counts[[4, 1]])


def _two_groups() -> torch.Tensor:
    """Six heads (heads, 4, 4): even ones look at the token before, odd ones at the first."""
    before = torch.tensor([[1.0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    first = torch.tensor([[1.0, 0, 0, 0]] * 4)
    even = torch.tril(torch.ones(4, 4)) / torch.arange(1, 5)[:, None]
    return torch.stack([(first if at % 2 else before) * (0.98 - at / 50) + even * (0.02 + at / 50) for at in range(6)])
