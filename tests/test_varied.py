"""A trace whose heads attend as another variant does, and what is compared with it."""

import pytest
import torch
import transformers as hf

import tiny
from attnwidget import AttentionTrace, capture, compare, load_model, variants

TEXT = "The cat sat on the mat."
MODELS = {"gpt2": lambda: tiny.gpt2(hf.GPT2LMHeadModel), "llama": lambda: tiny.llama(hf.LlamaForCausalLM)}


def traced(kind="gpt2", **options):
    return capture(MODELS[kind](), TEXT, tokenizer=tiny.tokenizer(), **options)


@pytest.mark.parametrize("kind", MODELS)
def test_the_scaled_dot_product_is_the_model_s_own(kind):
    trace = traced(kind)
    plain, window = trace.with_variant("scaled_dot_product"), trace.with_variant("sliding_window", window=3)
    under = trace.with_mask("window:3")
    for layer in range(trace.n_layers()):
        torch.testing.assert_close(plain.weights(layer), trace.weights(layer), rtol=0, atol=1e-6)
        torch.testing.assert_close(window.weights(layer), under.weights(layer), rtol=0, atol=1e-6)
        assert torch.equal(window.allowed(layer), under.allowed(layer))
    assert plain.tokens == trace.tokens
    assert torch.equal(trace.weights(0), traced(kind).weights(0))  # the trace itself is as it was


def test_it_says_what_it_does_not_have():
    cosine = traced().with_variant("cosine")
    for what in (lambda: cosine.scores(0), lambda: cosine.next_tokens(2), cosine.effects):
        with pytest.raises(ValueError, match="no pass of the model has these weights"):
            what()


def test_layers_that_were_left_out_stay_so():
    trace = traced(layers=[1]).with_variant("unscaled")
    assert trace.kept() == [1]
    assert trace.weights(1).shape[0] == trace.n_heads()


def test_what_has_no_weights_is_refused():
    trace = traced()
    with pytest.raises(ValueError, match="flash attention never has weights"):
        trace.with_variant("flash")
    with pytest.raises(ValueError, match="one head of two"):
        trace.with_variant("differential")
    with pytest.raises(ValueError, match=r"there is no variant 'soft'; expected one of scaled_dot_product"):
        trace.with_variant("soft")
    with pytest.raises(TypeError, match="breadth"):
        trace.with_variant("sliding_window", breadth=3)
    weights = AttentionTrace.from_attentions([trace.weights(0)[None]], trace.tokens)
    with pytest.raises(ValueError, match="weights"):
        weights.with_variant("cosine")


def test_a_variant_stands_beside_the_model():
    widget = compare(TEXT, {"variant": "sliding_window"})
    assert widget.side == "difference"
    assert widget.comparison.names == ("as it is", "sliding window")
    model, tokenizer = load_model("demo/causal")
    plain = capture(model, TEXT, tokenizer=tokenizer)
    window = plain.with_variant("sliding_window")
    difference = widget.comparison.a.measure("difference", 1)
    seen = plain.allowed(1) & window.allowed(1)
    expected = (plain.weights(1) - window.weights(1)).masked_fill(~seen, -torch.inf)
    torch.testing.assert_close(difference, expected, rtol=0, atol=1e-6)
    widget.text = "The dog ran"  # both sides follow
    assert widget.comparison.b.tokens == widget.comparison.a.tokens == widget.tokens
    with pytest.raises(ValueError, match="there is no variant 'soft'"):
        compare(TEXT, {"variant": "soft"})


def test_every_variant_with_weights_for_each_head_can_be_seen():
    trace = traced()
    for variant in variants.ALL:
        if variant.name in {"flash", "differential"}:
            continue
        found = trace.with_variant(variant.name)
        for layer in range(trace.n_layers()):
            weights, allowed = found.weights(layer), found.allowed(layer)
            assert weights.shape == trace.weights(layer).shape
            assert (weights >= 0).all()
            assert (weights.sum(-1) <= 1 + 1e-5).all()
            assert not weights[~allowed.expand_as(weights)].any()
