"""Attention variants on models: against transformers' modules, from a trace, small weights, and the KV cache."""

from functools import partial

import pytest
import torch
import transformers as hf
from transformers.models.diffllama.modeling_diffllama import DiffLlamaAttention, DiffLlamaRotaryEmbedding
from transformers.models.gpt_oss.modeling_gpt_oss import eager_attention_forward

import tiny
from attnwidget import AttentionTrace, capture, load_model, masks, variants

N = 9
IDS = torch.arange(10, 10 + N)[None]
LATENT = {
    "kv_lora_rank": 6,
    "q_lora_rank": 10,
    "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 6,
    "v_head_dim": 5,
    "n_routed_experts": 4,
    "num_experts_per_tok": 1,
    "n_group": 1,
    "topk_group": 1,
    "moe_intermediate_size": 16,
    "first_k_dense_replace": 2,
    "num_key_value_heads": 4,
}


def deepseek(config=hf.DeepseekV2Config):
    return tiny.build(config(**tiny.IDS, **tiny.SIZES | LATENT))


def bigcode():
    return tiny.build(hf.GPTBigCodeConfig(n_layer=2, n_head=4, n_embd=32, vocab_size=300, multi_query=True))


def seen_by_attention(model, module):
    """Run the model; return what the module's attention was given and gave: q, k, v, keywords, output, weights."""
    seen = []

    def attend(own, q, k, v, mask, **options):
        if own is module:
            scaling = options["scaling"]
            k_all, v_all = (x.repeat_interleave(q.shape[1] // x.shape[1], 1) for x in (k, v))
            weights = (q @ k_all.mT * scaling + (0 if mask is None else mask)).softmax(-1)
            seen.append((q[0], k[0], v[0], scaling, weights[0], (weights @ v_all)[0]))
        return hf.modeling_utils.ALL_ATTENTION_FUNCTIONS["sdpa"](own, q, k, v, mask, **options)

    hf.AttentionInterface.register("seen", attend)
    hf.AttentionMaskInterface.register("seen", hf.masking_utils.eager_mask)
    model.set_attn_implementation("seen")
    with torch.no_grad():
        model(IDS)
    return seen[0]


def output_of(model, module):
    """Run the model with its own eager attention; return what the module returned, and its weights."""
    model.set_attn_implementation("eager")
    found = []
    hook = module.register_forward_hook(lambda _module, _inputs, output: found.append(output))
    with torch.no_grad():
        model(IDS)
    hook.remove()
    return found[0][0][0], found[0][1][0]  # (n, d_model), (heads, n, n)


@pytest.mark.parametrize(
    ("make", "run"),
    [
        (tiny.llama, lambda q, k, v: variants.grouped_query(q, k, v, 2, mask="causal")),
        (partial(tiny.llama, num_key_value_heads=1), lambda q, k, v: variants.multi_query(q, k, v, mask="causal")),
        (partial(tiny.mistral, sliding_window=4), lambda q, k, v: variants.sliding_window(q, k, v, 4)),
    ],
    ids=["grouped", "multi-query", "window"],
)
def test_transformers_module(make, run):
    model = make()
    module = model.layers[1].self_attn
    expected, weights = output_of(model, module)
    q, k, v, *_ = seen_by_attention(model, module)
    found = run(q, k, v)
    torch.testing.assert_close(found.weights, weights, rtol=0, atol=1e-6)
    joined = found.output.transpose(0, 1).flatten(1)  # (n, heads · d_v)
    torch.testing.assert_close(module.o_proj(joined), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("absorbed", [False, True])
@pytest.mark.parametrize("config", [hf.DeepseekV2Config, hf.DeepseekV3Config], ids=["V2", "V3"])
def test_deepseeks_latent_attention(config, absorbed):
    model = deepseek(config)
    module = model.layers[1].self_attn
    expected, weights = output_of(model, module)
    inputs = []
    hook = module.register_forward_pre_hook(lambda _module, _args, given: inputs.append(given), with_kwargs=True)
    q, k, _, scaling, *_ = seen_by_attention(model, module)
    hook.remove()
    x = inputs[0]["hidden_states"][0]  # (n, d_model)
    with torch.no_grad():
        latent = module.kv_a_layernorm(module.kv_a_proj_with_mqa(x)[:, :6])  # (n, rank)
    up = module.kv_b_proj.weight.detach().view(4, 6 + 5, 6).mT  # (heads, rank, d_k + d_v)
    found = variants.from_latent(
        q[..., :6],
        latent,
        up[..., :6],
        up[..., 6:],
        q_rotated=q[..., 6:],
        k_rotated=k[0, :, 6:],
        absorbed=absorbed,
        mask="causal",
    )
    assert found.rotated
    assert scaling == pytest.approx((6 + 4) ** -0.5)
    torch.testing.assert_close(found.weights, weights, rtol=0, atol=1e-6)
    joined = found.output.transpose(0, 1).flatten(1)  # (n, heads · d_v)
    torch.testing.assert_close(module.o_proj(joined), expected, rtol=0, atol=1e-5)


def test_transformers_differential_attention():
    config = hf.DiffLlamaConfig(**tiny.IDS, **tiny.SIZES, num_key_value_heads=2, attn_implementation="eager")
    layer, heads, d = 1, 4, 8
    module = DiffLlamaAttention(config, layer).eval()
    x = torch.randn(1, N, 32, generator=torch.Generator().manual_seed(0))
    turned = DiffLlamaRotaryEmbedding(config)(x, torch.arange(N)[None])
    module.config._attn_implementation = "eager"
    hidden = torch.full((N, N), -torch.inf).triu(1)[None, None]
    with torch.no_grad():
        expected, _ = module(x, turned, attention_mask=hidden)
        q, k, v = (part(x)[0].view(N, -1, d).transpose(0, 1) for part in (module.q_proj, module.k_proj, module.v_proj))
        lam = (module.lambda_q1 @ module.lambda_k1).exp() - (module.lambda_q2 @ module.lambda_k2).exp()
    cos, sin = turned

    def rotated(part):
        return part * cos + torch.cat([-part[..., d // 2 :], part[..., : d // 2]], dim=-1) * sin

    # It pairs head i with head i + heads / 2, and splits the values in halves that all pairs share.
    order = [0, 2, 1, 3]
    k, v = (rotated(k).repeat_interleave(2, 0)[order], v.repeat_interleave(2, 0)[order])
    init = variants.lambda_init(layer)
    assert module.lambda_init == pytest.approx(init)
    found = variants.differential(
        rotated(q)[order], k, v, lam + init, init=init, eps=config.rms_norm_eps, mask="causal"
    )
    with torch.no_grad():
        joined = found.output.transpose(0, 1).flatten(1)  # (n, heads / 2 · 2 · d_v)
        torch.testing.assert_close(module.o_proj(joined), expected[0], rtol=0, atol=1e-6)
    assert found.output.shape == (heads // 2, N, 2 * d)


def test_transformers_sink():
    draw = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(heads, N, 8, generator=draw) for heads in (4, 2, 2))

    class Module(torch.nn.Module):
        num_key_value_groups = 2
        sinks = torch.randn(4, generator=draw)

    hidden = torch.full((N, N), -torch.inf).triu(1)[None, None]
    module = Module().eval()
    output, weights = eager_attention_forward(module, q[None], k[None], v[None], hidden, scaling=8**-0.5)
    found = variants.sink(q, k, v, module.sinks, mask="causal")
    torch.testing.assert_close(found.weights, weights[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(found.output, output[0].transpose(0, 1), rtol=0, atol=1e-6)


# From a trace


def trace_of(model, **options):
    return capture(model, tiny.TEXT, tokenizer=tiny.tokenizer(), **options)


def test_a_layer_of_a_trace_gives_the_models_own_weights():
    trace = trace_of(tiny.llama())
    found = variants.from_trace(trace, -1)
    assert (found.q.shape[0], found.k.shape[0]) == (4, 2)
    assert found.queries == found.keys == tuple(trace.tokens)
    assert not found.across
    assert found.notices == ()
    again = variants.scaled_dot_product(found.q, found.k, found.v, mask=found.allowed, scale=found.scale)
    torch.testing.assert_close(again.weights, trace.weights(-1), rtol=0, atol=1e-6)
    for variant in variants.ALL:
        assert variant.function(found.q, found.k, found.v, mask=found.allowed).output.isfinite().all()
        assert all(one.difference(found.q, found.k, found.v) < 1e-6 for one in variant.identities), variant.name


def test_what_a_model_does_beside_is_said():
    assert "attention sink" in variants.from_trace(trace_of(tiny.gpt_oss()), 0).notices[0]
    assert "soft cap" in variants.from_trace(trace_of(tiny.gemma2()), 0).notices[0]


def test_cross_attention_has_two_texts():
    model, tokenizer = load_model("demo/fr-en")
    trace = capture(model, "Le chat dort", text_target="The cat sleeps", tokenizer=tokenizer)
    found = variants.from_trace(trace, 0, attention="cross")
    assert found.across
    assert found.queries == tuple(trace.target_tokens)
    assert found.keys == tuple(trace.source_tokens)
    again = variants.scaled_dot_product(found.q, found.k, found.v, mask=found.allowed, scale=found.scale)
    torch.testing.assert_close(again.weights, trace.weights(0, attention="cross"), rtol=0, atol=1e-6)
    assert "two texts" in variants.SLIDING_WINDOW.why_not(found)
    assert not variants.GROUPED_QUERY.why_not(found)
    within_one = variants.from_trace(trace, 0, attention="encoder")
    assert not within_one.across
    assert not any(one.why_not(within_one) for one in variants.ALL)
    with pytest.raises(ValueError, match="attention must be one of"):
        variants.from_trace(trace, 0)


def test_a_trace_without_queries_says_so():
    weights = masks.preset("causal", 3).float().expand(1, 2, 3, 3) / torch.arange(1, 4)[:, None]
    with pytest.raises(ValueError, match="no scores"):
        variants.from_trace(AttentionTrace.from_attentions(tuple(weights[:, None]), ["a", "b", "c"]), 0)
    with pytest.raises(ValueError, match="values=False"):
        variants.from_trace(trace_of(tiny.gpt2(), values=False), 0)
    with pytest.raises(ValueError, match="left out"):
        variants.from_trace(trace_of(tiny.gpt2(), layers=[1]), 0)
    with pytest.raises(IndexError):
        variants.from_trace(trace_of(tiny.gpt2()), 9)


# Without a model


def test_small_weights_are_what_is_shown():
    made = variants.small_weights(8, 2, seed=3)
    assert made.w_query.shape == made.w_key.shape == made.w_value.shape == (2, 8, 4)
    for weight in (made.w_query, made.w_key, made.w_value):
        shown = [float(f"{number:.1f}") for number in weight.flatten().tolist()]
        assert torch.equal(torch.tensor(shown), weight.flatten())
        assert weight.abs().max() <= 1
    assert torch.equal(made.w_key, variants.small_weights(8, 2, seed=3).w_key)
    assert not torch.equal(made.w_key, variants.small_weights(8, 2, seed=4).w_key)
    x = variants.small_embeddings(["the", "cat", "the"], 8)
    assert torch.equal(x[0], x[2])
    assert torch.equal(x[1], variants.small_embeddings(["cat"], 8)[0])
    assert not torch.equal(x[0], x[1])
    assert x[1].tolist() == pytest.approx(variants.small_embeddings(["\ud800", "cat"], 8)[1].tolist())
    assert variants.small_embeddings([], 8).shape == (0, 8)
    q, k, v = made.qkv(x)
    torch.testing.assert_close(q[1, 2], x[2] @ made.w_query[1])
    assert variants.scaled_dot_product(q, k, v, mask="causal").output.shape == (2, 3, 4)
    for wrong in ((8, 3), (0, 1), (8, 0)):
        with pytest.raises(ValueError, match="d_model must be a multiple of heads"):
            variants.small_weights(*wrong)


# The KV cache


def kept(model, **inputs):
    """Bytes that transformers' own cache holds after a pass."""
    with torch.no_grad():
        cache = model(use_cache=True, **inputs).past_key_values
    halves = (
        [cache.self_attention_cache, cache.cross_attention_cache]
        if hasattr(cache, "cross_attention_cache")
        else [cache]
    )
    return sum(x.nbytes for half in halves for layer in half.layers for x in (layer.keys, layer.values))


@pytest.mark.parametrize(
    "make",
    [
        tiny.gpt2,
        tiny.llama,
        partial(tiny.llama, num_key_value_heads=1, head_dim=6),
        partial(tiny.mistral, sliding_window=50),
        deepseek,
        bigcode,
    ],
    ids=["multi-head", "grouped", "multi-query", "wide window", "latent", "old multi-query"],
)
def test_kv_bytes_are_those_of_transformers_cache(make):
    model = make()
    assert variants.kv_bytes(model.config, N, torch.float32) == kept(model, input_ids=IDS)
    half = variants.kv_cache(model.config, N, "float16")
    assert half.bytes == kept(model, input_ids=IDS) // 2
    assert all("× 2 bytes" in line for line in half.lines)


def test_kv_bytes_of_a_translator():
    model, _ = load_model("demo/fr-en")
    length = 6
    ids = torch.arange(5, 5 + length)[None]
    assert variants.kv_bytes(model.config, length, "float32") == kept(model, input_ids=ids, decoder_input_ids=ids)
    assert "encoder's tokens" in variants.kv_cache(model.config, length).lines[1]
    t5 = hf.T5Config(num_layers=2, num_decoder_layers=4, num_heads=3, d_kv=8)
    assert variants.kv_bytes(t5, 10, "float32") == 2 * 4 * 3 * 10 * 2 * 8 * 4


def test_kv_bytes_stop_growing_behind_a_window():
    config = tiny.gemma2(sliding_window=5).config
    kinds = config.layer_types
    one = 2 * config.num_key_value_heads * config.head_dim * 4
    full, local = kinds.count("full_attention"), kinds.count("sliding_attention")
    assert full
    assert local
    assert variants.kv_bytes(config, 100, "float32") == one * (full * 100 + local * 5)
    assert variants.kv_bytes(tiny.mistral(sliding_window=5).config, 100) == variants.kv_bytes(
        tiny.mistral(sliding_window=5).config, 5
    )


def test_kv_bytes_of_other_variants_of_the_same_model():
    config = tiny.llama(num_key_value_heads=4).config  # 4 heads of 8
    layers, one = config.num_hidden_layers, 4 * 2 * 8 * 4

    def of(variant, length=100, **settings):
        return variants.kv_bytes(config, length, "float32", variant, **settings)

    assert of(None) == of(variants.MULTI_HEAD) == of(variants.FLASH) == layers * 100 * one
    assert of(variants.GROUPED_QUERY, groups=2) == layers * 100 * one // 2
    assert of(variants.MULTI_QUERY) == layers * 100 * one // 4
    assert of(variants.LATENT, rank=6, d_rope=2) == layers * 100 * 8 * 4
    assert of(variants.SLIDING_WINDOW, window=10) == layers * 10 * one
    assert of(variants.LINEAR) == of(variants.LINEAR, 10**6) == layers * 4 * (8 * 8 + 8) * 4
    assert of(None, 0) == 0


def test_kv_bytes_says_what_it_cannot_count():
    config = tiny.llama().config
    with pytest.raises(ValueError, match="length must be 0 or more"):
        variants.kv_bytes(config, -1)
    with pytest.raises(TypeError, match="dtype must be"):
        variants.kv_bytes(config, 1, "float17")
    with pytest.raises(ValueError, match="does not tell its heads"):
        variants.kv_bytes(hf.PreTrainedConfig(), 1)
    mixed = hf.Qwen3NextConfig(num_hidden_layers=4)
    with pytest.raises(ValueError, match="'linear_attention', which keep something else"):
        variants.kv_bytes(mixed, 1)
