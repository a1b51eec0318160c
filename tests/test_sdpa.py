"""Modules that call `scaled_dot_product_attention`: against attention written out on what the module itself made."""

import math

import pytest
import torch
import transformers as hf
from torch import nn
from torch.nn import functional

from attnwidget import AttentionWidget, capture_module
from attnwidget.capture import UnsupportedModelError
from attnwidget.maths import Mask

N, WIDTH, HEADS = 6, 32, 4


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


class Attention(nn.Module):
    """As people write it: one product for all, heads apart, SDPA, heads together, projected."""

    def __init__(self, groups=HEADS, depth=4, **options):
        super().__init__()
        self.depth, self.groups, self.options = depth, groups, options
        self.q_proj = nn.Linear(WIDTH, WIDTH)
        self.kv_proj = nn.Linear(WIDTH, 2 * groups * 8)
        self.dropout = nn.Dropout(0.5)
        self.c_proj = nn.Linear(WIDTH, WIDTH)
        self.mask, self.seen = None, []

    def heads(self, x, count):
        x = x.view(*x.shape[:-1], count, 8).transpose(-3, -2)  # (…, heads, n, 8)
        return x[0] if self.depth == 3 else x

    def forward(self, x, context=None):
        k, v = (self.heads(one, self.groups) for one in self.kv_proj(x if context is None else context).chunk(2, -1))
        q = self.heads(self.q_proj(x), HEADS)
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=self.mask, **self.options)
        self.seen.append((q, k, v, y))
        y = (y[None] if self.depth == 3 else y).transpose(1, 2).flatten(2)
        return self.c_proj(self.dropout(y))


class Block(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.attn = Attention(**options)
        self.mlp = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        x = x + self.attn(x)
        return x + self.mlp(x).relu()


class Decoder(nn.Module):
    """A small GPT of one's own."""

    def __init__(self, **options):
        super().__init__()
        self.embed = nn.Embedding(20, WIDTH)
        self.blocks = nn.ModuleList(Block(is_causal=True, **options) for _ in range(3))

    def forward(self, ids):
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        return x @ self.embed.weight.T


def by_hand(seen, *, mask=None, causal=False, scale=None):
    """Softmax attention, written out: (heads, n, m)."""
    q, k, _, _ = (x[0] if x.ndim == 4 else x for x in seen)
    k = k.repeat_interleave(len(q) // len(k), 0)
    scores = q @ k.transpose(1, 2) * (1 / math.sqrt(8) if scale is None else scale)
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[1:]).bool().triu(1), -torch.inf)
    if mask is not None:
        mask = mask[0] if mask.ndim == 4 else mask
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    return scores.softmax(-1)


@pytest.mark.parametrize("options", [{}, {"groups": 2, "enable_gqa": True}, {"depth": 3}, {"scale": 0.2}])
def test_a_decoder_of_one_s_own(options):
    model = Decoder(**options).train()
    ids = torch.randint(0, 20, (1, N))
    trace = capture_module(model, ids, tokens=list("abcdef"))
    assert model.training
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    assert (trace.attentions, trace.n_layers(), trace.tokens) == (("self",), 3, list("abcdef"))
    assert trace.causal
    assert trace.max_error <= 1e-5
    model.eval()
    outputs = []
    for block in model.blocks:
        block.attn.seen.clear()
        block.attn.register_forward_hook(lambda _m, _a, out: outputs.append(out[0]))
    with torch.no_grad():
        model(ids)
    for number, block in enumerate(model.blocks):
        expected = by_hand(block.attn.seen[0], causal=True, scale=options.get("scale"))
        torch.testing.assert_close(trace.weights(number), expected, atol=1e-5, rtol=0)
        steps = trace.breakdown(number, 1, query=4)
        assert steps.output_name == f"blocks.{number}.attn.c_proj"
        torch.testing.assert_close(steps.attention_output, outputs[number][4], atol=1e-5, rtol=0)
        assert steps.max_difference <= 1e-5
    assert AttentionWidget(trace, view="breakdown")._breakdown["projected"]["state"] == "ready"


def masks():
    tree = torch.rand(N, N) > 0.5
    tree |= torch.eye(N).bool()
    low = torch.zeros(N, N).masked_fill(~tree, torch.finfo(torch.float32).min)
    return {
        "pairs": tree,
        "pairs, of a batch": tree[None, None],
        "by head": torch.stack([tree, tree.T, tree, tree | tree.T])[None],
        "keys": torch.tensor([1, 1, 1, 0, 1, 0]).bool()[None, None, None],
        "added": torch.randn(N, N),
        "added by head": torch.randn(HEADS, N, N),
        "added, the lowest number": low,
        "added, minus infinity": low.masked_fill(low < 0, -torch.inf),
    }


@pytest.mark.parametrize("name", masks())
def test_masks(name):
    module, mask = Attention().eval(), masks()[name]
    module.mask = mask
    x = torch.randn(1, N, WIDTH)
    trace = capture_module(module, x)
    torch.testing.assert_close(trace.weights(0), by_hand(module.seen[0], mask=mask), atol=1e-5, rtol=0)
    assert trace.max_error <= 1e-5
    allowed = mask if mask.dtype == torch.bool else mask > -1e30
    assert torch.equal(trace.allowed(0), allowed.reshape(-1, *mask.shape[-2:]).expand(HEADS, N, N))


def test_across_two_texts_and_beside_multihead_attention():
    """Both kinds in one pass, in the order in which they are computed; none is counted twice."""

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.TransformerEncoderLayer(WIDTH, HEADS, 16, batch_first=True)
            self.own = Attention(is_causal=True)
            self.cross_attn = Attention()
            self.theirs = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

        def forward(self, x, memory):
            memory = self.encoder(memory)
            x = x + self.own(x)
            x = x + self.cross_attn(x, memory)
            return x + self.theirs(x, x, x, need_weights=False)[0]

    model = Both().eval()
    x, memory = torch.randn(1, 5, WIDTH), torch.randn(1, 7, WIDTH)
    trace = capture_module(model, x, memory, tokens=list("abcde"), source_tokens=list("tuvwxyz"))
    assert {name: trace.n_layers(name) for name in trace.attentions} == {"encoder": 1, "decoder": 2, "cross": 1}
    assert trace.max_error <= 1e-5
    torch.testing.assert_close(trace.weights(0, attention="cross"), by_hand(model.cross_attn.seen[0]))
    torch.testing.assert_close(trace.weights(0, attention="decoder"), by_hand(model.own.seen[0], causal=True))
    names = [trace.breakdown(at, 0, 1, attention="decoder") for at in range(2)]
    assert [one.output_name for one in names] == ["own.c_proj", "theirs.out_proj"]
    assert max(one.max_difference for one in names) <= 1e-5
    assert trace.breakdown(0, 0, 1, attention="cross").output_name == "cross_attn.c_proj"
    assert trace.breakdown(0, 0, 1, attention="encoder").output_name == "encoder.self_attn.out_proj"


def test_texts_of_one_length_are_told_apart_by_names():
    module = Attention().eval()
    x, other = torch.randn(1, N, WIDTH), torch.randn(1, N, WIDTH)
    assert capture_module(module, x, context=other).attentions == ("cross",)
    assert capture_module(module, x, context=x.clone()).attentions == ("self",)
    assert capture_module(module, x).attentions == ("self",)


def test_a_cache_of_keys_that_is_written_again():
    class Cached(Attention):
        def __init__(self):
            super().__init__()
            self.register_buffer("kept", torch.zeros(1, HEADS, N, 8))

        def heads(self, x, count):
            return self.kept.copy_(super().heads(x, count))

    cached = Cached().eval()
    trace = capture_module(cached, torch.randn(1, N, WIDTH))
    before = trace.weights(0, keys=1).clone()
    cached.kept.normal_()
    assert torch.equal(trace.layer(0).k, trace.layer(0).v)
    assert torch.equal(trace.weights(0, keys=1), before)


def test_dropout_is_off_and_rounding_as_it_was():
    module = Attention(dropout_p=0.9).eval()
    x = torch.randn(1, N, WIDTH)
    assert capture_module(module, x).max_error <= 1e-5
    with torch.autocast("cpu", torch.bfloat16):
        trace = capture_module(module, x)
    assert trace.layer(0).q.dtype == torch.bfloat16
    assert trace.max_error <= 2e-2


def test_a_compiled_module_is_seen():
    module = Attention(is_causal=True).eval()
    x = torch.randn(1, N, WIDTH)
    expected = capture_module(module, x).weights(0)
    for compiled in (torch.compile(module, backend="eager"), module):
        if compiled is module:
            module.compile(backend="eager")
        trace = capture_module(compiled, x)
        assert trace.model_name == "Attention"
        assert torch.equal(trace.weights(0), expected)


def test_a_model_of_pictures():
    config = hf.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=16, image_size=8, patch_size=4
    )
    model = hf.ViTModel(config).eval()
    pixels = torch.randn(1, 3, 8, 8)
    trace = capture_module(model, pixels)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        theirs = model(pixels, output_attentions=True).attentions
    assert trace.n_layers() == 2
    for number, weights in enumerate(theirs):
        torch.testing.assert_close(trace.weights(number), weights[0], atol=1e-5, rtol=0)
    assert trace.breakdown(1, 2, 0).max_difference <= 1e-5
    assert trace.layer(0).mask == Mask()


def test_what_cannot_be_captured():
    module = Attention().eval()
    with pytest.raises(UnsupportedModelError, match="a batch of 2 in Attention"):
        capture_module(module, torch.randn(2, N, WIDTH))
    assert not module._forward_hooks
    assert not module._forward_pre_hooks
    assert module.training is False
    with pytest.raises(ValueError, match="tokens must have 6 entries, got 2"):
        capture_module(module, torch.randn(1, N, WIDTH), tokens=["a", "b"])

    class Flat(nn.Module):
        def forward(self, x):
            return functional.scaled_dot_product_attention(x, x, x)

    with pytest.raises(UnsupportedModelError, match=r"on \(1, heads, n, d\) or \(heads, n, d\), got \(6, 8\)"):
        capture_module(Flat(), torch.randn(6, 8))
    trace = capture_module(Flat(), torch.randn(HEADS, N, 8))
    assert "no module could be proven to be W_O" in trace.breakdown(0, 0, 0).missing
