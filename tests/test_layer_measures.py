"""Measures of a layer, of the way down and of the gradient, against brute force on the models' own modules."""

import copy
import pickle
import re

import networkx as nx
import pytest
import torch
import transformers as hf

import attnwidget as aw
import tiny
from attnwidget import measures
from attnwidget.capture import capture
from attnwidget.trace import AttentionTrace
from zoo import ZOO

TOKENIZER = tiny.tokenizer(marks=True)
TEXT = "The cat sat."
IDS = torch.tensor([TOKENIZER(TEXT)["input_ids"]])
N = IDS.shape[1]
LAYER = 1
GPT2, BERT, LLAMA = "GPT-2", "BERT", "Llama"
MAKE = {
    GPT2: lambda **options: tiny.gpt2(hf.GPT2LMHeadModel, **options),
    BERT: lambda **options: tiny.bert(hf.BertForMaskedLM, **options),
    LLAMA: lambda **options: tiny.llama(hf.LlamaForCausalLM, **options),
}
# of a layer: its block, what makes its values, and its output projection
PARTS = {
    GPT2: ("transformer.h.{}", "attn.c_attn", "attn.c_proj"),
    BERT: ("bert.encoder.layer.{}", "attention.self.value", "attention.output.dense"),
    LLAMA: ("model.layers.{}", "self_attn.v_proj", "self_attn.o_proj"),
}


def close(mine, theirs, within=2e-5):
    torch.testing.assert_close(mine.double(), theirs.double(), rtol=1e-4, atol=within)


def captured(name, **options):
    return capture(MAKE[name](), TEXT, tokenizer=TOKENIZER, **options)


def eager(name):
    """The model with its own eager attention; attnwidget has no part in it."""
    return MAKE[name](attn_implementation="eager")


def first(returned):
    return returned if isinstance(returned, torch.Tensor) else returned[0]


def watched(name, layer=LAYER):
    """A layer's weights, values by query head, W_O by head, and the vectors into and out of its block."""
    model, (block, value, projection) = eager(name), PARTS[name]
    block = model.get_submodule(block.format(layer))
    seen = {}
    block.register_forward_hook(
        lambda _, args, kwargs, out: seen.update({"x": [*args, *kwargs.values()][0], "y": first(out)}), with_kwargs=True
    )
    block.get_submodule(value).register_forward_hook(lambda _, __, out: seen.update(v=out))
    block.get_submodule(projection).register_forward_hook(lambda _, __, out: seen.update(written=out))
    with torch.no_grad():
        weights = model(IDS, output_attentions=True).attentions[layer][0]  # (heads, n, n)
    values = seen["v"].chunk(3, -1)[2] if name == GPT2 else seen["v"]
    values = values[0].unflatten(-1, (-1, 8)).transpose(0, 1)  # (value heads, n, d_v)
    values = values.repeat_interleave(len(weights) // len(values), 0)
    matrix = block.get_submodule(projection).weight
    matrix = (matrix if name == GPT2 else matrix.T).unflatten(0, (len(weights), -1))  # (heads, d_v, d_model)
    seen = {key: one[0].double() for key, one in seen.items()}
    return block, weights.double().detach(), values.double().detach(), matrix.double().detach(), seen


def transformed(name, i, j):
    """What token j gives token i's vector after attention, and that vector, by loops over the heads."""
    block, weights, values, matrix, seen = watched(name)
    vector = sum(weights[h, i, j] * (values[h, j] @ matrix[h]) for h in range(len(weights)))
    if i == j:
        vector = vector + seen["x"][i]
    total = seen["x"][i] + seen["written"][i]
    if name != BERT:
        return vector, total
    norm = block.attention.output.LayerNorm
    deviation = (total.var(unbiased=False) + norm.eps).sqrt()
    part = (vector - vector.mean()) / deviation * norm.weight.double()
    whole = (total - total.mean()) / deviation * norm.weight.double() + norm.bias.double()
    return part.detach(), whole.detach()


PAIRS = [(0, 0), (5, 2), (7, 7), (N - 1, 0), (N - 1, N - 2)]


@pytest.mark.parametrize("name", MAKE)
def test_norms_with_residual_and_norm_are_those_of_the_written_out_vectors(name):
    found = captured(name).measure("block_norms", LAYER)
    assert all(torch.equal(found[0], one) for one in found)
    for i, j in PAIRS:
        close(found[0, i, j], transformed(name, i, j)[0].norm())


@pytest.mark.parametrize("name", MAKE)
def test_alti_by_explicit_vectors(name):
    found = captured(name).measure("alti", LAYER, 0)
    for i in (0, 6, N - 1):
        keys = range(i + 1) if name != BERT else range(N)
        row = []
        for j in keys:
            part, whole = transformed(name, i, j)
            row.append(max(0.0, float(whole.abs().sum() - (whole - part).abs().sum())))
        close(found[i, : len(row)], torch.tensor(row) / sum(row))
        assert (found[i, len(row) :] == -torch.inf).all()
        close(found[i, : len(row)].sum(), torch.tensor(1.0))
    part = captured(name).measure("alti", LAYER, 0, queries=[N - 1, 3], keys=[2, 0])
    close(part, found[[N - 1, 3]][:, [2, 0]])  # a row is divided by its sum over all keys, whatever is asked for


def test_the_parts_and_the_biases_add_up_to_the_vector_after_attention():
    trace = captured(BERT)
    trace.measure("alti", LAYER)
    block, region = trace._second.block(trace, "self", LAYER), None
    region, _ = trace._region(measures.get("alti"), LAYER, None, None)
    whole = torch.zeros_like(block.summed)
    given = region.weights(), region.values(), region.output_weight(), region.queries, region.keys
    for rows, _, vectors in block.parts(*given):
        whole[rows] += vectors.sum(1)
    model = MAKE[BERT]()
    output = model.bert.encoder.layer[LAYER].attention.output
    bias = block.norm(output.dense.bias.detach().expand_as(whole), region.queries) + output.LayerNorm.bias
    close(whole + bias.detach(), block.summed)


@pytest.mark.parametrize("name", MAKE)
def test_value_zeroing_by_a_hook_that_zeroes_a_value(name):
    model, (block, value, _) = eager(name), PARTS[name]
    block = model.get_submodule(block.format(LAYER))
    outputs, zeroed = [], []

    def zero(_, __, out):
        out = out.clone()
        for j in zeroed:
            (out.chunk(3, -1)[2] if name == GPT2 else out)[:, j] = 0
        return out

    block.get_submodule(value).register_forward_hook(zero)
    block.register_forward_hook(lambda _, __, out: outputs.append(first(out)[0].double()))
    with torch.no_grad():
        model(IDS)
        for j in range(N):
            zeroed[:] = [j]
            model(IDS)
    plain, *others = outputs
    expected = torch.stack([1 - torch.cosine_similarity(plain, other, dim=-1) for other in others], 1)  # (n, n)
    trace = captured(name)
    found = trace.measure("value_zeroing", LAYER)
    seen = trace.allowed(LAYER, 0)
    close(found[0][seen], expected[seen], within=1e-6)
    assert expected[seen].max() > 1e-3
    assert (found[0][~seen] == -torch.inf).all()
    part = captured(name).measure("value_zeroing", LAYER, [3, 1], queries=[N - 1, 4], keys=slice(1, 4))
    close(part, found[[3, 1]][:, [N - 1, 4], 1:4], within=1e-6)


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("target", [None, "loss", ("a", "b")])
def test_gradient_times_weight_is_that_of_autograd_on_eager_attention(name, target):
    if target == "loss" and name == BERT:
        target = aw.Target.loss([2, 3, 5])
    trace = captured(name)
    trace.target = target
    model = eager(name)
    outputs = model(IDS, output_attentions=True)
    logprobs = outputs.logits[0].log_softmax(-1)  # (n, vocabulary)
    at = N - 1 if name != BERT else N - 2  # the last word piece
    if target is None:
        number = logprobs[at].max()
    elif target == "loss":
        number = -logprobs[:-1].gather(1, IDS[0, 1:, None]).mean()
    elif isinstance(target, tuple):
        one, other = TOKENIZER.convert_tokens_to_ids(list(target))
        number = logprobs[at, one] - logprobs[at, other]
    else:
        number = -logprobs[[2, 3, 5]].gather(1, IDS[0, [2, 3, 5], None]).mean()
    gradients = torch.autograd.grad(number, outputs.attentions)
    for layer, (gradient, weights) in enumerate(zip(gradients, outputs.attentions, strict=True)):
        expected = (gradient * weights).clamp(min=0)[0].detach()
        found = trace.measure("gradients", layer)
        seen = trace.allowed(layer)
        close(found[seen], expected[seen], within=1e-6)
        assert (found[~seen] == -torch.inf).all()
        assert expected.max() > 1e-4


@pytest.mark.parametrize("name", MAKE)
def test_rollout_by_a_loop(name):
    with torch.no_grad():
        attentions = eager(name)(IDS, output_attentions=True).attentions
    trace, expected = captured(name), torch.eye(N)
    for layer, weights in enumerate(attentions):
        rolled = torch.zeros(N, N)
        for i in range(N):
            for k in range(N):
                share = 0.5 * weights[0, :, i, k].mean() + (0.5 if i == k else 0.0)
                rolled[i] += share * expected[k]
        expected = rolled
        seen = trace.allowed(layer)
        found = trace.measure("rollout", layer)
        close(found[seen], expected.expand_as(found)[seen])
        close(found[0].clamp(min=0).sum(-1), torch.ones(N))


@pytest.mark.parametrize("name", MAKE)
def test_flow_is_the_maximum_flow_of_networkx(name):
    with torch.no_grad():
        attentions = eager(name)(IDS, output_attentions=True).attentions
    trace = captured(name)
    graph = nx.DiGraph()
    for layer, weights in enumerate(attentions):
        mixed = 0.5 * weights[0].double().mean(0) + 0.5 * torch.eye(N)
        for i, k in mixed.nonzero().tolist():
            graph.add_edge((layer + 1, i), (layer, k), capacity=float(mixed[i, k]))
        found = trace.measure("flow", layer, 0)
        for i, j in [(0, 0), (4, 1), (7, 7), (N - 1, 0), (N - 1, 5)]:
            close(found[i, j], torch.tensor(nx.maximum_flow_value(graph, (layer + 1, i), (0, j))))


def test_ways_through_a_window_reach_beyond_it():
    trace = capture(tiny.mistral(), "The cat sat on", tokenizer=tiny.tokenizer())
    n = len(trace.tokens)
    for name in ("rollout", "flow"):
        found = trace.measure(name, 2, 0)
        near, far = (found.diagonal(-offset) for offset in (4, 5))
        assert (trace.weights(2, 0).diagonal(-5) == 0).all()
        assert (near > 0).all()
        assert (far > 0).all()  # by way of a token between
        assert (found[torch.ones(n, n).triu(1).bool()] == -torch.inf).all()
    assert trace.measure("rollout", 0, 0).diagonal(-5).max() == -torch.inf


def test_tokens_that_see_nothing_keep_their_own():
    trace = capture(tiny.gpt2(), torch.tensor([[5, 6, 7, 8]]), attention_mask=[0, 0, 1, 1])
    found = trace.measure("rollout", 1, 0)
    assert found[0, 0] == 1
    assert trace.measure("flow", 1, 0)[1, 1] == 1


# --- what there is not -----------------------------------------------------------------------


def test_what_is_not_defined_of_an_encoder_and_a_decoder_says_why():
    trace = capture(ZOO["BART"][3](), TEXT, tokenizer=TOKENIZER, text_target="le chat")
    for name in ("rollout", "flow"):
        assert trace.lacks(name, "encoder") == ""
        assert "two texts" in trace.lacks(name, "decoder")
        assert "two texts" in trace.lacks(name, "cross")
    for name in ("block_norms", "alti", "value_zeroing"):
        assert trace.lacks(name, "encoder") == trace.lacks(name, "decoder") == ""
        assert "not defined" in trace.lacks(name, "cross")
        assert trace.measure(name, 0, attention="decoder").isfinite().any()
    assert trace.measure("gradients", 0, attention="cross").max() > 0


def test_long_texts_are_refused_with_numbers(monkeypatch):
    trace = capture(tiny.gpt2(n_positions=128), "a" * 60, tokenizer=tiny.tokenizer())
    assert trace.lacks("flow") == "flow is for at most 48 tokens, and this text has 60"
    with pytest.raises(ValueError, match="at most 48 tokens"):
        trace.measure("flow", 0)
    monkeypatch.setattr("attnwidget.measures.value_zeroing.MOST", 1000)
    with pytest.raises(ValueError, match=re.escape("at most 1,000 pairs at once, and here are 1,830")):
        trace.measure("value_zeroing", 0)
    assert trace.measure("value_zeroing", 0, queries=59).shape == (4, 60)  # a row of it is no more than a row
    monkeypatch.setattr("attnwidget.measures.parts._WORK", 1 << 18)
    with pytest.raises(ValueError, match="at most 2,048 pairs"):
        trace.measure("alti", 0)


def test_without_a_model_they_say_so_and_ways_need_none():
    weights = torch.full((2, 1, 4, 4), 0.25)
    trace = AttentionTrace.from_attentions(weights, list("abcd"))
    assert trace.measure("rollout", 1)[0].diagonal().min() > 0.4
    assert trace.measure("flow", 1).shape == (1, 4, 4)
    for name in ("block_norms", "alti", "value_zeroing", "gradients"):
        assert trace.lacks(name)
    other = captured(GPT2)
    assert "no language-model head" in capture(tiny.gpt2(), TEXT, tokenizer=TOKENIZER).lacks("gradients")
    other.release_model()
    for name in ("block_norms", "alti", "value_zeroing", "gradients"):
        assert other.lacks(name)
    assert other.lacks("rollout") == ""


def test_layers_that_were_left_out_are_missed():
    trace = captured(LLAMA, layers=[1, 2])
    assert "layer 0 was left out" in trace.lacks("rollout")
    assert trace.lacks("alti", layer=1) == ""
    assert trace.measure("alti", 2).shape == (4, N, N)


def test_what_a_second_pass_found_is_counted_and_let_go():
    trace = captured(GPT2)
    before = trace.nbytes
    trace.measure("value_zeroing", 0)
    trace.measure("gradients", 0)
    assert trace.nbytes > before
    for copied in (copy.deepcopy(trace), pickle.loads(pickle.dumps(trace))):
        assert copied.lacks("gradients")
        assert copied.measure("rollout", 1).isfinite().any()
    trace.release_model()
    assert not trace._second.kept
    assert not trace._second.tensors


def test_a_block_of_a_model_that_was_trained_since_is_not_run():
    model = MAKE[GPT2]()
    trace = capture(model, TEXT, tokenizer=TOKENIZER)
    trace.measure("value_zeroing", 0, queries=3)
    with torch.no_grad():
        model.transformer.h[0].mlp.c_fc.weight.mul_(2)
    with pytest.raises(ValueError, match="have changed"):
        trace.measure("value_zeroing", 0, queries=4)


def test_another_target_is_another_gradient():
    trace = captured(GPT2)
    first_one = trace.measure("gradients", 0)
    trace.target = ("a", "b")
    assert trace.target == aw.Target.difference("a", "b")
    assert not torch.equal(trace.measure("gradients", 0), first_one)
    trace.target = None
    assert torch.equal(trace.measure("gradients", 0), first_one)
