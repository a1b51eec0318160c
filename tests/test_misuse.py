"""What is given the wrong way: numbers that are no weights, arguments in another order, one thing for a list."""

import math

import pytest
import torch

import attnwidget as aw
import tiny
from attnwidget import AttentionTrace, AttentionWidget
from attnwidget.head_id import HeadId

TOKENS = list("abc")


def even(dtype=torch.float32):
    return torch.full((1, 2, 3, 3), 1 / 3, dtype=dtype)


def with_number(value, dtype=torch.float32):
    weights = even(dtype)
    weights[0, 1, 2, 0] = value
    return weights


@pytest.mark.parametrize(
    ("value", "why"),
    [(-0.5, "signed numbers are none"), (-math.inf, "signed numbers"), (1.11, r"model\.eval\(\)"), (math.inf, "eval")],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_number_that_is_no_weight_is_refused(value, why, dtype):
    where = r"layer 0 holds .* \(head 1, query 2, key 0\), but a weight lies between 0 and 1; .*"
    with pytest.raises(ValueError, match=where + why):
        AttentionTrace.from_attentions(with_number(value, dtype), TOKENS)
    with pytest.raises(ValueError, match=where + why):
        AttentionTrace.from_attentions(cross=with_number(value, dtype), source_tokens=TOKENS, target_tokens=TOKENS)


def test_rounding_is_put_right_everywhere_alike():
    for dtype, value in ((torch.float32, 1.0000004), (torch.float16, 1.001), (torch.bfloat16, 1.0078)):
        trace = AttentionTrace.from_attentions(with_number(value, dtype), TOKENS)
        assert trace.weights(0, 1, queries=2, keys=0) == 1
    trace = AttentionTrace.from_attentions(with_number(-1e-8), TOKENS)
    assert trace.weights(0, 1, queries=2, keys=0) == 0
    assert AttentionWidget(trace, heads=[(0, 1)]).weights().min() == 0


def test_what_is_forbidden_nan_or_shared_with_a_sink_is_no_error():
    later = even().triu(1) * -5 + even().tril()
    assert AttentionTrace.from_attentions(later, TOKENS, mask="causal").weights(0).min() == 0
    assert AttentionTrace.from_attentions(with_number(math.nan), TOKENS).weights(0).isnan().sum() == 1
    assert AttentionTrace.from_attentions(even() / 2, TOKENS).weights(0).sum().round() == 3


def test_arguments_the_wrong_way_round():
    with pytest.raises(TypeError, match=r"the weights go first, from_attentions\(attentions, tokens\)"):
        AttentionTrace.from_attentions(TOKENS, even())
    with pytest.raises(TypeError, match="tensors of numbers, got text: they go first"):
        AttentionTrace.from_attentions(cross=TOKENS, source_tokens=TOKENS, target_tokens=TOKENS)
    with pytest.raises(TypeError, match="tensors of numbers, got text: they go first"):
        AttentionTrace.from_qkv(TOKENS, even(), even(), TOKENS)
    with pytest.raises(TypeError, match="model must be a transformers model, got list"):
        aw.head_report(["a text"], tiny.gpt2())


def test_one_string_is_no_list():
    with pytest.raises(TypeError, match=r"texts must be a list of texts, got one string, 'The cat'; pass \[text\]"):
        aw.head_report(tiny.gpt2(), "The cat")
    with pytest.raises(TypeError, match="texts must be strings, got int"):
        aw.head_report(tiny.gpt2(), ["The cat", 5])
    with pytest.raises(TypeError, match="tokens must be a list of strings, got one string: 'abc'"):
        AttentionTrace.from_attentions(even(), "abc")
    with pytest.raises(TypeError, match="tokens must be a list of strings"):
        AttentionTrace.from_qkv(even(), even(), even(), "abc")


@pytest.mark.parametrize("one", ["L0-H1", (0, 1), [0, 1], HeadId(0, 1), torch.tensor([0, 1])])
def test_one_head_needs_no_list(one):
    widget = AttentionWidget(AttentionTrace.from_attentions(even(), TOKENS))
    widget.heads = one
    assert widget.heads == [(0, 1)]
    assert AttentionWidget(widget.trace, heads=one).heads == [(0, 1)]


def test_norms_of_a_breakdown_are_the_measure_of_that_name():
    trace = aw.capture(tiny.llama(), tiny.TEXT, tokenizer=tiny.tokenizer())
    one = trace.breakdown(1, 3, 9)
    torch.testing.assert_close(one.norms[one.allowed], trace.measure("norms", 1, 3, queries=9)[one.allowed])
    assert (one.norms[~one.allowed] == 0).all()
    several = trace.breakdown(1, 3, [4, 9])
    mean = trace.measure("norms", 1, 3, queries=[4, 9]).clamp(min=0).mean(0)
    torch.testing.assert_close(several.norms, mean)
    changed = one.what_if(temperature=2)
    torch.testing.assert_close(changed.norms, (changed.weighted_values @ changed.output_weight).norm(dim=-1))
    assert trace.breakdown(1, 3, 9, output=False).norms is None
    torch.testing.assert_close(one.weighted_norms, one.weighted_values.norm(dim=-1))
