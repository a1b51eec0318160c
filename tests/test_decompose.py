"""A logit as a sum: complete for every architecture, and equal to what a direct path does when it is cut by hand."""

from contextlib import ExitStack

import pytest
import torch
import transformers as hf

import attnwidget as aw
import tiny
from attnwidget.capture import capture
from writers import NO_HEAD, TOKENIZER, captured, with_head
from zoo import ATTENTION_IN_ONE, NO_SUM, PAIR, ZOO


def lively(model):
    """Give biases and norms random numbers: at 0 and 1 nobody sees them."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
        for name, buffer in model.named_buffers():
            if name == "final_logits_bias":
                buffer.add_(torch.randn_like(buffer))
    return model


def made(name):
    return lively(ZOO[name][3]() if name in NO_HEAD else with_head(name))


def own_logit(model, trace, row, token, *, before=None):
    """The model's own, by calling it; of a model that caps its logits the head's, by a hook."""
    inputs = {"input_ids": torch.tensor([TOKENIZER("The cat.")["input_ids"]])}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = torch.tensor([TOKENIZER.convert_tokens_to_ids(trace.raw_tokens)])
    seen = []
    hook = None if before is None else before.register_forward_hook(lambda _, __, found: seen.append(found))
    with torch.no_grad():
        found = model(**inputs)[0]
    if hook is not None:
        hook.remove()
        found = seen[-1]
    return float(found[0, row, token]) if token is not None else float(found[0, row].norm())


@pytest.mark.parametrize("name", sorted(set(ZOO) - NO_SUM))
def test_the_parts_add_up_to_the_models_own_logit(name):
    model = made(name)
    trace = captured(model)
    row = 2
    target = aw.Target.output(at=row) if name in NO_HEAD else aw.Target.logprob(7, at=row)
    found = trace.decompose(target)
    head = model.lm_head if name == "Gemma-2" else None
    if name == "Falcon with ALiBi":  # its two ways to add the bias differ by 1e-2, and captured is the eager one
        model.config._attn_implementation_internal = "eager"
    mine = own_logit(model, trace, row, None if name in NO_HEAD else 7, before=head)
    assert found.logit == pytest.approx(mine, abs=1e-5)
    assert "not proven" not in found.parts
    numbers = [*found.parts.values(), *found.heads.nan_to_num(0).flatten().tolist()]
    numbers += [] if found.cross is None else found.cross.flatten().tolist()
    assert abs(sum(numbers) - mine) <= 1e-4
    assert found.difference <= 1e-4
    if name in ATTENTION_IN_ONE:
        assert found.heads.isnan().all()
        assert "L0 attention" in found.parts
        assert "one part" in found.missing[0]
    else:
        assert found.missing == ()
        assert not found.heads.isnan().any()
    assert (found.cross is not None) is (ZOO[name][0] == PAIR)
    assert {f"L{number} MLP" for number in range(3 if name != "T5 encoder" else 2)} <= set(found.parts)


@pytest.mark.parametrize("name", sorted(NO_SUM))
def test_a_way_that_cannot_be_told_is_refused(name):
    with pytest.raises(ValueError, match="could not be told from what attention reads"):
        captured(made(name)).decompose()


# -- Against the model's own modules, with the direct path cut by hand ------------------------------------------------

# how a model names: a layer's W_O, its MLP's last matrix, every norm on the way with whether it takes the mean off
PLACES = {
    "GPT-2": ("transformer.h.{}.attn.c_proj", "transformer.h.{}.mlp.c_proj", {"transformer.ln_f": True}),
    "Llama": ("model.layers.{}.self_attn.o_proj", "model.layers.{}.mlp.down_proj", {"model.norm": False}),
    "Gemma-2": (
        "model.layers.{}.self_attn.o_proj",
        "model.layers.{}.mlp.down_proj",
        {"model.norm": False}
        | {f"model.layers.{at}.post_attention_layernorm": False for at in range(3)}
        | {f"model.layers.{at}.post_feedforward_layernorm": False for at in range(3)},
    ),
    "BERT": (
        "bert.encoder.layer.{}.attention.output.dense",
        "bert.encoder.layer.{}.output.dense",
        {f"bert.encoder.layer.{at}.attention.output.LayerNorm": True for at in range(3)}
        | {f"bert.encoder.layer.{at}.output.LayerNorm": True for at in range(3)}
        | {"cls.predictions.transform.LayerNorm": True},
    ),
}


class Held:
    """A model whose parts give what they gave, and whose norms divide by what they divided by."""

    def __init__(self, name, model):
        self.model, (w_o, mlp, self.norms) = model, PLACES[name]
        self.parts = [place.format(at) for at in range(3) for place in (w_o, mlp)]
        self.given, self.taken = {}, {}
        self.activation = "cls.predictions.transform.transform_act_fn" if name == "BERT" else None

    def logits(self, ids, changed=None, without=0.0):
        """Run it; the first time as it is, and then with `without` taken from what one part gave."""
        is_first = not self.given

        def part(place):
            def hook(_, __, found):
                if is_first:
                    self.given[place] = found.clone()
                return self.given[place] - without if place == changed else self.given[place].clone()

            return hook

        def norm(place, is_centred):
            def hook(module, taken, found):
                if is_first:
                    self.taken[place] = taken[0].clone(), found.clone()
                before, gave = self.taken[place]
                moved = taken[0] - before
                gain = module.weight + 1 if "Gemma" in type(module).__name__ else module.weight
                spread = (
                    before.var(-1, keepdim=True, unbiased=False)
                    if is_centred
                    else before.square().mean(-1, keepdim=True)
                )
                moved = moved - moved.mean(-1, keepdim=True) if is_centred else moved
                eps = next(one for one in (getattr(module, n, None) for n in ("eps", "variance_epsilon")) if one)
                return gave + gain * moved / (spread + eps).sqrt()

            return hook

        def gate(_, taken, found):
            if is_first:
                self.taken["gate"] = found / taken[0]
            return taken[0] * self.taken["gate"]

        hooks = {place: part(place) for place in self.parts}
        hooks |= {place: norm(place, centred) for place, centred in self.norms.items()}
        hooks |= {self.activation: gate} if self.activation else {}
        with ExitStack() as stack, torch.no_grad():
            for place, hook in hooks.items():
                stack.callback(self.model.get_submodule(place).register_forward_hook(hook).remove)
            seen = []
            head = self.model.get_output_embeddings()
            stack.callback(head.register_forward_hook(lambda _, __, found: seen.append(found)).remove)
            self.model(torch.tensor([ids]))
        return seen[-1][0]


@pytest.mark.parametrize("name", PLACES)
def test_a_heads_share_is_what_the_logit_loses_by_its_direct_path_alone(name):
    model = made(name)
    ids = TOKENIZER("The cat.")["input_ids"]
    trace = capture(model, ids)
    row, token, other = 3, 9, 20
    found = trace.decompose(aw.Target.difference(token, other, at=row))
    held = Held(name, model)
    difference = lambda logits: float(logits[row, token] - logits[row, other])  # noqa: E731
    before = difference(held.logits(ids))
    w_o, mlp, _ = PLACES[name]
    for layer in range(3):
        projection = trace.projection(layer)
        for head in range(4):
            _, _, v = trace.qkv(layer, head)
            wrote = trace.weights(layer, head) @ v @ projection.weight[head]  # (n, d_model)
            share = before - difference(held.logits(ids, w_o.format(layer), wrote[None]))
            assert float(found.heads[layer, head]) == pytest.approx(share, abs=2e-5)
            pairs = trace.contributions(layer, aw.Target.difference(token, other, at=row))  # (heads, keys)
            for key in range(len(ids)):
                one = torch.zeros_like(wrote)
                one[row] = trace.weights(layer, head)[row, key] * v[key] @ projection.weight[head]
                assert float(pairs[head, key]) == pytest.approx(
                    before - difference(held.logits(ids, w_o.format(layer), one[None])), abs=2e-5
                )
            break  # one head a layer says it
        share = before - difference(held.logits(ids, mlp.format(layer), held.given[mlp.format(layer)]))
        bias = model.get_submodule(mlp.format(layer)).bias if name in {"GPT-2", "BERT"} else None
        assert bias is None or bias.count_nonzero()
        assert found.parts[f"L{layer} MLP"] == pytest.approx(share, abs=2e-5)


def test_gpt2_by_the_formula():
    """u = (gain ∘ W_U[token], centred) / σ, as Elhage et al. write it down."""
    model = made("GPT-2")
    ids = TOKENIZER("The cat.")["input_ids"]
    trace = capture(model, ids)
    with torch.no_grad():
        states = []
        hook = model.transformer.ln_f.register_forward_pre_hook(lambda _, given: states.append(given[0][0]))
        model(torch.tensor([ids]))
        hook.remove()
        final, stream = model.transformer.ln_f, states[0]  # (n, d)
        sigma = (stream.var(-1, unbiased=False) + final.eps).sqrt()  # (n,)
        u = final.weight * model.lm_head.weight[5]
        u = (u - u.mean())[None] / sigma[:, None]  # (n, d)
    for layer in range(3):
        weight = trace.projection(layer).weight
        found = trace.contributions(layer, aw.Target.logprob(5, at=2), slice(None))  # (heads, n, n)
        for head in range(4):
            _, _, v = trace.qkv(layer, head)
            mine = trace.weights(layer, head) * (u @ (v @ weight[head]).T)  # (n, n)
            assert torch.allclose(found[head], mine, rtol=0, atol=1e-5)
    parts = trace.decompose(aw.Target.logprob(5, at=2)).parts
    assert parts["embedding"] == pytest.approx(float(model.transformer.wte.weight[ids[2]] @ u[2]), abs=1e-5)
    assert parts["position"] == pytest.approx(float(model.transformer.wpe.weight[2] @ u[2]), abs=1e-5)
    assert parts["final norm bias"] == pytest.approx(float(final.bias @ model.lm_head.weight[5]), abs=1e-5)


# -- What is asked, and what is said of it ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("demo/causal", "The animal didn't cross the road because it was too tired"),
        ("demo/masked", "the [MASK] sat on the mat"),
        ("demo/fr-en", "Le chat noir dort."),
    ],
)
def test_the_bundled_models(name, text):
    model, tokenizer = aw.load_model(name)
    trace = aw.capture(model, text, tokenizer=tokenizer)
    found = trace.decompose()
    assert found.missing == ()
    assert found.difference <= 1e-4
    assert found.target.label.startswith("logit(")
    assert len(found.held) == (2 if name == "demo/masked" else 1)
    rows = found.to_pandas()
    assert rows.contribution.sum() == pytest.approx(found.logit, abs=1e-4)


def test_rows_of_pairs_add_up_to_heads_and_forbidden_ones_write_nothing():
    model = made("Llama")
    trace = captured(model)
    target = aw.Target.logprob(4, at=-2)
    found = trace.decompose(target)
    for layer in range(3):
        assert torch.allclose(trace.contributions(layer, target).sum(-1), found.heads[layer], atol=1e-5)
        everything = trace.contributions(layer, target, slice(None))
        assert everything.shape == (4, len(trace.tokens), len(trace.tokens))
        assert not everything[:, ~trace.allowed(layer)[0]].any()
        assert torch.allclose(trace.contributions(layer, target, 1), everything[:, 1], atol=1e-6)


@pytest.mark.parametrize("name", ["GPT-2", "Gemma-2", "BERT", "T5"])
def test_in_half_precision_and_inside_autocast(name):
    def check(trace):
        found = trace.decompose(aw.Target.logprob(7, at=2))
        assert found.missing == ()
        assert found.difference <= 0.05 * max(abs(one) for one in [found.logit, *found.parts.values()])

    check(captured(made(name).bfloat16()))
    with torch.autocast("cpu", torch.bfloat16):
        trace = captured(made(name))
    check(trace)


def test_whatever_mode_the_caller_is_in():
    model = made("BERT")
    plain = captured(model).decompose(7)
    for mode in (torch.inference_mode, torch.no_grad):
        with mode():
            found = captured(model).decompose(7)
        assert torch.allclose(found.heads, plain.heads)
    with torch.inference_mode():
        model = made("BERT")
    assert torch.allclose(captured(model).decompose(7).heads, plain.heads)


def test_a_soft_cap_is_said():
    found = captured(made("Gemma-2")).decompose(aw.Target.logprob(7, at=2))
    assert any("soft cap" in one for one in found.held)
    assert not any("soft cap" in one for one in captured(made("Llama")).decompose().held)


def test_a_loss_is_no_sum():
    with pytest.raises(ValueError, match="decompose the logit of a token"):
        captured(made("GPT-2")).decompose("loss")


def test_without_a_model():
    trace = captured(made("GPT-2"))
    trace.release_model()
    with pytest.raises(ValueError, match="cannot be run again"):
        trace.decompose()


def test_an_encoder_writes_nothing_directly():
    trace = captured(made("BART"))
    with pytest.raises(ValueError, match="by cross-attention"):
        trace.contributions(0, attention="encoder")


def test_layers_that_were_left_out_are_one_part():
    model = made("GPT-2")
    whole, some = captured(model).decompose(3), captured(model, layers=[0, 2]).decompose(3)
    assert some.heads[1].isnan().all()
    assert some.difference <= 1e-4
    share = float(whole.heads[1].sum()) + whole.parts["L1 attention bias"]
    assert some.parts["L1 attention"] == pytest.approx(share, abs=1e-5)
    assert "L1" in some.missing[0]


def test_of_a_model_without_a_head_it_is_that_models_logit():
    model = made("GPT-2")
    trace = captured(model).without("L1-H2")
    found = trace.decompose(aw.Target.logprob(7, at=2))
    place = model.transformer.h[1].attn.c_proj

    def off(_, given):
        return (given[0].index_fill(-1, torch.arange(16, 24), 0),)

    hook = place.register_forward_pre_hook(off)
    mine = own_logit(model, trace, 2, 7)
    hook.remove()
    assert found.logit == pytest.approx(mine, abs=1e-5)
    assert found.difference <= 1e-4
    assert "L1 attention" in found.parts
    assert "was edited" in found.missing[0]


class Bent(torch.nn.Module):
    """A last matrix that is none."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.weight = inner, inner.weight

    def forward(self, x):
        return self.inner(x) * x.square().mean(-1, keepdim=True)


def test_what_cannot_be_proven_is_a_part_that_says_so():
    model = made("GPT-2")
    model.set_output_embeddings(Bent(model.lm_head))
    found = captured(model).decompose(3)
    assert any("the unembedding is not proven" in one for one in found.missing)
    assert found.parts["not proven"]
    assert found.difference <= 1e-4


def test_one_pass_serves_every_target_and_leaves_the_model_alone():
    model = made("GPT-2").train()
    trace = captured(model)
    trace.find_projections()
    passes = []
    model.transformer.h[0].register_forward_hook(lambda *_: passes.append(1))
    trace = captured(model)
    trace.find_projections()
    before = len(passes)
    for token in (3, 4, 5):
        trace.decompose(token)
        trace.contributions(1, token)
    assert len(passes) - before == 1
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert "forward" not in vars(model.transformer.h[0].attn.c_proj)
    with torch.no_grad():
        model.transformer.wte.weight.mul_(2)
    with pytest.raises(ValueError, match="weights have changed"):
        trace.decompose(3)


def test_an_adapter_belongs_to_its_projection():
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(target_modules=["o_proj", "down_proj"], r=2, init_lora_weights=False)
    model = peft.get_peft_model(made("Llama"), config).eval()
    trace = capture(model, TOKENIZER("The cat.")["input_ids"])
    found = trace.decompose(aw.Target.logprob(7, at=2))
    assert found.missing == ()
    assert found.difference <= 1e-4
    with torch.no_grad():
        logits = model(torch.tensor([TOKENIZER("The cat.")["input_ids"]])).logits
    assert found.logit == pytest.approx(float(logits[0, 2, 7]), abs=1e-5)


def test_embeddings_may_be_given():
    model = made("GPT-2")
    ids = TOKENIZER("The cat.")["input_ids"]
    with torch.no_grad():
        x = model.transformer.wte(torch.tensor(ids))
    found = capture(model, inputs_embeds=x, tokens=[str(one) for one in ids]).decompose(aw.Target.logprob(7, at=2))
    same = capture(model, ids).decompose(aw.Target.logprob(7, at=2))
    assert found.missing == ()
    assert found.parts["embedding"] == pytest.approx(same.parts["embedding"], abs=1e-5)


def test_of_a_head_that_nothing_else_reads_the_share_is_the_effect():
    """One layer, an MLP that writes nothing, no final norm: what is left is the direct path."""
    model = lively(tiny.gpt2(hf.GPT2LMHeadModel, n_layer=1))
    model.transformer.ln_f = torch.nn.Identity()
    with torch.no_grad():
        model.transformer.h[0].mlp.c_proj.weight.zero_()
    trace = captured(model)
    target = aw.Target.difference(5, 9, at=3)
    shares, effects = trace.decompose(target), trace.effects(target)
    assert shares.held == ()
    for head in range(4):
        assert effects[f"L0-H{head}"] == pytest.approx(-float(shares.heads[0, head]), abs=1e-5)


def test_gpt2_small_as_others_found_it():
    """The anchors of TransformerLens's direct path tool on one sentence, GPT-2 small, BOS first: Mary − John."""
    try:
        model = hf.GPT2LMHeadModel.from_pretrained("gpt2", local_files_only=True)
        tokenizer = hf.AutoTokenizer.from_pretrained("gpt2", local_files_only=True)
    except OSError:
        pytest.skip("GPT-2 small's weights are not on this machine")
    text = "<|endoftext|>When John and Mary went to the shops, John gave the bag to"
    trace = aw.capture(model, text, tokenizer=tokenizer)
    found = trace.decompose((" Mary", " John"))
    theirs = {(9, 9): 1.958, (9, 6): 1.628, (10, 7): -1.427, (11, 1): -0.912, (11, 10): -0.904}
    theirs |= {(10, 0): 0.637, (10, 10): 0.452, (8, 10): 0.426}
    assert found.difference <= 1e-3
    for head, share in theirs.items():
        assert float(found.heads[head]) == pytest.approx(share, abs=0.02)


def test_tiny_models_of_the_helpers():
    for model in (tiny.gpt2(hf.GPT2LMHeadModel), tiny.llama(hf.LlamaForCausalLM), tiny.bert(hf.BertForMaskedLM)):
        assert captured(model).decompose().difference <= 1e-4
