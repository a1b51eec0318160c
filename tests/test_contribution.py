"""What a pair writes into a logit: against the model's own tensors, taken with hooks, and against the decomposition."""

import pytest
import torch

import attnwidget as aw
import tiny
from attnwidget import AttentionTrace, Target, capture
from attnwidget.session import Session
from attnwidget.wire import schema

INF = torch.inf
TEXT = "The animal didn't cross the road because it was too tired"


class Seen:
    """What a Llama or GPT-2 does on a text, by hooks of our own and eager attention."""

    def __init__(self, model, tokenizer, text):
        model.set_attn_implementation("eager")
        base = model.base_model
        is_llama = hasattr(base, "layers")
        norm = base.norm if is_llama else base.ln_f
        self.values, self.written, kept = [], [], []
        hooks = [norm.register_forward_pre_hook(lambda _, given: kept.append(given[0][0]))]
        self.outputs = []  # W_O of each layer, (heads · d_v, d_model)
        for block in base.layers if is_llama else base.h:
            if is_llama:
                at = block.self_attn
                hooks += [at.v_proj.register_forward_hook(lambda _, __, out: self.values.append(out[0]))]
                hooks += [at.o_proj.register_forward_hook(lambda _, __, out: self.written.append(out[0]))]
                self.outputs.append(at.o_proj.weight.T)
            else:
                at = block.attn
                hooks += [
                    at.c_attn.register_forward_hook(lambda _, __, out: self.values.append(out[0].chunk(3, -1)[2]))
                ]
                take = lambda _, __, out, at=at: self.written.append(out[0] - at.c_proj.bias)  # noqa: E731
                hooks += [at.c_proj.register_forward_hook(take)]
                self.outputs.append(at.c_proj.weight)
        with torch.no_grad():
            found = model(**tokenizer(text, return_tensors="pt"), output_attentions=True)
        for hook in hooks:
            hook.remove()
        model.set_attn_implementation("sdpa")
        self.attentions, self.logits, x = found.attentions, found.logits[0], kept[0]
        unembed = model.get_output_embeddings().weight  # (vocabulary, d_model)
        if is_llama:
            scale = (x.pow(2).mean(-1, keepdim=True) + norm.variance_epsilon).rsqrt()  # (n, 1)
            self.way = lambda ids: (unembed[ids] * norm.weight * scale).detach()
        else:
            scale = (x.var(-1, correction=0, keepdim=True) + norm.eps).rsqrt()

            def way(ids):
                u = unembed[ids] * norm.weight  # (n, d_model)
                return ((u - u.mean(-1, keepdim=True)) * scale).detach()

            self.way = way

    def pairs(self, layer, ids):
        """(heads, queries, keys), from the weights, values and W_O of the model itself."""
        weights = self.attentions[layer][0]  # (heads, n, n)
        v = self.values[layer].unflatten(-1, (weights.shape[0], -1)).transpose(0, 1)  # (heads, n, d_v)
        vectors = v @ self.outputs[layer].unflatten(0, (weights.shape[0], -1))  # (heads, n, d_model)
        return (weights * torch.einsum("hkd,qd->hqk", vectors, self.way(ids))).detach()


def of_llama():
    return aw.load_model("demo/causal")


def of_gpt2():
    import transformers as hf

    torch.manual_seed(1)
    model = tiny.gpt2(hf.GPT2LMHeadModel)
    with torch.no_grad():
        for parameter in model.parameters():  # norms with gains and biases, and matrices with biases
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model, tiny.tokenizer()


@pytest.fixture(scope="module", params=[of_llama, of_gpt2])
def both(request):
    model, tokenizer = request.param()
    return capture(model, TEXT, tokenizer=tokenizer), Seen(model, tokenizer, TEXT)


def close(one, other, size=1.0):
    torch.testing.assert_close(one, other, atol=2e-5 * size, rtol=1e-4)


def test_each_pair_writes_into_the_logit_of_what_is_likeliest_in_its_row(both):
    trace, seen = both
    trace.target = None
    ids = seen.logits.argmax(-1)  # (n,)
    for layer in range(trace.n_layers()):
        expected = seen.pairs(layer, ids)
        found = trace.measure("contribution", layer)
        allowed = trace.allowed(layer)
        assert (found[~allowed] == -INF).all()
        close(found[allowed], expected[allowed])
        whole = found.masked_fill(~allowed, 0).sum((0, 2))  # (queries,): what the layer's attention writes
        close(whole, (seen.written[layer] * seen.way(ids)).sum(-1).detach())
    close(
        trace.measure("contribution", 1, 2, queries=[9, 4], keys=slice(2, 5)),
        trace.measure("contribution", 1)[2][[9, 4], 2:5],
    )


def test_a_target_is_asked_about_in_every_row(both):
    trace, seen = both
    ids = seen.logits[-1].topk(2).indices.tolist()
    for target, way in (
        (ids[0], lambda of: seen.pairs(2, torch.tensor(ids[0]).expand(of))),
        (
            (ids[0], ids[1]),
            lambda of: seen.pairs(2, torch.tensor(ids[0]).expand(of)) - seen.pairs(2, torch.tensor(ids[1]).expand(of)),
        ),
    ):
        trace.target = target
        allowed = trace.allowed(2)
        close(trace.measure("contribution", 2)[allowed], way(len(trace.tokens))[allowed])
        found = trace.decompose(target)
        of_heads = trace.measure("contribution", 2, queries=found.target.rows[0]).nan_to_num(neginf=0).sum(-1)
        close(of_heads, found.heads[2])
    trace.target = None


@pytest.mark.parametrize("name", ["demo/masked", "demo/fr-en"])
def test_over_keys_it_is_what_the_decomposition_gives_each_head(name):
    model, tokenizer = aw.load_model(name)
    text = "The cat [MASK] on the mat" if name == "demo/masked" else "Le chat dort"
    trace = capture(model, text, tokenizer=tokenizer)
    target = trace.decompose().target
    trace.target = target.ids[0]
    found = trace.decompose(aw.Target.logprob(target.ids[0], at=target.rows[0]))
    (row,) = found.target.rows
    for attention, grid in (
        (found.attention, found.heads),
        *([("cross", found.cross)] if found.cross is not None else []),
    ):
        for layer in range(trace.n_layers(attention)):
            pairs = trace.measure("contribution", layer, attention=attention, queries=row)
            close(pairs.nan_to_num(neginf=0).sum(-1), grid[layer])
    if name == "demo/fr-en":
        assert "writes into no logit" in trace.lacks("contribution", "encoder")
        with pytest.raises(ValueError, match="writes into no logit"):
            trace.measure("contribution", 0, attention="encoder")


def test_where_it_cannot_be_had_it_says_why():
    q = torch.randn(1, 2, 5, 4)
    made = AttentionTrace.from_qkv(q, q, q, list("abcde"), mask="causal")
    assert "no model" in made.lacks("contribution")
    headless = capture(tiny.gpt2(), "the cat sat", tokenizer=tiny.tokenizer())
    assert "GPT2Model" in headless.lacks("contribution")
    with pytest.raises(ValueError, match="GPT2Model"):
        headless.measure("contribution", 0)


def test_what_a_widget_asks_about_is_what_its_pairs_are_about():
    model, tokenizer = aw.load_model("demo/causal")
    trace = capture(model, TEXT, tokenizer=tokenizer)
    session = Session(probe=False, options={"measure": "contribution", "heads": ["L3-H7"]})
    session.open(trace, schema.Texts(), None)
    before, run = trace.measure("contribution", 3, 7), session.run_number
    session.select(target=session.checked("target", Target.logprob(" of", at=3).to_dict(), session.selection))
    after = trace.measure("contribution", 3, 7)
    assert session.run_number == run + 1  # what a browser has of the other target is not drawn again
    assert not torch.equal(before, after)
    close(after[11].nan_to_num(neginf=0).sum(), trace.decompose(" of").heads[3, 7])
    session.select(measure="weights")
    session.select(target=None)
    assert session.run_number == run + 2
    session.select(target=session.checked("target", "loss", session.selection))
    assert session.run_number == run + 2  # nothing was computed that is about a target
    torch.testing.assert_close(trace.measure("contribution", 3, 7), before)
