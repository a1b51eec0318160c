"""TransformerLens: what is captured against its own patterns, and the breakdown against what its layers returned."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import transformers as hf

import tiny
from attnwidget import AttentionTrace, AttentionWidget, capture, from_cache, probe_heads
from attnwidget.capture import EmptyTextError, TextTooLongError, UnsupportedModelError
from attnwidget.capture.twin import twin
from attnwidget.maths import Mask
from attnwidget.models import describe_model

lens = pytest.importorskip("transformer_lens", reason="transformer_lens is not installed (make test-interop)")
pytestmark = pytest.mark.filterwarnings("ignore")  # other people's libraries deprecate themselves

GEMMA = {"num_key_value_heads": 2, "head_dim": 8, "sliding_window": 5, "attn_logit_softcapping": 2.0}
MODELS = {
    "gpt2": lambda: tiny.gpt2(hf.GPT2LMHeadModel),
    "llama": lambda: tiny.llama(hf.LlamaForCausalLM),
    "gemma2": lambda: tiny.build(hf.Gemma2Config(**tiny.IDS, **tiny.SIZES, **GEMMA), hf.Gemma2ForCausalLM),
    "neox": lambda: tiny.gpt_neox(hf.GPTNeoXForCausalLM),
    "bert": lambda: tiny.bert(hf.BertForMaskedLM),
}
# HookedTransformer went with TransformerLens 4
HOOKED = {
    "standard": {"positional_embedding_type": "standard"},
    "rotary, grouped": {"positional_embedding_type": "rotary", "rotary_dim": 4, "n_key_value_heads": 2},
    "shortformer": {"positional_embedding_type": "shortformer"},
    "alibi": {"positional_embedding_type": "alibi"},
    "soft cap": {"attn_scores_soft_cap": 3.0},
    "local": {"use_local_attn": True, "window_size": 4, "attn_types": ["global", "local"]},
    "both ways": {"attention_dir": "bidirectional"},
    "unscaled": {"use_attn_scale": False},
    "by layer": {"scale_attn_by_inverse_layer_idx": True},
}


@pytest.fixture(scope="module")
def boot(tmp_path_factory):
    made = {}

    def make(name):
        if name not in made:
            bridge = pytest.importorskip("transformer_lens.model_bridge", reason="TransformerBridge came with 3.0")
            folder = tmp_path_factory.mktemp("models") / name
            MODELS[name]().save_pretrained(folder)
            tiny.tokenizer().save_pretrained(folder)
            tokenizer = hf.AutoTokenizer.from_pretrained(folder)
            made[name] = bridge.TransformerBridge.boot_transformers(str(folder), tokenizer=tokenizer, device="cpu")
        return made[name]

    return make


def hooked(**options):
    try:
        from transformer_lens import HookedTransformer, HookedTransformerConfig
    except ImportError:
        pytest.skip("TransformerLens 4 has no HookedTransformer")
    sizes = {"n_layers": 2, "d_model": 32, "n_ctx": 32, "d_head": 8, "n_heads": 4, "d_vocab": 50, "act_fn": "gelu"}
    torch.manual_seed(0)
    return HookedTransformer(HookedTransformerConfig(**sizes, initializer_range=0.3, seed=0, **options))


def distance(trace, cache):
    return max(float((trace.weights(at) - cache["pattern", at][0]).abs().max()) for at in range(trace.n_layers()))


def check(trace, cache):
    assert trace.has_qkv, trace.missing
    assert distance(trace, cache) <= 1e-5
    assert trace.max_error <= 1e-5
    assert not trace.notices
    steps = trace.breakdown(1, 2, query=-1)
    assert steps.output_name == "blocks.1.attn.W_O"
    assert steps.max_difference <= 1e-5
    assert steps.contribution is not None


@pytest.mark.parametrize("name", MODELS)
def test_a_cache_is_a_trace(boot, name):
    model = boot(name)
    ids = model.to_tokens(tiny.TEXT)
    _, cache = model.run_with_cache(ids)
    trace = from_cache(cache, ids)
    check(trace, cache)
    assert trace.model_name == f"TransformerBridge({name})"
    assert trace.raw_tokens == model.tokenizer.convert_ids_to_tokens(ids[0])
    words = from_cache(cache, model.to_str_tokens(ids))
    assert words.tokens == trace.tokens
    # what the attention returned is the layer's own
    out = cache["blocks.1.attn.o.hook_out"][0, 4]
    torch.testing.assert_close(trace.breakdown(1, 0, query=4).output, out, atol=1e-5, rtol=0)
    assert trace.causal is (name != "bert")
    if name == "gemma2":
        assert (trace.layer(0).mask, trace.layer(0).softcap) == (Mask(before=4, after=0), 2.0)


@pytest.mark.parametrize("name", HOOKED)
def test_a_hooked_transformer(name):
    model = hooked(**HOOKED[name])
    ids = torch.randint(0, 50, (1, 9))
    _, cache = model.run_with_cache(ids)
    check(from_cache(cache, ids), cache)
    trace = capture(model, ids)
    check(trace, cache)
    assert distance(capture(twin(model), ids), cache) <= 1e-5


@pytest.mark.parametrize("name", ["llama", "neox"])
def test_the_rotation_is_not_forgotten(boot, name):
    """Queries and keys as the cache calls them are those before it."""
    model = boot(name)
    ids = model.to_tokens(tiny.TEXT)
    _, cache = model.run_with_cache(ids)
    q, k, v = (torch.stack([cache[one, at][0].transpose(0, 1) for at in range(3)]) for one in "qkv")
    weights = [cache["pattern", at] for at in range(3)]
    with pytest.raises(ValueError, match="before the rotation"):
        AttentionTrace.from_qkv(q, k, v, model.to_str_tokens(ids), "causal", weights=weights)
    trace = from_cache(cache, ids)
    again = (torch.stack([getattr(trace.layer(at), one) for at in range(3)]) for one in "qkv")
    AttentionTrace.from_qkv(*again, trace.tokens, "causal", weights=weights)


def test_a_part_of_a_cache(boot):
    model = boot("llama")
    ids = model.to_tokens(tiny.TEXT)
    few = ("hook_q", "hook_k", "hook_v")
    _, cache = model.run_with_cache(ids, names_filter=lambda name: name.endswith((*few, "hook_rot_q", "hook_rot_k")))
    _, whole = model.run_with_cache(ids)
    trace = from_cache(cache, ids)
    assert distance(trace, whole) <= 1e-5
    assert "could not be held against" in trace.notices[0]
    _, cache = model.run_with_cache(ids, names_filter=lambda name: name.endswith(few))
    with pytest.raises(ValueError, match="before their rotation alone"):
        from_cache(cache, ids)
    _, cache = model.run_with_cache(ids, names_filter=lambda name: name.endswith("hook_pattern"))
    trace = from_cache(cache, ids)
    assert not trace.has_qkv
    assert torch.equal(trace.weights(0), whole["pattern", 0][0])
    _, cache = model.run_with_cache(ids, names_filter=lambda name: "mlp" in name)
    with pytest.raises(ValueError, match="holds no attention"):
        from_cache(cache, ids)
    kept = from_cache(whole, ids, layers=[1], values=False)
    assert kept.kept() == [1]
    assert torch.equal(kept.weights(1), from_cache(whole, ids).weights(1))


def test_one_text_of_a_batch(boot):
    model = boot("gpt2")
    ids = torch.randint(5, 200, (3, 8))
    _, cache = model.run_with_cache(ids)
    with pytest.raises(ValueError, match="3 texts: say which with row="):
        from_cache(cache, ids)
    with pytest.raises(ValueError, match="3 texts in the cache, got 3"):
        from_cache(cache, ids[0], row=3)
    trace = from_cache(cache, ids, row=2)
    torch.testing.assert_close(trace.weights(1), cache["pattern", 1][2], atol=1e-5, rtol=0)
    assert trace.raw_tokens == model.tokenizer.convert_ids_to_tokens(ids[2])
    _, single = model.run_with_cache(ids[:1])
    without = single.remove_batch_dim()
    torch.testing.assert_close(from_cache(without, ids[0]).weights(1), without["pattern", 1], atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="of 8 positions in layer 0, and there are 3 tokens"):
        from_cache(without, list("abc"))
    with pytest.raises(TypeError, match="ActivationCache, got dict"):
        from_cache({}, ids)


def test_what_is_changed_on_the_way_is_not_hidden(boot):
    """A pattern that a hook has set is no longer that of the queries and keys."""
    model = boot("gpt2")
    ids = model.to_tokens(tiny.TEXT)

    def even(pattern, hook):  # noqa: ARG001 - by its name
        return torch.full_like(pattern, 1 / pattern.shape[-1]).tril()

    with model.hooks(fwd_hooks=[("blocks.1.attn.hook_pattern", even)]):
        _, cache = model.run_with_cache(ids)
    trace = from_cache(cache, ids)
    assert distance(trace, cache) <= 1e-5
    assert "do not give the patterns" in trace.missing
    assert not trace.has_qkv
    assert trace.scores(0).shape == (4, 24, 24)
    with pytest.raises(ValueError, match="do not give the patterns"):
        trace.scores(1)


def test_a_model_in_capture_and_in_the_widget(boot):
    model = boot("llama")
    _, cache = model.run_with_cache(tiny.TEXT)
    trace = capture(model, tiny.TEXT)
    check(trace, cache)
    assert trace.special[0]  # TransformerLens puts <s> before a text
    with torch.no_grad():
        chances = model(tiny.TEXT)[0, -1].softmax(-1)
    assert trace.next_tokens(-1, 1)[0][1] == pytest.approx(float(chances.max()), abs=1e-6)
    widget = AttentionWidget(tiny.TEXT, model=model, view="breakdown")
    assert widget._breakdown["projected"]["state"] == "ready"
    assert widget._breakdown["projected"]["maxDifference"] <= 1e-5
    assert "TransformerBridge(llama)" in repr(widget)
    widget.text = "Another"
    assert len(widget.tokens) == 8
    with ThreadPoolExecutor(1) as threads:  # as a text that is typed: on a twin
        behind = threads.submit(capture, twin(model), tiny.TEXT).result()
    assert distance(behind, cache) <= 1e-5
    assert describe_model(model) == "TransformerBridge(llama)"


def test_what_cannot_be_is_refused(boot):
    model = boot("gpt2")
    with pytest.raises(UnsupportedModelError, match=r"attention_mask is not for TransformerBridge: .*from_cache"):
        capture(model, "a", attention_mask=[1, 1])
    with pytest.raises(TextTooLongError, match="positions; shorten it"):
        capture(model, "a" * 200)
    with pytest.raises(EmptyTextError):
        capture(model, "")
    with pytest.raises(UnsupportedModelError, match="token ids of one"):
        capture(model, torch.zeros(2, 3).long())
    with pytest.raises(UnsupportedModelError, match="got dict"):
        capture(model, {"input_ids": [1]})
    with pytest.raises(ValueError, match="layers must be numbers from 0 to 2"):
        capture(model, "a", layers=[7])
    with pytest.raises(UnsupportedModelError, match="is not probed"):
        probe_heads(model)
