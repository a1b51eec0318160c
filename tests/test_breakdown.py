"""`trace.breakdown`: every step against the model's own modules, and what changes when something is changed."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf
from torch import nn

import tiny
from attnwidget import capture_module
from attnwidget.capture import capture
from attnwidget.trace import AttentionTrace
from zoo import PAIR, QKV, ZOO

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"
TOKENIZER = tiny.tokenizer(marks=True)
IDS = TOKENIZER(tiny.TEXT)["input_ids"]
TARGET_IDS = TOKENIZER("le chat")["input_ids"]
QUERY, HEAD = 5, 1

# The modules that project, by their authors' names.
PROJECTIONS = {
    "GPT-2": {"self": "h.{}.attn.c_proj"},
    "GPT-2 scaled by layer": {"self": "h.{}.attn.c_proj"},
    "GPT-NeoX": {"self": "layers.{}.attention.dense"},
    "Llama": {"self": "layers.{}.self_attn.o_proj"},
    "Qwen3": {"self": "layers.{}.self_attn.o_proj"},
    "Gemma-2": {"self": "layers.{}.self_attn.o_proj"},
    "gpt-oss": {"self": "layers.{}.self_attn.o_proj"},
    "DeepSeek-V3": {"self": "layers.{}.self_attn.o_proj"},
    "OLMo-2": {"self": "layers.{}.self_attn.o_proj"},
    "GPT-J": {"self": "h.{}.attn.out_proj"},
    "BLOOM": {"self": "h.{}.self_attention.dense"},
    "BERT": {"self": "encoder.layer.{}.attention.output.dense"},
    "DistilBERT": {"self": "transformer.layer.{}.attention.out_lin"},
    "ALBERT": {"self": "encoder.albert_layer_groups.0.albert_layers.0.attention.dense"},
    "ModernBERT": {"self": "layers.{}.attn.Wo"},
    "T5": {
        "encoder": "encoder.block.{}.layer.0.SelfAttention.o",
        "decoder": "decoder.block.{}.layer.0.SelfAttention.o",
        "cross": "decoder.block.{}.layer.1.EncDecAttention.o",
    },
    "BART": {
        "encoder": "encoder.layers.{}.self_attn.out_proj",
        "decoder": "decoder.layers.{}.self_attn.out_proj",
        "cross": "decoder.layers.{}.encoder_attn.out_proj",
    },
}


def inputs_of(kind, model):
    inputs = {"input_ids": torch.tensor([IDS])}
    if kind == PAIR:
        inputs["decoder_input_ids"] = torch.tensor([[model.config.decoder_start_token_id, *TARGET_IDS[:-1]]])
    return inputs


def hooked(name):
    """What the projections took and returned, and eager weights, by a model that attnwidget never saw."""
    kind, _, _, make = ZOO[name]
    model = make(attn_implementation="eager").base_model
    root = model.model if hasattr(model, "model") else model
    seen = {}
    for part, pattern in PROJECTIONS[name].items():
        for path in dict.fromkeys(pattern.format(layer) for layer in range(3)):
            try:
                module = root.get_submodule(path)
            except AttributeError:
                continue  # a part of fewer layers
            calls = seen.setdefault(part, [])
            module.register_forward_hook(lambda m, args, out, calls=calls: calls.append((m, args[0][0], out[0])))
    with torch.no_grad():
        outputs = model(**inputs_of(kind, model), output_attentions=True)
    weights = {part: outputs[f"{part}_attentions" if part != "self" else "attentions"] for part in seen}
    return seen, weights


@pytest.mark.parametrize("name", PROJECTIONS)
def test_every_step_is_the_models(name):
    kind, _, _, make = ZOO[name]
    trace = capture(make(), tiny.TEXT, tokenizer=TOKENIZER, **({"text_target": "le chat"} if kind == PAIR else {}))
    seen, weights = hooked(name)
    for part, calls in seen.items():
        assert len(calls) == trace.n_layers(part)
        for layer, (module, joined, returned) in enumerate(calls):
            b = trace.breakdown(layer, HEAD, QUERY, attention=part)
            close(b.products.sum(-1), b.dots)
            close(b.dots, b.keys @ b.query)
            close(b.scores[b.allowed], trace.scores(layer, HEAD, attention=part, queries=QUERY)[b.allowed])
            close(b.weights, weights[part][layer][0, HEAD, QUERY])
            close(b.weights.sum() + (b.sink or 0), torch.tensor(1.0))
            close(b.weighted_values.sum(0), b.head_output)
            close(b.head_outputs.flatten(), joined[QUERY])
            close(b.head_output, joined[QUERY].unflatten(0, (trace.n_heads(part), -1))[HEAD])
            matrix = module.weight.T if isinstance(module, nn.Linear) else module.weight
            close(b.output_weight, matrix.unflatten(0, (trace.n_heads(part), -1))[HEAD])
            close(b.contribution, b.head_output @ b.output_weight)
            close(b.attention_output, returned[QUERY])
            bias = 0 if module.bias is None else module.bias
            close(b.contributions.sum(0) + bias, returned[QUERY])
            assert b.max_difference <= 1e-5
            assert b.missing == ""
            assert b.output_name.endswith(PROJECTIONS[name][part].format(layer))


def close(mine, theirs):
    torch.testing.assert_close(mine.detach(), theirs.detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", [name for name, (_, what, *_) in ZOO.items() if what == QKV])
def test_the_projection_is_found(name):
    kind, _, _, make = ZOO[name]
    trace = capture(make(), tiny.TEXT, tokenizer=TOKENIZER, **({"text_target": "le chat"} if kind == PAIR else {}))
    for part in trace.attentions:
        for layer in range(trace.n_layers(part)):
            assert trace.breakdown(layer, HEAD, QUERY, attention=part).max_difference <= 1e-5


def test_what_some_models_add():
    def of(name, layer=0):
        return capture(ZOO[name][3](), tiny.TEXT, tokenizer=TOKENIZER).breakdown(layer, 3, 8)

    assert of("Llama").shared_by == (2, 3)
    assert of("Llama").key_head == 1
    assert of("GPT-2").shared_by == (3,)
    assert of("GPT-2").scale == pytest.approx(8**-0.5)
    assert of("GPT-2 scaled by layer", 1).scale == pytest.approx(8**-0.5 / 2)
    assert of("GPT-Neo").scale == 1
    capped = of("Gemma-2")
    assert capped.softcap == 2
    close(capped.capped, 2 * torch.tanh(capped.scaled / 2))
    assert of("gpt-oss").sink > 0
    biased = of("BLOOM")
    close(biased.scores[:9], (biased.scaled + biased.bias)[:9])
    assert not of("BLOOM").allowed[9:].any()
    assert of("Mistral").allowed.nonzero()[:, 0].tolist() == [4, 5, 6, 7, 8]


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs ../shared/reference")
@pytest.mark.parametrize("number", [0, 1])
def test_gpt2_as_others_recorded_it(number):
    recorded = np.load(REFERENCE / f"gpt2_attention_{number}.npz")
    dots, weights = torch.tensor(recorded["scores"]), torch.tensor(recorded["weights"])  # (12, 12, n, n)
    n = dots.shape[-1]
    unit = torch.eye(n).expand(12, 12, n, n)  # queries whose products with these keys are the recorded ones
    trace = AttentionTrace.from_qkv(unit, dots.mT, dots.mT, list("abcdef"), mask="causal", scale=1 / 8)
    for layer in range(12):
        for head in range(12):
            for query in range(n):
                b = trace.breakdown(layer, head, query)
                torch.testing.assert_close(b.dots, dots[layer, head, query])
                assert (b.scaled - dots[layer, head, query] / 8).abs().max() < 1e-5
                assert b.allowed.tolist() == [key <= query for key in range(n)]
                assert (b.weights - weights[layer, head, query]).abs().max() < 1e-6
    assert "W_O is not known" in b.missing
    assert b.output is b.contribution is b.max_difference is None


class LowRank(nn.Module):
    """A projection with an adapter around it, as LoRA makes them."""

    def __init__(self, base):
        super().__init__()
        self.base = base
        self.down, self.up = nn.Linear(32, 2, bias=False), nn.Linear(2, 32, bias=False)

    def forward(self, x):
        return self.base(x) + self.up(self.down(x))


class Gated(LowRank):
    def forward(self, x):
        return self.base(x * torch.sigmoid(self.up(self.down(x))))


class Parallel(LowRank):
    """An adapter with an activation: what it returns is no affine map of the heads, though a part of it is."""

    def forward(self, x):
        return self.base(x) + self.up(self.down(x).relu())


class Subclassed(nn.Linear):
    """A linear layer that does more than its own weight says."""

    def __init__(self, base):
        super().__init__(32, 32, bias=False)
        self.weight.data = base.weight.data
        self.more = nn.Parameter(1e-3 * torch.randn(32, 32))

    def forward(self, x):
        return super().forward(x) + x @ self.more


def llama_with(kind):
    model = tiny.llama()
    for layer in model.layers:
        layer.self_attn.o_proj = kind(layer.self_attn.o_proj)
    return model


def test_adapters_belong_to_the_projection():
    model = llama_with(LowRank)
    b = capture(model, tiny.TEXT, tokenizer=TOKENIZER).breakdown(1, 2, QUERY)
    adapter = model.layers[1].self_attn.o_proj
    whole = (adapter.base.weight + adapter.up.weight @ adapter.down.weight).T
    close(b.output_weight, whole[16:24])
    assert b.max_difference < 1e-5


def test_the_whole_module_is_taken():
    model = llama_with(Subclassed)
    b = capture(model, tiny.TEXT, tokenizer=TOKENIZER).breakdown(1, 2, QUERY)
    projection = model.layers[1].self_attn.o_proj
    close(b.output_weight, (projection.weight.T + projection.more)[16:24])


@pytest.mark.parametrize("kind", [Gated, Parallel])
def test_what_cannot_be_proven_ends_at_the_head(kind):
    b = capture(llama_with(kind), tiny.TEXT, tokenizer=TOKENIZER).breakdown(1, 2, QUERY)
    assert "layers.1.self_attn.o_proj takes the heads, but does not only project them" in b.missing
    assert b.output_weight is b.contributions is b.attention_output is None
    assert b.head_output.shape == (8,)
    assert "ends at the head" in repr(b)


def test_a_model_that_was_changed_proves_nothing():
    model = tiny.gpt2()
    trace = capture(model, tiny.TEXT, tokenizer=TOKENIZER)
    with torch.no_grad():
        model.h[0].attn.c_attn.weight.mul_(2)
    assert "none takes the heads as they are" in trace.breakdown(0, 0, 3).missing


def test_weights_that_change_afterwards():
    model = tiny.gpt2()
    trace = capture(model, tiny.TEXT, tokenizer=TOKENIZER)
    assert trace.breakdown(0, 0, 3).missing == ""
    with torch.no_grad():
        model.h[0].attn.c_proj.weight.mul_(2)  # as a training step does
    assert "have changed since" in trace.breakdown(0, 0, 3).missing
    assert trace.breakdown(1, 0, 3).missing == ""


@pytest.mark.parametrize("error", [RuntimeError, IndexError, AttributeError])
def test_a_model_that_fails_the_second_time(error):
    model = tiny.gpt2()
    trace = capture(model, tiny.TEXT, tokenizer=TOKENIZER)

    def fail(*_):
        raise error("out of memory")

    handle = model.h[1].mlp.register_forward_hook(fail)
    assert "the model could not be run again (out of memory)" in trace.breakdown(0, 0, 3).missing
    assert not any(module._forward_hooks for module in model.modules() if module is not model.h[1].mlp)
    handle.remove()
    trace.find_projections()  # by hand
    assert trace.breakdown(0, 0, 3).max_difference < 1e-5


def test_the_second_pass_can_be_stopped():
    def stop(*_):
        raise KeyError("stop")

    trace = capture(tiny.gpt2(), tiny.TEXT, tokenizer=TOKENIZER)
    with pytest.raises(KeyError):
        trace.find_projections(stop)
    assert trace.breakdown(0, 0, 3).max_difference < 1e-5


def test_a_hook_may_ask_for_a_breakdown():
    trace, asked = capture(tiny.gpt2(), tiny.TEXT, tokenizer=TOKENIZER), []
    trace.find_projections(lambda *_: asked.append(trace.breakdown(0, 0, 3).output))
    assert asked == [None] * 3


def test_layers_that_share_a_module_keep_their_own_output():
    make = ZOO["ALBERT"][3]
    model, returned = make(num_hidden_layers=24).bfloat16(), []
    trace = capture(model, tiny.TEXT, tokenizer=TOKENIZER)
    dense = model.get_submodule(PROJECTIONS["ALBERT"]["self"])
    handle = dense.register_forward_hook(lambda _m, _a, out: returned.append(out[0]))
    capture(model, tiny.TEXT, tokenizer=TOKENIZER)
    handle.remove()
    for layer in range(24):
        assert torch.equal(trace.breakdown(layer, 0, 4).attention_output, returned[layer][4].float())


def test_inside_autocast():
    trace = capture(tiny.gpt2(), tiny.TEXT, tokenizer=TOKENIZER)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        b = trace.breakdown(1, 0, 3)
        changed = b.what_if(temperature=2)
    assert b.max_difference < 1e-5
    assert b.contributions.dtype == changed.contributions.dtype == torch.float32
    close(changed.contribution, changed.head_output @ b.output_weight)


def test_mobile_bert_is_narrower_inside():
    sizes = {"hidden_size": 32, "true_hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    more = {"intermediate_size": 32, "embedding_size": 16, "intra_bottleneck_size": 16, "num_feedforward_networks": 1}
    model = tiny.build(hf.MobileBertConfig(**tiny.IDS, **sizes, **more))
    assert capture(model, tiny.TEXT, tokenizer=TOKENIZER).breakdown(1, 1, 4).max_difference < 1e-5


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*quantize", "ignore:.*torchao")
def test_a_quantised_projection_says_so():
    model = torch.ao.quantization.quantize_dynamic(tiny.llama(), {nn.Linear}, dtype=torch.qint8)
    b = capture(model, tiny.TEXT, tokenizer=TOKENIZER).breakdown(0, 0, 3)
    assert "o_proj takes the heads, but does not only project them" in b.missing


def test_copies_leave_the_model_behind(trace):
    trace.find_projections()
    for copied in (copy.deepcopy(trace), pickle.loads(pickle.dumps(trace))):
        close(copied.breakdown(0, 0, 3).head_output, trace.breakdown(0, 0, 3).head_output)
        close(copied.breakdown(0, 0, 3).output, trace.breakdown(0, 0, 3).output)
    fresh = capture(tiny.gpt2(), tiny.TEXT, tokenizer=TOKENIZER)
    assert "has no model" in copy.deepcopy(fresh).breakdown(0, 0, 3).missing


def test_the_model_is_as_before():
    model = tiny.bert().train()
    trace = capture(model, tiny.TEXT, tokenizer=TOKENIZER)
    trace.breakdown(0, 0, 1)
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_padding_that_sees_nothing():
    keep = torch.ones(len(IDS)).long()
    keep[:4] = 0
    trace = capture(tiny.llama(), tiny.TEXT, tokenizer=TOKENIZER, attention_mask=keep)
    assert trace.breakdown(0, 0, 9).max_difference < 1e-5
    blind = trace.breakdown(0, 0, 2)
    assert (blind.weights == 0).all()
    assert (blind.head_output == 0).all()
    assert not any(x.isnan().any() for x in (blind.exponentials, blind.head_output, blind.weighted_values))


@pytest.mark.parametrize("name", ["Llama", "BERT", "T5"])
def test_half_precision(name):
    kind, _, _, make = ZOO[name]
    options = {"text_target": "le chat"} if kind == PAIR else {}
    trace = capture(make().bfloat16(), tiny.TEXT, tokenizer=TOKENIZER, **options)
    b = trace.breakdown(0, 0, 3, attention=trace.attentions[-1])
    assert b.missing == ""
    assert b.head_output.dtype == torch.float32
    assert b.max_difference < 0.02 * b.attention_output.abs().max()


def test_plain_pytorch():
    torch.manual_seed(0)
    model = nn.Transformer(32, 4, 1, 2, 64, batch_first=True).eval()
    source, target = torch.randn(1, 5, 32), torch.randn(1, 4, 32)
    trace = capture_module(model, source, target)
    attention = model.decoder.layers[1].multihead_attn
    found = []
    attention.register_forward_hook(lambda _m, _a, out: found.append(out[0][0]))
    with torch.no_grad():
        model(source, target)
    b = trace.breakdown(1, 2, 3, attention="cross")
    close(b.attention_output, found[0][3])
    close(b.output_weight, attention.out_proj.weight.T[16:24])
    assert b.max_difference < 1e-5
    assert b.output_name == "decoder.layers.1.multihead_attn.out_proj"


@pytest.fixture(scope="module")
def trace():
    return capture(tiny.gpt2(), tiny.TEXT, tokenizer=TOKENIZER)


def test_positions_as_in_python(trace):
    one, other = trace.breakdown(-1, -1, -1), trace.breakdown(2, 3, len(trace.tokens) - 1)
    assert (one.layer, one.head, one.queries) == (other.layer, other.head, other.queries)
    close(one.output, other.output)
    for wrong in ((3, 0, 0), (0, 4, 0), (0, 0, 99)):
        with pytest.raises(IndexError):
            trace.breakdown(*wrong)
    for wrong in ((0, None, 1), (0, 0, None)):
        with pytest.raises(TypeError):
            trace.breakdown(*wrong)
    with pytest.raises(ValueError, match="at least one query"):
        trace.breakdown(0, 0, [])
    with pytest.raises(ValueError, match="combine must be one of"):
        trace.breakdown(0, 0, 1, combine="max")


def test_without_queries_keys_and_values():
    weights = torch.full((1, 2, 3, 3), 1 / 3)
    with pytest.raises(ValueError, match="made from attention weights"):
        AttentionTrace.from_attentions(weights, list("abc")).breakdown(0, 0, 1)
    model = tiny.gpt2()
    with pytest.raises(ValueError, match="values=False"):
        capture(model, tiny.TEXT, tokenizer=TOKENIZER, values=False).breakdown(0, 0, 1)
    part = capture(model, tiny.TEXT, tokenizer=TOKENIZER, layers=[1])
    with pytest.raises(ValueError, match="left out"):
        part.breakdown(0, 0, 1)
    assert part.breakdown(1, 0, 1).max_difference < 1e-5


def test_output_can_be_left_out():
    passes = []
    trace = capture(tiny.gpt2(), tiny.TEXT, tokenizer=TOKENIZER)
    assert trace.breakdown(0, 0, 1, output=False).output is None
    assert not trace.knows_projections
    size = trace.nbytes
    trace.find_projections(lambda done, total: passes.append((done, total)))
    assert passes == [(1, 3), (2, 3), (3, 3)]
    assert trace.knows_projections
    assert trace.nbytes == size + 3 * 4 * (len(trace.tokens) * 32 + 32 * 32 + 32)  # outputs, W_O and bias
    trace.breakdown(0, 0, 1)
    assert len(passes) == 3


def test_a_saved_trace_ends_at_the_head(trace, tmp_path):
    trace.save(tmp_path / "a.trace")
    b = AttentionTrace.load(tmp_path / "a.trace").breakdown(0, 0, 4)
    close(b.head_output, trace.breakdown(0, 0, 4).head_output)
    assert "read from a file" in b.missing


@pytest.mark.parametrize("combine", ["mean", "sum"])
def test_several_queries(trace, combine):
    queries = [3, 7]
    b = trace.breakdown(1, 2, queries, combine=combine)
    rows = [trace.breakdown(1, 2, query) for query in queries]
    count = 2 if combine == "mean" else 1
    for name in ("query", "weights", "weighted_values", "head_output", "contribution", "attention_output", "output"):
        close(getattr(b, name), sum(getattr(row, name) for row in rows) / count)
    assert b.max_difference < 1e-5
    close(b.dots[:4], (rows[0].dots + rows[1].dots)[:4] / count)
    close(b.dots[4:8], rows[1].dots[4:8])  # only one of them may see these
    close(b.dots[8:], (rows[0].dots + rows[1].dots)[8:] / count)  # and none these
    assert b.allowed.tolist() == rows[1].allowed.tolist()
    assert (b.scores[8:] == -torch.inf).all()
    assert b.exponentials is b.maximum is b.total is None
    assert [part.queries for part in b.parts] == [(3,), (7,)]
    hotter = b.what_if(temperature=2)
    close(hotter.weights, sum(row.what_if(temperature=2).weights for row in rows) / count)


def test_what_if(trace):
    b = trace.breakdown(1, 2, 7)
    seen = slice(0, 8)
    dots = b.dots[seen]
    close(b.what_if().weights, b.weights)
    close(b.what_if(scaled=False).weights[seen], dots.softmax(-1))
    close(b.what_if(temperature=3).weights[seen], (dots * b.scale / 3).softmax(-1))
    edited = (dots * b.scale).index_fill(0, torch.tensor(2), 5.0)
    close(b.what_if(scores={2: 5.0}).weights[seen], edited.softmax(-1))
    hidden = b.what_if(masked=[2])
    close(hidden.weights[seen], (dots * b.scale).index_fill(0, torch.tensor(2), -torch.inf).softmax(-1))
    assert hidden.removed == pytest.approx(float(b.weights[2]))
    without = b.what_if(removed=[0])
    close(without.weights[1:], b.weights[1:] / (1 - b.weights[0]))
    assert without.weights[0] == 0
    close(without.weights[1:], (without.grown * without.exponentials / without.total)[1:])
    assert without.removed == pytest.approx(float(b.weights[0]))
    assert b.what_if(temperature=5, removed=[7]).removed == pytest.approx(float(b.what_if(temperature=5).weights[7]))
    assert b.what_if(removed=np.array([0])).weights[0] == b.what_if(removed=(key for key in [0])).weights[0] == 0
    assert b.what_if(masked=[-len(b.keys)]).weights[0] == 0  # counted from the end, as everywhere
    twice = b.what_if(masked=[2], scaled=False).what_if(temperature=3)
    close(twice.weights, b.what_if(temperature=3).weights)  # it starts from the model's own


def test_what_if_reaches_the_output(trace):
    b = trace.breakdown(1, 2, 7)
    changed = b.what_if(masked=[0, 3], temperature=0.5)
    close(changed.head_output, changed.weights @ b.values)
    close(changed.output - b.output, (changed.head_output - b.head_output) @ b.output_weight)
    close(changed.contributions[:2], b.contributions[:2])
    close(changed.attention_output, b.attention_output)
    close(changed.head_outputs[2], changed.head_output)


def test_what_if_with_a_sink():
    b = capture(ZOO["gpt-oss"][3](), tiny.TEXT, tokenizer=TOKENIZER).breakdown(1, 2, 7)
    close(b.what_if(removed=[0]).weights.sum(), b.weights.sum())
    hidden = b.what_if(masked=list(range(8)))
    assert hidden.sink == 1
    assert (hidden.weights == 0).all()
    hot = b.what_if(temperature=1e6)
    close(hot.weights[:8], torch.full((8,), 1 / 9))


def test_what_if_refuses(trace):
    b = trace.breakdown(0, 0, 3)
    for wrong in ({"masked": [99]}, {"scores": {25: 0.0}}, {"removed": [-26]}):
        with pytest.raises(IndexError, match="does not exist"):
            b.what_if(**wrong)
    cold = [{"temperature": heat} for heat in (0, float("nan"), 1e-320, "2", None)]
    large = [{"scores": {1: score}} for score in (float("inf"), 1e39, 10**400, None)]
    for wrong in (*cold, *large):
        with pytest.raises(ValueError, match="must be"):
            b.what_if(**wrong)
    with pytest.raises(ValueError, match="key 9 is hidden by the mask"):
        b.what_if(scores={9: 5.0})
    for wrong in ({"scaled": "false"}, {"masked": "12"}, {"masked": [1.7]}, {"scores": [[1, 2]]}, {"removed": 3}):
        with pytest.raises(TypeError):
            b.what_if(**wrong)


def test_everything_hidden(trace):
    nothing = trace.breakdown(0, 0, 3).what_if(masked=range(4))
    assert (nothing.weights == 0).all()
    assert (nothing.head_output == 0).all()
