"""`attnwidget.circuitsvis` and `trace.to_circuitsvis` beside the real circuitsvis."""

import inspect
import json

import numpy as np
import pytest
import torch

import tiny
from attnwidget import AttentionTrace, capture
from attnwidget.circuitsvis import attention, attention_heads, attention_pattern, attention_patterns

theirs = pytest.importorskip("circuitsvis", reason="circuitsvis is the oracle: pip install 'attnwidget[circuitsvis]'")

TOKENS = ["<s>", "the", " cat", " sat"]


def patterns(heads=6, *, causal=True):
    scores = torch.randn(heads, 4, 4, generator=torch.Generator().manual_seed(0)) * 2
    return (scores.masked_fill(torch.ones(4, 4).triu(1).bool(), -torch.inf) if causal else scores).softmax(-1)


def embedded(made):
    """What CircuitsVis puts into its page."""
    return json.JSONDecoder().raw_decode(made.cdn_src[made.cdn_src.index('{"') :])[0]


@pytest.mark.parametrize("as_what", [torch.as_tensor, np.asarray, torch.Tensor.tolist, list])
def test_the_numbers_and_tokens_of_circuitsvis(as_what):
    given = patterns()
    widget = attention_patterns(TOKENS, as_what(given))
    page = embedded(theirs.attention.attention_patterns(TOKENS, given))
    assert torch.tensor(page["attention"]).equal(widget.trace.weights(0))
    assert page["tokens"] == widget.trace.raw_tokens == TOKENS
    assert widget.view == "heads"
    assert widget.trace.causal


def test_signatures():
    for name in ("attention_heads", "attention_patterns", "attention_pattern"):
        mine, real = (
            [(one.name, one.default) for one in inspect.signature(getattr(module, name)).parameters.values()]
            for module in (attention, theirs.attention)
        )
        assert mine == real


def test_the_mask_is_what_is_said():
    seen = patterns(causal=False)
    assert not attention_heads(seen, TOKENS).trace.causal  # CircuitsVis would hide half of it
    assert attention_heads(seen, TOKENS, mask_upper_tri=True).trace.causal
    assert not attention_heads(patterns(), TOKENS, mask_upper_tri=False).trace.causal


def test_names_of_whole_layers_number_the_heads():
    given = patterns(6)
    widget = attention_heads(given, TOKENS, [f"L{layer}H{head}" for layer in (1, 4) for head in range(3)])
    assert widget.trace.kept() == [1, 4]
    assert widget.trace.weights(4).equal(given[3:])
    assert not widget.trace.notices


def test_other_names_are_told():
    widget = attention_heads(patterns(2), TOKENS, attention_head_names=["L5H1", "my head"])
    assert widget.trace.notices == ["The heads are numbered as they were given: L0-H0 is L5H1, L0-H1 is my head."]
    many = attention_heads(patterns(14), TOKENS, attention_head_names=[f"n{at}" for at in range(14)])
    assert many.trace.notices[0].endswith("L0-H11 is n11, and 2 more.")


def test_one_pattern_is_a_matrix():
    given = patterns(1)[0]
    widget = attention_pattern(TOKENS, given, show_axis_labels=True, max_value=2)
    assert widget.view == "matrix"
    assert widget.trace.weights(0, 0).equal(given)


def test_what_does_not_fit_is_refused():
    for wrong, message in (
        ((patterns()[None], TOKENS), r"of a batch take one text: attention\[0\]"),
        ((patterns(), TOKENS[1:]), "the same text"),
        ((patterns(), TOKENS, ["one"]), "1 names for 6 heads"),
        ((patterns() - 0.5, TOKENS), "a weight lies between 0 and 1"),
    ):
        with pytest.raises(ValueError, match=message):
            attention_heads(*wrong)
    with pytest.raises(ValueError, match="expected attention of shape"):
        attention_pattern(TOKENS, patterns())


def test_a_trace_in_circuitsvis():
    trace = capture(tiny.gpt2(), tiny.TEXT, tokenizer=tiny.tokenizer())
    page = embedded(trace.to_circuitsvis(1, heads=[3, 0], max_value=0.5))
    assert torch.tensor(page["attention"]).equal(trace.weights(1, [3, 0]))
    assert page["tokens"] == trace.tokens
    assert (page["attentionHeadNames"], page["maskUpperTri"], page["maxValue"]) == (["L1-H3", "L1-H0"], True, 0.5)
    page = embedded(trace.to_circuitsvis(-1, "patterns"))
    assert torch.tensor(page["attention"]).equal(trace.weights(2))
    again = attention_heads(page["attention"], page["tokens"])  # and back
    assert again.trace.weights(0).equal(trace.weights(2))


def test_what_circuitsvis_could_not_draw_is_refused(monkeypatch):
    q = torch.zeros(1, 12, 512, 1)
    trace = AttentionTrace.from_qkv(q, q, q, [str(at) for at in range(512)])
    monkeypatch.setattr(AttentionTrace, "weights", None)
    with pytest.raises(ValueError, match=r"about 72 MB.*fewer heads"):
        trace.to_circuitsvis(0)
    two = AttentionTrace.from_attentions(cross=[torch.ones(1, 1, 2) / 2], source_tokens=["a", "b"], target_tokens=["c"])
    with pytest.raises(ValueError, match="between two"):
        two.to_circuitsvis(0)
    with pytest.raises(ValueError, match='"heads" or "patterns"'):
        trace.to_circuitsvis(0, "head")


def test_no_token_of_a_trace_becomes_markup_in_circuitsvis():
    bad = "</script><b>!"
    made = AttentionTrace.from_attentions([torch.eye(2)[None]], ["a", bad]).to_circuitsvis(0)
    for page in (made.local_src, made.cdn_src):
        assert bad not in page
    assert embedded(made)["tokens"] == ["a", bad]


def test_without_circuitsvis_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "circuitsvis.attention", None)
    with pytest.raises(ImportError, match=r"attnwidget\[circuitsvis\]"):
        AttentionTrace.from_attentions([torch.eye(2)[None]], ["a", "b"]).to_circuitsvis(0)
