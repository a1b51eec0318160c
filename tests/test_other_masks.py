"""Other masks on a trace: each head alone against a breakdown's what-if, the whole model against `capture`."""

import copy
import pickle

import numpy as np
import pytest
import torch
import transformers as hf

import tiny
import zoo
from attnwidget import AttentionTrace, capture, load_model, masks
from attnwidget.trace.masked import ALONE

TEXT = "The cat sat."
MODELS = {
    "gpt2": lambda: tiny.gpt2(hf.GPT2LMHeadModel),
    "llama": lambda: tiny.llama(hf.LlamaForCausalLM),
    "bert": lambda: tiny.bert(hf.BertForMaskedLM),
    "t5": tiny.t5_encoder,
    "gemma2": tiny.gemma2,  # soft cap, and a window in every second layer
    "gpt_oss": tiny.gpt_oss,  # sinks
}
SPECS = ["none", "window:3", "causal+padding-left:2", "bigbird:1,1,1"]


def traced(kind, **options):
    return capture(MODELS[kind](), TEXT, tokenizer=tiny.tokenizer(), **options)


def painted(n):
    return torch.rand(n, n, generator=torch.Generator().manual_seed(1)) > 0.5


def assert_same(one, other):
    for layer in range(other.n_layers()):
        torch.testing.assert_close(one.weights(layer), other.weights(layer), rtol=0, atol=1e-6)
        assert torch.equal(one.allowed(layer), other.allowed(layer))


# -- the whole model ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("spec", [*SPECS, "painted"])
def test_the_model_under_a_mask_is_a_capture_with_it(kind, spec):
    model, tokenizer = MODELS[kind](), tiny.tokenizer()
    before = copy.deepcopy(model.state_dict()), model.config.to_dict(), model.training
    trace = capture(model, TEXT, tokenizer=tokenizer)
    n = len(trace.tokens)
    mask = painted(n) if spec == "painted" else masks.preset(spec, n)
    found = trace.run_with_mask(mask if spec == "painted" else spec)
    expected = capture(model, TEXT, tokenizer=tokenizer, attention_mask=mask)
    assert_same(found, expected)
    assert found.max_error < 1e-5
    assert found.predictions.predicts == trace.predictions.predicts
    if trace.predictions.predicts:
        assert found.next_tokens(n - 1) == expected.next_tokens(n - 1)
    assert found.put_mask == ("painted" if spec == "painted" else masks.brief(spec))
    assert all(torch.equal(one, before[0][name]) for name, one in model.state_dict().items())
    assert (model.config.to_dict(), model.training) == before[1:]


def test_the_models_own_mask_changes_nothing():
    trace = traced("llama")
    found = trace.run_with_mask("causal")
    assert_same(found, trace)
    assert found.next_tokens(3) == trace.next_tokens(3)


def test_tokens_stand_where_they_stood_before():
    """OPT counts real tokens by the mask: of pairs it could not, and without care every position would be another."""
    sizes = {"hidden_size": 32, "ffn_dim": 64, "word_embed_proj_dim": 32, "max_position_embeddings": 64}
    config = hf.OPTConfig(**tiny.IDS, **sizes, num_hidden_layers=3, num_attention_heads=4)
    model = tiny.build(config)
    keep = [0, 0] + [1] * (len(TEXT) - 2)
    trace = capture(model, TEXT, tokenizer=tiny.tokenizer(), attention_mask=keep)
    found = trace.run_with_mask("causal+padding-left:2")
    for layer in range(3):
        torch.testing.assert_close(found.weights(layer)[:, 2:], trace.weights(layer)[:, 2:], rtol=0, atol=1e-6)


def test_a_row_that_sees_nothing_takes_all_values_in_equal_parts():
    model = tiny.gpt2(hf.GPT2LMHeadModel)
    trace = capture(model, TEXT, tokenizer=tiny.tokenizer()).run_with_mask("causal+padding-left:2")
    seen = []
    handle = model.transformer.h[0].attn.c_proj.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    mask = torch.zeros(1, 1, len(TEXT), len(TEXT)).masked_fill(
        ~masks.preset("causal+padding-left:2", len(TEXT)), torch.finfo(torch.float32).min
    )
    with torch.no_grad():
        model(torch.tensor([trace.ids]), attention_mask=mask)
    handle.remove()
    mean = trace.layer(0).v.mean(1).flatten()  # (heads · d_v,)
    torch.testing.assert_close(seen[0][0, 0], mean, rtol=0, atol=1e-6)
    assert trace.blind_rows(0) == [0, 1]
    assert not trace.weights(0)[:, :2].any()
    said = masks.explain("causal+padding-left:2", len(TEXT), in_model=True)
    assert masks.BLIND_IN_MODELS in said
    assert "takes all values in equal parts" in said
    assert masks.BLIND in masks.explain("causal+padding-left:2", len(TEXT))


def test_what_is_put_on_is_run_again_too():
    """Effects and loss of a run under a mask are that run's."""
    model, tokenizer = MODELS["gpt2"](), tiny.tokenizer()
    found = capture(model, TEXT, tokenizer=tokenizer).run_with_mask("window:2")
    expected = capture(model, TEXT, tokenizer=tokenizer, attention_mask=masks.preset("window:2", len(TEXT)))
    torch.testing.assert_close(
        found.effects(kind="ablate").grid(), expected.effects(kind="ablate").grid(), rtol=0, atol=1e-5
    )
    torch.testing.assert_close(found.decompose().heads, expected.decompose().heads, rtol=0, atol=1e-5)


# They take a mask of tokens alone, or put their own on top.
TAKE_NONE = {"GPT-Neo", "BLOOM", "Falcon with ALiBi", "DeBERTa-v2", "XLNet"}


@pytest.mark.parametrize("name", zoo.ZOO)
def test_every_architecture_is_run_with_it_or_says_why_not(name):
    model = zoo.ZOO[name][3]()
    is_of_two = model.config.is_encoder_decoder
    trace = capture(model, TEXT, tokenizer=tiny.tokenizer(), text_target="So." if is_of_two else None)
    if is_of_two or name in TAKE_NONE:
        with pytest.raises(ValueError, match="takes no mask of pairs"):
            trace.run_with_mask("around:2")
        return
    mask = masks.preset("around:2", len(TEXT))
    expected = capture(model, TEXT, tokenizer=tiny.tokenizer(), attention_mask=mask)
    assert_same(trace.run_with_mask("around:2"), expected)


class Deaf(hf.GPT2LMHeadModel):
    """Does not listen to its mask."""

    def forward(self, input_ids=None, **options):
        """Leave the mask out."""
        options.pop("attention_mask", None)
        return super().forward(input_ids=input_ids, **options)


def test_a_model_that_takes_no_mask_says_so():
    trace = capture(tiny.gpt2(Deaf), TEXT, tokenizer=tiny.tokenizer())
    with pytest.raises(ValueError, match="Deaf takes no mask of pairs"):
        trace.run_with_mask("window:2")


def test_an_encoder_decoder_is_refused_with_a_reason():
    model, tokenizer = load_model("demo/fr-en")
    trace = capture(model, "Le chat noir dort", tokenizer=tokenizer)
    with pytest.raises(ValueError, match="an encoder–decoder takes no mask of pairs"):
        trace.run_with_mask("window:2")
    with pytest.raises(ValueError, match="attention must be one of"):
        trace.with_mask("window:2")
    n, m = (len(side.text) for side in trace.sides("cross"))
    found = trace.with_mask("window:2", attention="cross")
    assert torch.equal(found.allowed(0, 0, attention="cross"), masks.preset("window:2", n, m))
    assert torch.equal(found.weights(1, attention="decoder"), trace.weights(1, attention="decoder"))
    assert found.breakdown(0, 0, 1, attention="cross").contribution is not None


def test_a_pass_can_be_stopped():
    class Enough(Exception):  # noqa: N818
        pass

    def stop(done, _total):
        if done == 2:
            raise Enough

    with pytest.raises(Enough):
        traced("gpt2").run_with_mask("window:2", stop)


# -- each head alone ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gpt2", "llama", "bert", "gemma2", "gpt_oss"])
def test_a_head_alone_is_the_breakdowns_what_if(kind):
    trace = traced(kind)
    n = len(trace.tokens)
    own = trace.allowed(1, 2)
    mask = painted(n) & own
    found = trace.with_mask(mask)
    for query in range(n):
        hidden = [key for key in range(n) if own[query, key] and not mask[query, key]]
        changed = trace.breakdown(1, 2, query).what_if(masked=hidden)
        ours = found.breakdown(1, 2, query)
        torch.testing.assert_close(found.weights(1, 2, queries=query), changed.weights, rtol=0, atol=1e-6)
        torch.testing.assert_close(ours.head_output, changed.head_output, rtol=0, atol=1e-6)
        torch.testing.assert_close(ours.contribution, changed.contribution, rtol=0, atol=1e-5)
        assert ours.max_difference is None  # what the model made is of its own mask


@pytest.mark.parametrize("spec", SPECS)
def test_a_head_alone_is_a_softmax_of_its_own_scores(spec):
    trace = traced("bert")
    n = len(trace.tokens)
    allowed = masks.preset(spec, n)
    scores = trace.scores(2, 1).double().masked_fill(~allowed, -torch.inf)
    expected = scores.softmax(-1).nan_to_num(0)
    found = trace.with_mask(spec)
    torch.testing.assert_close(found.weights(2, 1).double(), expected, rtol=0, atol=1e-6)
    some = found.weights(2, [1, 3], queries=[0, 4], keys=slice(1, 5))[0]  # a tile, whose rows' sums are of all keys
    torch.testing.assert_close(some.double(), expected[[0, 4], 1:5], rtol=0, atol=1e-6)
    assert torch.equal(found.measure("scores", 2, 1) == -torch.inf, ~allowed)


@pytest.mark.parametrize("kind", MODELS)
def test_in_the_first_layer_both_ways_are_one(kind):
    """Its queries and keys come before any mask."""
    trace = traced(kind)
    one, other = trace.with_mask("around:2"), trace.run_with_mask("around:2")
    torch.testing.assert_close(one.weights(0), other.weights(0), rtol=0, atol=1e-6)
    assert (one.weights(2) - other.weights(2)).abs().max() > 1e-4


def test_pairs_that_the_model_forbids_may_attend():
    trace = traced("gpt2")
    found = trace.with_mask("none")
    q, k, _ = trace.qkv(1, 0)
    torch.testing.assert_close(found.weights(1, 0), (q @ k.T / 8**0.5).softmax(-1), rtol=0, atol=1e-6)
    assert found.weights(1, 0, queries=0, keys=5) > 0


@pytest.mark.parametrize("kind", ["gpt2", "gemma2"])
def test_some_heads_have_another_mask_and_the_rest_their_own(kind):
    trace = traced(kind)
    found, every = trace.with_mask("window:2", ["L1-H2", (0, 1)]), trace.with_mask("window:2")
    for layer in range(3):
        for head in range(4):
            is_chosen = (layer, head) in {(1, 2), (0, 1)}
            source = every if is_chosen else trace
            torch.testing.assert_close(found.weights(layer, head), source.weights(layer, head), rtol=0, atol=1e-6)
    assert torch.equal(trace.allowed(1, 2), traced(kind).allowed(1, 2))
    whole = trace.with_mask("window:2", [(1, head) for head in range(4)])
    assert whole.layer(1).mask.dense is None  # a rule again


def test_heads_that_are_not_there_are_refused():
    trace = traced("gpt2")
    with pytest.raises(ValueError, match="there is no head L3-H0: this attention has L0-H0 to L2-H3"):
        trace.with_mask("window:2", ["L3-H0"])
    with pytest.raises(ValueError, match="at least one is needed"):
        trace.with_mask("window:2", [])


def test_what_takes_a_pass_is_refused_with_a_reason():
    found = traced("gpt2").with_mask("window:3")
    for ask in (
        lambda: found.next_tokens(1),
        found.effects,
        lambda: found.measure("gradients", 1),
        lambda: found.run_with_mask("none"),
    ):
        with pytest.raises(ValueError, match="each head is by itself under another mask"):
            ask()
    assert found.lacks("block_norms") == ALONE
    norms = found.weights(1) * found.value_norms(1)[:, None]
    torch.testing.assert_close(found.measure("norms", 1).masked_fill(~found.allowed(1), 0), norms, rtol=0, atol=1e-6)
    assert found.max_error is None


def test_a_trace_without_scores_or_a_model_says_what_it_lacks(tmp_path):
    weights = AttentionTrace.from_attentions([torch.full((2, 3, 3), 1 / 3)], ["a", "b", "c"])
    with pytest.raises(ValueError, match="no other mask can be put here: this trace has no scores"):
        weights.with_mask("window:2")
    trace = traced("llama")
    trace.save(tmp_path / "a.safetensors")
    loaded = AttentionTrace.load(tmp_path / "a.safetensors")
    assert_same(loaded.with_mask("window:2"), trace.with_mask("window:2"))
    with pytest.raises(ValueError, match="the model cannot be run with another mask: the model cannot be run again"):
        loaded.run_with_mask("window:2")


def test_it_is_saved_and_copied_under_its_mask(tmp_path):
    found = traced("llama").with_mask(painted(len(TEXT)))
    found.save(tmp_path / "a.safetensors")
    assert_same(AttentionTrace.load(tmp_path / "a.safetensors"), found)
    assert_same(pickle.loads(pickle.dumps(found)), found)


def test_why_a_pair_is_hidden_names_the_mask():
    trace = traced("bert")
    one, other = trace.tokens[1], trace.tokens[3]
    assert (
        trace.with_mask("causal").why_forbidden([1], [3]) == f"the mask put here (causal) hides “{other}” from “{one}”"
    )
    assert trace.run_with_mask("window:2").why_forbidden([9], [3]).startswith("the mask put here (window of 2) hides")
    assert "reads from left to right" in traced("gpt2").why_forbidden([1], [3])


# -- what may be written for a mask ---------------------------------------------------------------------------------


def test_a_matrix_is_read_from_whatever_holds_it():
    wanted = torch.tensor([[True, False], [True, True]])
    for one in (wanted, wanted.int(), wanted.numpy(), [[1, 0], [1, 1]], [[True, False], [True, True]]):
        assert torch.equal(masks.read(one, 2), wanted)
        assert masks.plain(one) == [[1, 0], [1, 1]]
    assert torch.equal(masks.read("causal", 2), wanted)


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        ([[1, 0]], ValueError, r"\(queries, keys\) \(2, 2\), as there are tokens; got \(1, 2\)"),
        ([[1, 2], [0, 1]], ValueError, "matrix .* of True and False, got torch.int64"),
        (np.zeros((2, 2)), ValueError, "of True and False, got torch.float64"),
        ([[1, 0], [1]], ValueError, "expected a name such as 'window:4', or a matrix"),
        ([], ValueError, "a matrix"),
        (None, TypeError, "expected a name such as 'window:4', or a matrix"),
        (4, TypeError, "got 4"),
        ("window", ValueError, "expected window:tokens with whole numbers"),
        ("left", ValueError, "expected one of none, causal, padding-left:tokens"),
    ],
)
def test_what_is_no_mask_is_told_with_what_there_is(bad, error, words):
    with pytest.raises(error, match=words):
        masks.read(bad, 2)


def test_names_have_one_spelling_and_a_few_words():
    assert masks.plain(" causal + padding-left: 2") == "causal+padding-left:2"
    assert masks.plain("bigbird:2,2,1,0") == "bigbird:2,2,1"
    assert masks.plain("bigbird:2,2,1,7") == "bigbird:2,2,1,7"
    assert masks.brief("causal+padding-left:2") == "causal, padding of 2 on the left"
    assert masks.brief([[1]]) == "painted"
    assert [masks.brief(one.example) for one in masks.PRESETS][3:6] == [
        "padding of 2 on the right",
        "window of 4",
        "2 on either side",
    ]
    assert masks.explain([[1, 0], [0, 0]], 2) == (
        f"Of 4 pairs 1 may attend. Blind: row 1 of 2, counted from 0. {masks.BLIND}"
    )


def test_what_is_too_large_is_refused():
    with pytest.raises(ValueError, match="too large to be made: up to 8,192 × 8,192"):
        masks.preset("window:4", 9000)
    with pytest.raises(ValueError, match="too large to be written out"):
        masks.plain(torch.ones(300, 300, dtype=torch.bool))
