"""Circuits of weights alone, against dense matrices put together by the models' own names."""

import pytest
import torch
import transformers as hf

import attnwidget as aw
import tiny
from attnwidget.circuits import composition, copying, head_weights, token_tables
from test_decompose import lively, made

HEADS, WIDTH, SIZE = 4, 32, 8


def gpt2():
    """GPT-2: one matrix of queries, keys and values, transposed; a LayerNorm before."""
    model = made("GPT-2")
    found = []
    for block in model.transformer.h:
        parts = block.attn.c_attn.weight.split(WIDTH, 1)
        found.append((*(one.reshape(WIDTH, HEADS, SIZE).transpose(0, 1) for one in parts), block.attn.c_proj.weight))
    norms = [block.ln_1.weight for block in model.transformer.h]
    return model, found, norms, model.transformer.ln_f.weight, True, model.transformer.wte.weight, model.lm_head.weight


def llama():
    """Llama: heads in groups, rotary positions; an RMSNorm before; an unembedding of its own."""
    model = lively(tiny.llama(hf.LlamaForCausalLM))
    found = []
    for layer in model.model.layers:
        own = layer.self_attn
        q, k, v = (
            one.weight.T.reshape(WIDTH, -1, SIZE).transpose(0, 1) for one in (own.q_proj, own.k_proj, own.v_proj)
        )
        found.append((q, k.repeat_interleave(2, 0), v.repeat_interleave(2, 0), own.o_proj.weight.T))
    norms = [layer.input_layernorm.weight for layer in model.model.layers]
    return model, found, norms, model.model.norm.weight, False, model.model.embed_tokens.weight, model.lm_head.weight


def neox():
    """GPT-NeoX: queries, keys and values of each head side by side; rotation of a part; attention beside the MLP."""
    model = lively(tiny.gpt_neox(hf.GPTNeoXForCausalLM))
    found = []
    for layer in model.gpt_neox.layers:
        parts = layer.attention.query_key_value.weight.T.reshape(WIDTH, HEADS, 3, SIZE).permute(2, 1, 0, 3)
        found.append((*parts, layer.attention.dense.weight.T))
    norms = [layer.input_layernorm.weight for layer in model.gpt_neox.layers]
    ends = model.gpt_neox.embed_in.weight, model.lm_head.weight
    return model, found, norms, model.gpt_neox.final_layer_norm.weight, True, *ends


def dense(made_by):
    """Every head's W_Q W_Kᵀ and W_V W_O with gains folded in, W_E and W_U, in float64."""
    with torch.no_grad():
        model, found, norms, final, is_centred, embedding, unembedding = made_by()
        middle = torch.eye(WIDTH).double()
        middle = middle - 1 / WIDTH if is_centred else middle  # what takes the mean off, as a matrix
        heads = []
        for (*reads, o), gain in zip(found, norms, strict=True):
            q, k, v = (middle @ torch.diag(gain.double()) @ one.double() for one in reads)
            heads.append((q @ k.transpose(-1, -2), v @ o.double().reshape(HEADS, SIZE, WIDTH)))
        out = middle @ torch.diag(final.double()) @ unembedding.double().T
        return model, heads, embedding.double(), out


@pytest.mark.parametrize("made_by", [gpt2, llama, neox])
def test_copying_is_that_of_the_whole_matrix(made_by):
    model, heads, embedding, out = dense(made_by)
    found = copying(model)
    assert found.missing == ()
    assert "not orthogonal" in repr(found)
    for layer, (_, ov) in enumerate(heads):
        for head in range(HEADS):
            values = torch.linalg.eigvals(embedding @ ov[head] @ out)  # (vocabulary,), most of them zero
            score = float(values.real.sum() / values.abs().sum())
            assert found[f"L{layer}-H{head}"] == pytest.approx(score, abs=1e-3)
            largest = values.abs().topk(SIZE).values
            mine = found.eigenvalues[layer, head].abs().sort(descending=True).values
            assert torch.allclose(mine.double(), largest, rtol=1e-3, atol=1e-3 * float(largest[0]))


@pytest.mark.parametrize("made_by", [gpt2, llama, neox])
def test_composition_is_that_of_the_whole_matrices(made_by):
    model, heads, *_ = dense(made_by)
    found = composition(model)
    norm = torch.linalg.matrix_norm
    assert found.baseline == pytest.approx(WIDTH**-0.5)
    for writer in range(3):
        for reader in range(3):
            for one in range(HEADS):
                for other in range(HEADS):
                    at = writer, one, reader, other
                    if reader <= writer:
                        assert found.q[at].isnan()
                        assert found.v[at].isnan()
                        continue
                    ov, (qk, behind) = heads[writer][1][one], (part[other] for part in heads[reader])
                    for kind, read in (("q", qk), ("k", qk.T), ("v", behind)):
                        mine = float(getattr(found, kind)[at]) + found.baseline
                        assert mine == pytest.approx(float(norm(ov @ read) / (norm(ov) * norm(read))), abs=1e-5)


def test_the_baseline_is_what_random_heads_have():
    ratios = []
    for seed in range(200):
        drawn = torch.Generator().manual_seed(seed)
        a, b, c, d = (torch.randn(WIDTH, SIZE, generator=drawn) for _ in range(4))
        one, other = a @ b.T, c @ d.T
        ratios.append((one @ other).norm() / (one.norm() * other.norm()))
    assert float(torch.stack(ratios).square().mean().sqrt()) == pytest.approx(WIDTH**-0.5, rel=0.02)


def test_tables_are_the_models_own_scores_and_outputs():
    """A token alone in the stream: without positions, what the first layer's hooks show is what the tables say."""
    model = lively(tiny.llama(hf.LlamaForCausalLM))
    token, key, head = 40, 50, 2
    found = token_tables(model, (0, head), token, 10_000, tokenizer=tiny.tokenizer())
    trace = aw.capture(model, [key, token], tokens=["a", "b"], position_ids=[0, 0])
    names = dict(found.looks_for)
    vocabulary = aw.capture(model, [key], tokenizer=tiny.tokenizer()).tokens[0]
    assert names[vocabulary] == pytest.approx(float(trace.scores(0, head)[1, 0]), abs=1e-4)
    _, _, v = trace.qkv(0, head)
    with torch.no_grad():
        wrote = v[1] @ trace.projection(0).weight[head]
        logits = (wrote * model.model.norm.weight) @ model.lm_head.weight.T
    assert [number for _, number in found.writes][:5] == pytest.approx(logits.topk(5).values.tolist(), abs=1e-4)


def test_block_0_is_what_the_first_block_hands_on():
    model = made("GPT-2")
    found = copying(model, embedding="block 0")
    with torch.no_grad():
        seen = []
        hook = model.transformer.h[0].register_forward_hook(lambda _, __, out: seen.append(out))
        for token in range(tiny.VOCABULARY):
            model(torch.tensor([[token]]))
        hook.remove()
        words = torch.cat([one if isinstance(one, torch.Tensor) else one[0] for one in seen])[:, 0]  # (vocabulary, d)
        weights = head_weights(model)
        layer = weights.layers[2]
        whole = words @ layer.reads("v")[1] @ layer.o[1] @ weights.final.before(weights.unembedding)
    values = torch.linalg.eigvals(whole.double())
    assert found["L2-H1"] == pytest.approx(float(values.real.sum() / values.abs().sum()), abs=1e-3)


def test_the_bundled_models_induction_heads_copy_and_their_keys_read_the_previous_token_heads():
    model, tokenizer = aw.load_model("demo/causal")
    ids = torch.randint(4, model.config.vocab_size, (30,), generator=torch.Generator().manual_seed(0)).tolist()
    trace = aw.capture(model, ids * 2, tokenizer=tokenizer)
    previous = torch.stack([trace.weights(one).diagonal(-1, 1, 2).mean(-1) for one in range(4)])  # (layers, heads)
    induction = torch.stack([trace.weights(one).diagonal(-29, 1, 2).mean(-1) for one in range(4)])
    best = [divmod(int(at), 8) for at in induction.flatten().topk(2).indices]
    before = {tuple(at) for at in (previous > 0.9).nonzero().tolist()}  # three heads
    assert best == [(3, 6), (3, 5)]
    scores, pairs = copying(model), composition(model)
    median = float(scores.scores.nanmedian())
    for head in best:
        assert float(scores.scores[head]) > max(0.5, median)
        keys = pairs.k[:, :, head[0], head[1]]  # (layers, heads): what its keys read
        most = keys.nan_to_num(-1).flatten().topk(len(before))
        assert {divmod(int(at), 8) for at in most.indices} == before
        assert float(most.values.min()) > pairs.baseline  # more than twice what chance has


def test_what_products_of_weights_do_not_tell_is_said():
    def said(name):
        return " ".join(head_weights(made(name)).broken)

    assert "rotary" in said("Llama")
    assert "rotary" not in said("GPT-2")
    assert "learned positions" in said("GPT-2")
    assert "queries and keys are no matrix" in said("Qwen3")
    assert "by position is added" in said("BLOOM")
    assert "capped" in said("Gemma-2")
    assert "norm what they hand on" in said("Gemma-2")
    assert "norm what they hand on" in said("BERT")
    assert "norm what they hand on" not in said("ModernBERT")
    assert "transformation before the unembedding" in said("BERT")
    assert "first MLP" in said("GPT-2")
    nowhere = composition(made("Qwen3"))
    assert nowhere.q.isnan().all()
    assert not nowhere.v[0, :, 1].isnan().any()
    assert token_tables(made("Qwen3"), "L0-H0", 7, tokenizer=tiny.tokenizer()).looks_for == []


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: copying(made("BART")), "with one attention"),
        (lambda: copying(made("DeBERTa-v2")), "could not be verified"),
        (lambda: copying(tiny.gpt2()), "no head over its vocabulary"),
        (lambda: copying(made("ALBERT")), 'embedding="block 0" takes it in'),
        (lambda: copying(made("GPT-2"), embedding="all"), "must be"),
        (lambda: token_tables(made("GPT-2"), "L9-H0", 3), "there is no layer 9"),
        (lambda: token_tables(made("GPT-2"), "L0-H9", 3), "there is no head L0-H9"),
        (lambda: token_tables(made("GPT-2"), "L0-H0", 10_000), "does not exist"),
        (lambda: composition(made("GPT-2")).of("L0-H0", "L1-H0", "o"), "kind must be"),
    ],
)
def test_refusals_say_what_to_do(call, error):
    with pytest.raises(ValueError, match=error):
        call()


def test_the_model_is_as_before():
    model = made("GPT-2").train()
    before = {name: one.clone() for name, one in model.state_dict().items()}
    copying(model, embedding="block 0")
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())
    assert copying(model).to_pandas().shape == (12, 3)
    assert len(composition(model).to_pandas()) == 3 * 3 * 16
