"""Captures of tiny random models, against transformers' own eager `output_attentions`."""

from functools import partial

import pytest
import torch
import transformers as hf

import tiny
from attnwidget import load_model
from attnwidget.capture import (
    CaptureError,
    EmptyTextError,
    MissingTokenizerError,
    TextTooLongError,
    UnsupportedModelError,
    attend,
    capture,
    recorder,
)

TOKENIZER = tiny.tokenizer(marks=True)
IDS = TOKENIZER(tiny.TEXT)["input_ids"]
N = len(IDS)

MODELS = {
    "gpt2": tiny.gpt2,
    "gpt2 with inverse layer scale": lambda: tiny.gpt2(scale_attn_by_inverse_layer_idx=True),
    "gpt2 with dropout, training": lambda: tiny.gpt2(attn_pdrop=0.5, resid_pdrop=0.5).train(),
    "gpt2 with head": lambda: tiny.gpt2(hf.GPT2LMHeadModel),
    "gpt2 in float64": lambda: tiny.gpt2().double(),
    "llama, grouped queries": tiny.llama,
    "llama, one key head": lambda: tiny.llama(num_key_value_heads=1),
    "mistral, sliding window": tiny.mistral,
    "gemma2, softcap": tiny.gemma2,
    "gpt-oss, sinks": tiny.gpt_oss,
    "bert": tiny.bert,
    "roberta with head": lambda: tiny.roberta(hf.RobertaForMaskedLM),
    "gpt-neox": tiny.gpt_neox,
    "t5 encoder, position bias": tiny.t5_encoder,
}
PADDING = {"none": slice(0), "left": slice(0, 4), "right": slice(-4, None), "inside": slice(6, 9)}


def eager(model, keep):
    """Every layer's weights as transformers returns them, in eval mode."""
    model.eval().set_attn_implementation("eager")
    inputs = {"input_ids": torch.tensor([IDS]), "attention_mask": keep[None]}
    with torch.no_grad():
        return [layer[0] for layer in model(**inputs, output_attentions=True).attentions]


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("name", MODELS)
def test_weights_are_the_models(name, padding):
    model = MODELS[name]()
    keep = torch.ones(N, dtype=torch.long)
    keep[PADDING[padding]] = 0
    given = None if padding == "none" else keep
    trace = capture(model, tiny.TEXT, tokenizer=TOKENIZER, attention_mask=given)
    theirs = eager(model, keep)
    causal = all(weights.triu(1).count_nonzero() == 0 for weights in theirs)
    assert trace.n_layers() == len(theirs)
    assert trace.max_error <= 1e-5
    for layer, weights in enumerate(theirs):
        allowed = trace.allowed(layer)
        assert not allowed[..., keep == 0].any()
        # With left padding under a causal mask the first rows see nothing: zeros, where eager
        # attention spreads its weight over forbidden keys.
        sees = torch.ones(N).bool() if name[:4] in {"bert", "robe", "t5 e"} else keep.cumsum(0) > 0
        if "window" not in name and "softcap" not in name and "sinks" not in name:
            assert torch.equal(allowed.any(-1), sees.expand(weights.shape[0], N))
        rows = allowed.any(-1, keepdim=True)
        found = trace.weights(layer)
        torch.testing.assert_close(found, weights * rows, atol=1e-5, rtol=0)
        assert ((weights * rows)[~allowed] == 0).all()
        scores = trace.scores(layer)
        assert (scores[~allowed] == -torch.inf).all()
        tile = trace.weights(layer, 1, queries=[N - 1, 7], keys=slice(3, 9))
        torch.testing.assert_close(tile, weights[1, [N - 1, 7], 3:9], atol=1e-5, rtol=0)
        if "sinks" not in name:  # up to a constant per row, scores are the logarithm of weights
            torch.testing.assert_close(scores.softmax(-1)[rows[..., 0]], weights[rows[..., 0]])
    if padding == "none":
        assert trace.causal is causal


@pytest.mark.parametrize("name", ["gpt2", "llama", "bert"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(name, dtype):
    model = getattr(tiny, name)().to(dtype)
    trace = capture(model, tiny.TEXT, tokenizer=TOKENIZER)
    rounding = torch.finfo(dtype).eps
    assert trace.weights(0).dtype == torch.float32
    assert trace.max_error <= 8 * rounding
    for layer, weights in enumerate(eager(model, torch.ones(N, dtype=torch.long))):
        # eager rounds scores of this size and the weights to half precision, a trace does not
        size = trace.scores(layer)[trace.allowed(layer)].abs().max().item()
        bound = rounding * (2 + 2 * size)
        difference = (trace.weights(layer) - weights.float()).abs().max().item()
        assert difference <= bound


@pytest.mark.parametrize("name", ["gpt2", "llama", "mistral", "bert"])
@pytest.mark.parametrize("error", [AttributeError, RuntimeError])
@pytest.mark.parametrize("padding", [0, 4])
def test_without_the_private_kernel(name, error, padding, monkeypatch):
    def refuse(*_, **__):
        raise error("not in this torch")

    model = getattr(tiny, name)()
    mask = [0] * padding + [1] * (N - padding)
    capture_it = partial(capture, model, tiny.TEXT, tokenizer=TOKENIZER, attention_mask=mask)
    expected = capture_it()
    monkeypatch.setattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", refuse)
    found = capture_it()
    assert found.max_error <= 1e-5
    for layer in range(found.n_layers()):
        torch.testing.assert_close(found.weights(layer), expected.weights(layer))


@pytest.mark.parametrize("name", ["gpt2", "llama", "mistral", "bert"])
@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("off", [0.0, 0.1])
def test_the_log_sum_exp_of_cudas_kernels_is_taken_if_it_is_right(name, padding, off, monkeypatch):
    """The kernels' place is taken on this CPU by what their documentation says of them."""
    asked = []

    def efficient(q, k, v, *, attn_bias, compute_log_sumexp, is_causal, scale):
        asked.append((compute_log_sumexp, q.shape[1] == k.shape[1], attn_bias is None or not is_causal))
        scores = q @ k.mT * scale
        scores = scores if attn_bias is None else scores + attn_bias
        if is_causal:
            scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -torch.inf)
        lse = torch.nn.functional.pad(scores.logsumexp(-1) + off, (0, 32 - scores.shape[2] % 32), value=torch.nan)
        return scores.softmax(-1).nan_to_num() @ v, lse, None, None

    model = getattr(tiny, name)()
    mask = [0] * padding + [1] * (N - padding)
    capture_it = partial(capture, model, tiny.TEXT, tokenizer=TOKENIZER, attention_mask=mask)
    expected = capture_it()
    monkeypatch.setattr(torch.ops.aten, "_scaled_dot_product_efficient_attention", efficient, raising=False)
    monkeypatch.setattr(attend, "_KERNELS", {"cpu": attend._fused})
    recompute = recorder.agrees
    verdicts = []
    monkeypatch.setattr(recorder, "agrees", lambda *args: verdicts.append(recompute(*args)) or verdicts[-1])
    found = capture_it()
    assert set(asked) == {(True, True, True)}
    assert set(verdicts) == {off == 0}
    for layer in range(found.n_layers()):
        torch.testing.assert_close(found.weights(layer), expected.weights(layer))


def test_heads_that_share_keys():
    trace = capture(tiny.llama(), tiny.TEXT, tokenizer=TOKENIZER)
    (q0, k0, v0), (q1, k1, v1), (_, k2, _) = (trace.qkv(0, head) for head in range(3))
    assert torch.equal(k0, k1)
    assert torch.equal(v0, v1)
    assert not torch.equal(q0, q1)
    assert not torch.equal(k0, k2)
    scores = q1 @ k1.T * q1.shape[-1] ** -0.5
    allowed = trace.allowed(0, 1)
    torch.testing.assert_close(trace.scores(0, 1)[allowed], scores[allowed])


def test_tokens():
    trace = capture(tiny.gpt2(), "Él is", tokenizer=TOKENIZER)
    assert trace.raw_tokens == ["<s>", "Ã", "ī", "l", "Ġ", "i", "s", "</s>"]
    assert trace.special == [True, *[False] * 6, True]
    assert trace.words == [0, 1, 1, 1, 2, 3, 3, 4]
    assert len(trace.tokens) == len(trace.words)
    assert capture(tiny.gpt2(), "<mask>", tokenizer=TOKENIZER).special == [True] * 3


class Slow:
    """The least that a slow tokenizer offers: no offsets, no backend."""

    is_fast = False
    all_special_ids = ()

    def __call__(self, text, *, return_offsets_mapping=False, **_):
        if return_offsets_mapping:
            raise NotImplementedError
        return {"input_ids": [tiny.ALPHABET.index(c) + 4 for c in text]}

    def convert_ids_to_tokens(self, ids):
        return [tiny.ALPHABET[number - 4] for number in ids]


def test_slow_tokenizer():
    trace = capture(tiny.gpt2(), "cat", tokenizer=Slow())
    assert trace.raw_tokens == ["c", "a", "t"]


def test_tokenizer_beside_the_model(tmp_path):
    model = tiny.gpt2()
    with pytest.raises(MissingTokenizerError, match="names no source; pass tokenizer="):
        capture(model, "cat")
    model.save_pretrained(tmp_path / "my-model")
    model = hf.GPT2Model.from_pretrained(tmp_path / "my-model")
    with pytest.raises(TypeError, match=r"on this machine for .*my-model'; pass tokenizer="):
        capture(model, "cat")
    tiny.bert().save_pretrained(tmp_path / "bert")
    with pytest.raises(MissingTokenizerError):  # transformers makes one that knows marks only
        capture(hf.BertModel.from_pretrained(tmp_path / "bert"), "cat")
    TOKENIZER.save_pretrained(tmp_path / "my-model")
    trace = capture(model, "cat")
    assert trace.raw_tokens == ["<s>", "c", "a", "t", "</s>"]
    assert trace.model_name == "my-model"
    assert capture(tiny.gpt2(), "cat", tokenizer=TOKENIZER).model_name == "GPT2Model"


@pytest.mark.parametrize("kind", ["gpt2", "bert", "roberta", "opt"])
def test_learned_positions_bound_the_text(kind):
    if kind == "opt":
        sizes = {k: v for k, v in tiny.SIZES.items() if k != "intermediate_size"}
        config = hf.OPTConfig(**tiny.IDS, **sizes, ffn_dim=64, word_embed_proj_dim=32)
        model = tiny.build(config)
    else:
        model = getattr(tiny, kind)()
    assert len(capture(model, "a" * 62, tokenizer=TOKENIZER).tokens) == 64
    with pytest.raises(TextTooLongError, match="has 65 tokens, but the model has 64 positions"):
        capture(model, "a" * 63, tokenizer=TOKENIZER)


def test_rotary_positions_do_not():
    trace = capture(tiny.llama(), "a" * 100, tokenizer=TOKENIZER)
    assert len(trace.tokens) == 102
    assert trace.max_error <= 1e-5


def test_empty_texts():
    for tokenizer in (TOKENIZER, tiny.tokenizer(), Slow()):
        with pytest.raises(EmptyTextError, match="gives no tokens"):
            capture(tiny.gpt2(), "", tokenizer=tokenizer)
    assert issubclass(EmptyTextError, CaptureError)
    with pytest.raises(CaptureError, match=r"a batch of 1 text, .*capture_batch"):
        capture(tiny.gpt2(), ["cat"], tokenizer=TOKENIZER)


def test_tokenizer_of_another_model():
    with pytest.raises(CaptureError, match=r"token 229 is outside .* vocabulary of 100; pass the"):
        capture(tiny.gpt2(vocab_size=100), "cat\u0143", tokenizer=TOKENIZER)


def test_wrong_attention_masks():
    model = tiny.gpt2()
    expected = r"each of the text's 5 tokens, shape \(5,\) or \(1, 5\), got shape \(3,\)"
    with pytest.raises(ValueError, match=expected):
        capture(model, "cat", tokenizer=TOKENIZER, attention_mask=[1, 1, 1])
    with pytest.raises(ValueError, match=r"1 .kept. and 0 .masked. only"):
        capture(model, "cat", tokenizer=TOKENIZER, attention_mask=[1, 1, 1, 2, 1])
    capture(model, "cat", tokenizer=TOKENIZER, attention_mask=[[1, 1, 1, 0, 1]])
    nothing = capture(model, "cat", tokenizer=TOKENIZER, attention_mask=torch.zeros(5).bool())
    assert (nothing.weights(0) == 0).all()


def config(kind, **options):
    return kind(vocab_size=tiny.VOCABULARY, bos_token_id=0, eos_token_id=1, **options)


def test_models_that_cannot_be_captured():
    mamba = config(hf.MambaConfig, hidden_size=16, num_hidden_layers=1, state_size=4)
    with pytest.raises(UnsupportedModelError, match="MambaModel has no attention"):
        capture(tiny.build(mamba), "cat", tokenizer=TOKENIZER)
    vit = hf.ViTConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    with pytest.raises(UnsupportedModelError, match="ViTModel reads pixel_values, not a text"):
        capture(tiny.build(vit), "cat", tokenizer=TOKENIZER)
    with pytest.raises(UnsupportedModelError, match="meta device and has no weights"):
        capture(tiny.gpt2().to("meta"), "cat", tokenizer=TOKENIZER)
    for wrong in ("gpt2", torch.nn.Linear(2, 2), None):
        with pytest.raises(TypeError, match="model must be a transformers model, got"):
            capture(wrong, "cat", tokenizer=TOKENIZER)


def test_progress():
    seen = []
    capture(tiny.gpt2(), "cat", tokenizer=TOKENIZER, on_layer=lambda *at: seen.append(at))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_text_or_tokenizer_that_cannot_be_is_named() -> None:
    model, tokenizer = load_model("demo/causal")
    with pytest.raises(CaptureError, match="half of a character"):
        capture(model, "a \ud83d b", tokenizer=tokenizer)
    with pytest.raises(TypeError, match="tokenizer must be"):
        capture(model, "a", tokenizer=3)


def test_a_model_that_takes_no_text_is_refused() -> None:
    config = hf.ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    _, tokenizer = load_model("demo/causal")
    with pytest.raises(UnsupportedModelError, match=r"not a text|no text"):
        capture(hf.ViTModel(config), "a", tokenizer=tokenizer)


def test_two_attentions_in_a_layer_are_refused() -> None:
    """Which of them, and in what mixture, makes the layer's weights only the model knows."""
    config = hf.DiffLlamaConfig(
        vocab_size=6144, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=16
    )
    _, tokenizer = load_model("demo/causal")
    with pytest.raises(UnsupportedModelError, match="4 attentions in 2 layers"):
        capture(hf.DiffLlamaModel(config), "a few words", tokenizer=tokenizer)


def test_the_trace_bears_the_name_that_the_model_was_loaded_by() -> None:
    model, tokenizer = load_model("demo/causal")
    assert capture(model, "a", tokenizer=tokenizer).model_name == "demo/causal"
