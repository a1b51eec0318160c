"""Effects of heads and links: against the user's own hooks, and against an attention function of our own."""

import pytest
import torch
import transformers as hf
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

import attnwidget as aw
import tiny
from attnwidget.capture import capture
from attnwidget.capture.forward import attention_names
from attnwidget.effects.edits import EdgeOut
from writers import ASKED as TARGET
from writers import NO_HEAD, ROW, TOKEN, captured, inputs, with_head
from zoo import PAIR, ZOO

OUTPUTS = {  # where each architecture has W_O: of every attention, with the layer's number left open
    "GPT-2": {"self": "transformer.h.{}.attn.c_proj"},
    "Llama": {"self": "model.layers.{}.self_attn.o_proj"},
    "Gemma-2": {"self": "model.layers.{}.self_attn.o_proj"},
    "gpt-oss": {"self": "model.layers.{}.self_attn.o_proj"},
    "DeepSeek-V3": {"self": "model.layers.{}.self_attn.o_proj"},
    "BERT": {"self": "bert.encoder.layer.{}.attention.output.dense"},
    "T5": {
        "encoder": "encoder.block.{}.layer.0.SelfAttention.o",
        "decoder": "decoder.block.{}.layer.0.SelfAttention.o",
        "cross": "decoder.block.{}.layer.1.EncDecAttention.o",
    },
    "GPT-J": {"self": "transformer.h.{}.attn.out_proj"},  # outside transformers' attention interface
    "BLOOM": {"self": "transformer.h.{}.self_attention.dense"},
}


def logprob(model, given):
    """The target as the model itself gives it."""
    with torch.no_grad():
        return float(model(**given)[0][0, ROW].double().log_softmax(-1)[TOKEN])


def ablated(model, where, head, given, put):
    """The target with a head, one of so many, replaced by a hook at W_O."""
    name, count = where

    def hook(_, args):
        heads = args[0].clone().unflatten(-1, (count, -1))  # (1, n, heads, d_v)
        heads[:, :, head] = put(heads[:, :, head])
        return heads.flatten(-2), *args[1:]

    handle = model.get_submodule(name).register_forward_pre_hook(hook)
    try:
        return logprob(model, given)
    finally:
        handle.remove()


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_a_head_off_is_what_a_hook_of_ones_own_makes_of_it(name):
    model = with_head(name)
    trace = captured(model)
    given = inputs(model, trace)
    base = logprob(model, given)
    for value, put in (("zero", torch.zeros_like), ("mean", lambda part: part.mean(1, keepdim=True).expand_as(part))):
        found = trace.effects(TARGET, value=value)
        assert found.base == pytest.approx(base, abs=1e-5)
        assert len(found) == sum(trace.n_layers(one) * trace.n_heads(one) for one in OUTPUTS[name])
        assert found.effects.abs().tolist() == sorted(found.effects.abs().tolist(), reverse=True)
        for attention, head, effect in zip(found.attentions, found.heads, found.effects.tolist(), strict=True):
            layer, number = map(int, head[1:].split("-H"))
            where = OUTPUTS[name][attention].format(layer), trace.n_heads(attention)
            mine = ablated(model, where, number, given, put) - base
            assert effect == pytest.approx(mine, abs=5e-6), (attention, head, value)


def test_a_layer_that_runs_again_and_again_is_one_each_time():
    model = with_head("ALBERT")
    trace = captured(model)
    base, calls = logprob(model, inputs(model, trace)), []

    def hook(_, args):  # at the second of three calls alone
        calls.append(args)
        return (args[0] * (torch.arange(args[0].shape[-1]) >= 8), *args[1:]) if len(calls) == 2 else None

    dense = model.albert.encoder.albert_layer_groups[0].albert_layers[0].attention.dense
    handle = dense.register_forward_pre_hook(hook)
    mine = logprob(model, inputs(model, trace)) - base
    handle.remove()
    assert trace.effects(TARGET)["L1-H0"] == pytest.approx(mine, abs=5e-6)


class Cutting:
    """An attention function of our own, that makes all scores, and changes one head of one layer."""

    place = edit = None

    def __call__(self, module, query, key, value, mask, **options):
        scaling, softcap, s_aux = (options.get(one) for one in ("scaling", "softcap", "s_aux"))
        name = self.name_of(module)
        here = (name, self.done.get(name, 0)) == self.place
        self.done[name] = self.done.get(name, 0) + 1
        shared = query.shape[1] // key.shape[1]
        key, value = (one.repeat_interleave(shared, 1) for one in (key, value))
        scores = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
        scores = scores if softcap is None else softcap * torch.tanh(scores / softcap)
        scores = scores if options.get("position_bias") is None else scores + options["position_bias"]
        scores = (scores if mask is None else scores + mask).clone()
        head, q, k, how = self.edit if here else (0, 0, 0, "")
        if how == "before":
            scores[:, head, q, k] = -torch.inf
        if s_aux is not None:
            sink = s_aux.reshape(1, -1, 1, 1).expand(*scores.shape[:3], 1)
            weights = torch.cat([scores, sink], -1).softmax(-1)[..., :-1].clone()
        else:
            weights = scores.softmax(-1).clone()
        if how in {"after", "renormalised"}:
            left = 1 - weights[:, head, q, k].clone() if how == "renormalised" else 1
            weights[:, head, q, k] = 0
            weights[:, head, q] /= left
        output = weights @ value
        if how == "edges":
            output[:, head, q] += weights[:, head, q, k] * (self.put - value[0, head, k])
        return output.transpose(1, 2).contiguous(), None


CUTTING = Cutting()
AttentionInterface.register("test_cutting", CUTTING)
AttentionMaskInterface.register("test_cutting", eager_mask)


@pytest.mark.parametrize("name", ["GPT-2", "Llama", "Gemma-2", "gpt-oss", "BERT", "T5", "DeepSeek-V3", "T5 encoder"])
def test_a_link_out_is_what_an_attention_function_of_ones_own_makes_of_it(name):
    kind, *_, make = ZOO[name]
    model = make() if name in NO_HEAD else with_head(name)
    trace = captured(model)
    attention, given = trace.attentions[-1], inputs(model, trace)
    model.set_attn_implementation("test_cutting")
    CUTTING.name_of = attention_names(model)

    def rerun(place=None, edit=None):
        CUTTING.place, CUTTING.edit, CUTTING.done = place, edit, {}
        with torch.no_grad():
            return model(**given)[0][0, ROW].double()

    base = rerun()
    target = aw.Target.output(at=ROW) if name in NO_HEAD else TARGET
    for how in ("before", "after", "renormalised"):
        found = trace.effects(target, "edge", attention=attention, pair=(ROW, 1), how=how)
        assert len(found) == trace.n_layers(attention) * trace.n_heads(attention)
        assert float(found.effects.abs().max()) > 1e-3
        for head, effect in zip(found.heads, found.effects.tolist(), strict=True):
            layer, number = map(int, head[1:].split("-H"))
            row = rerun((attention, layer), (number, ROW, 1, how))
            told = (row - base).norm() / base.norm() if name in NO_HEAD else (row - base)[TOKEN]
            told = told if name in NO_HEAD else row.log_softmax(-1)[TOKEN] - base.log_softmax(-1)[TOKEN]
            assert effect == pytest.approx(float(told), abs=5e-6), (head, how)
    assert kind != PAIR or attention == "cross"


def test_the_value_of_one_link_is_taken_from_another_text():
    model = with_head("Llama")
    trace = captured(model)
    other = capture(model, "The dog.", tokenizer=tiny.tokenizer(marks=True))
    model.set_attn_implementation("test_cutting")
    CUTTING.name_of, CUTTING.place, CUTTING.done = attention_names(model), None, {}
    base = logprob(model, inputs(model, trace))
    found = trace.patch(other, TARGET, what="edges", pair=(ROW, 1))
    for layer, head in ((0, 1), (1, 3), (2, 0)):
        CUTTING.put = other.qkv(layer, head)[2][1]
        CUTTING.place, CUTTING.edit, CUTTING.done = ("self", layer), (head, ROW, 1, "edges"), {}
        mine = logprob(model, inputs(model, trace)) - base
        assert found[f"L{layer}-H{head}"] == pytest.approx(mine, abs=5e-6)


def test_a_cut_is_what_a_mask_of_pairs_makes_of_it():
    model = tiny.gpt2(type(with_head("GPT-2")), n_layer=1, n_head=1)
    trace = captured(model)
    n = len(trace.tokens)
    pairs = torch.ones(n, n).tril().bool()
    pairs[ROW, 1] = False
    masked = capture(model, trace.ids, attention_mask=pairs)
    there, here = (dict(one.next_tokens(ROW, k=10_000)) for one in (masked, trace))
    name = trace.rerun.get().vocabulary.labels([TOKEN])[0]
    masked_name = masked.rerun.get().vocabulary.labels([TOKEN])[0]
    mine = torch.tensor(there[masked_name]).log() - torch.tensor(here[name]).log()
    found = trace.effects(TARGET, "edge", pair=(ROW, 1))
    assert found["L0-H0"] == pytest.approx(float(mine), abs=5e-6)
    assert float(found.others["weight"][0]) == pytest.approx(float(trace.weights(0, 0, queries=ROW, keys=1)), abs=1e-6)


def test_a_key_can_be_hidden_from_everything():
    model = with_head("Llama")
    trace = captured(model)
    n = len(trace.tokens)
    mask = torch.ones(n, n).tril().bool()
    mask[:, 1] = False
    mask[1, 1] = True  # a token still sees itself, or its row would see only what stands before
    hidden = EdgeOut("self", None, None, tuple(at for at in range(n) if at != 1), (1,))
    again = trace.rerun.get()
    _, (found,) = again.outcomes([[hidden]], again.resolve(trace, TARGET))
    mine = capture(model, trace.ids, attention_mask=mask).effects(TARGET).base
    assert float(found) == pytest.approx(mine, abs=5e-6)
    edited = again.edited([hidden])
    assert not edited.allowed(0, 0, queries=ROW, keys=1)
    assert edited.max_error < 1e-5
    assert edited.effects(TARGET).base == pytest.approx(mine, abs=5e-6)


class Held(torch.nn.Module):
    """A layer norm whose scale stays what it was."""

    def __init__(self, norm, before):
        super().__init__()
        self.norm, self.scale = norm, (before.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()  # (1, n, 1)

    def forward(self, x):
        return (x - x.mean(-1, keepdim=True)) / self.scale * self.norm.weight + self.norm.bias


def test_where_nothing_else_reads_a_head_its_effect_is_its_share_taken_away():
    model = tiny.gpt_neox(hf.GPTNeoXForCausalLM, num_hidden_layers=1, use_parallel_residual=True)
    trace, seen = captured(model), []
    norm = model.gpt_neox.final_layer_norm
    handle = norm.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    logprob(model, inputs(model, trace))
    handle.remove()
    shares = trace.effects((7, 9), "decompose")
    model.gpt_neox.final_layer_norm = Held(norm, seen[0])
    held = captured(model).effects((7, 9))
    assert held.unit == shares.unit == "logits"
    weight = (model.lm_head.weight[7] - model.lm_head.weight[9]) * norm.weight  # (d_model,)
    u = (weight - weight.mean()) / model.gpt_neox.final_layer_norm.scale[0, -1]
    w_o = model.gpt_neox.layers[0].attention.dense.weight.T.unflatten(0, (4, -1))  # (heads, d_v, d_model)
    for head in range(4):
        mine = (trace.weights(0, head, queries=-1) @ trace.qkv(0, head)[2] @ w_o[head] @ u).detach()
        assert held[f"L0-H{head}"] == pytest.approx(-float(mine), abs=5e-6)
        assert shares[f"L0-H{head}"] == pytest.approx(float(mine), abs=5e-6)
