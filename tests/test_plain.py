"""Attention of plain PyTorch, against the weights that `nn.MultiheadAttention` returns itself."""

import pytest
import torch
from torch import nn

from attnwidget.capture import UnsupportedModelError, capture_module


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def masks(n, m):
    keep = torch.zeros(1, m).bool()
    keep[0, -1] = True
    triangle = torch.ones(n, m).bool().triu(1)
    return {
        "none": {},
        "padding": {"key_padding_mask": keep},
        "causal": {"attn_mask": triangle},
        "causal, added": {"attn_mask": torch.zeros(n, m).masked_fill(triangle, -torch.inf)},
        "both": {"attn_mask": triangle, "key_padding_mask": keep},
        "bias": {"attn_mask": torch.randn(n, m)},
        "bias of each head": {"attn_mask": torch.randn(4, n, m)},
    }


@pytest.mark.parametrize("mask", masks(1, 1))
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("widths", [{}, {"kdim": 12, "vdim": 20}, {"bias": False}])
def test_multihead_attention(mask, batch_first, widths):
    module = nn.MultiheadAttention(16, 4, dropout=0.5, batch_first=batch_first, **widths)
    n, m = 5, 7
    query = torch.randn(1, n, 16)
    key, value = (torch.randn(1, m, widths.get(name, 16)) for name in ("kdim", "vdim"))
    given = masks(n, m)[mask]
    inputs = [x if batch_first else x.transpose(0, 1) for x in (query, key, value)]
    trace = capture_module(module, *inputs, **given)
    assert module.training
    with torch.no_grad():
        _, weights = module.eval()(*inputs, **given, average_attn_weights=False)
    assert trace.attentions == ("cross",)
    torch.testing.assert_close(trace.weights(0), weights[0], atol=1e-5, rtol=0)
    assert (trace.weights(0)[~trace.allowed(0)] == 0).all()
    assert trace.max_error <= 1e-5
    assert not module._forward_hooks


@pytest.mark.parametrize("padded", [False, True])
def test_transformer_encoder(padded):
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 3).eval()
    x = torch.randn(1, 6, 16)
    padding = torch.tensor([[0, 0, 0, 0, 1, 1]]).bool() if padded else None
    before = torch.backends.mha.get_fastpath_enabled()
    trace = capture_module(encoder, x, src_key_padding_mask=padding, tokens=list("abcdef"))
    assert torch.backends.mha.get_fastpath_enabled() is before
    assert (trace.attentions, trace.n_layers(), trace.tokens) == (("self",), 3, list("abcdef"))
    assert trace.max_error <= 1e-5
    with torch.no_grad():
        for number, layer in enumerate(encoder.layers):  # layer by layer, by hand
            _, weights = layer.self_attn(x, x, x, key_padding_mask=padding, average_attn_weights=False)
            torch.testing.assert_close(trace.weights(number), weights[0], atol=1e-5, rtol=0)
            attended = layer.self_attn(x, x, x, key_padding_mask=padding)[0]
            x = layer.norm1(x + attended)
            x = layer.norm2(x + layer.linear2(layer.linear1(x).relu()))


def test_transformer():
    model = nn.Transformer(16, 4, 2, 3, 32, batch_first=True).eval()
    source, target = torch.randn(1, 6, 16), torch.randn(1, 4, 16)
    causal = nn.Transformer.generate_square_subsequent_mask(4)
    trace = capture_module(model, source, target, tgt_mask=causal, tokens=list("abcd"), source_tokens=list("uvwxyz"))
    assert [(name, trace.n_layers(name)) for name in trace.attentions] == [("encoder", 2), ("decoder", 3), ("cross", 3)]
    assert trace.weights(0, attention="cross").shape == (4, 4, 6)
    assert trace.source_tokens == list("uvwxyz")
    assert trace.causal
    assert trace.max_error <= 1e-5


def test_what_cannot_be_captured():
    x = torch.randn(2, 3, 16)
    with pytest.raises(UnsupportedModelError, match="a batch of 2"):
        capture_module(nn.MultiheadAttention(16, 4, batch_first=True), x, x, x)
    with pytest.raises(UnsupportedModelError, match="add_bias_kv"):
        capture_module(nn.MultiheadAttention(16, 4, add_bias_kv=True), x[0], x[0], x[0])
    with pytest.raises(UnsupportedModelError, match=r"Linear called neither nn.MultiheadAttention nor .*from_qkv"):
        capture_module(nn.Linear(16, 4), x)
    module = nn.MultiheadAttention(16, 4)
    with pytest.raises(ValueError, match="tokens must have 3 entries, got 2"):
        capture_module(module, x[0], x[0], x[0], tokens=["a", "b"])
    assert not module._forward_hooks
