"""What a head does in one row, beside its others."""

import math

import pytest
import torch

import attnwidget as aw
from attnwidget.heads import row_of
from attnwidget.trace import AttentionTrace


def test_a_row_is_compared_with_the_heads_rows():
    n = 8
    even = torch.full((n, n), 1 / n)
    even[5] = torch.tensor([0.02] * 6 + [0.86, 0.02])
    trace = AttentionTrace.from_attentions([even[None, None]], [f"t{at}" for at in range(n)])
    table = aw.categorize(trace)
    row = row_of(trace, table, "L0-H0", 5)
    assert (row.category, row.query, row.key, row.keys) == ("Bag-of-Words", 5, 6, n)
    assert (row.weight, row.even) == (pytest.approx(0.86), 1 / n)
    peak = (0.86 - 1 / n) / (1 - 1 / n) / n  # one row in eight
    assert row.usual == pytest.approx(1 / n + peak * (1 - 1 / n))
    assert row_of(trace, table, (0, 0), -1).query == n - 1
    with pytest.raises(IndexError, match="8 tokens"):
        row_of(trace, table, "L0-H0", n)
    with pytest.raises(IndexError, match="does not exist"):
        row_of(trace, table, "L3-H0", 0)


def test_keys_that_a_mask_hides_do_not_count():
    n = 4
    weights = torch.ones(n, n).tril() / torch.arange(1, n + 1)[:, None]
    trace = AttentionTrace.from_attentions([weights[None, None]], list("abcd"), mask="causal")
    row = row_of(trace, aw.categorize(trace), "L0-H0", 1)
    assert (row.keys, row.weight, row.usual) == (2, pytest.approx(0.5), pytest.approx(0.5))
    alone = row_of(trace, aw.categorize(trace), "L0-H0", 0)
    assert (alone.keys, alone.key, alone.weight) == (1, 0, 1)
    assert not math.isnan(alone.usual)


def test_the_bundled_models_even_head_that_is_sharp_here():
    model, tokenizer = aw.load_model("demo/causal")
    trace = aw.capture(model, "The animal didn't cross the road because it was too wide", tokenizer=tokenizer)
    row = row_of(trace, aw.categorize(trace), "L2-H2", -1)
    assert row.category == "Bag-of-Words"
    assert trace.tokens[row.key].strip() == "road"
    assert (row.weight, row.usual) == (pytest.approx(0.584, abs=0.005), pytest.approx(0.39, abs=0.02))
