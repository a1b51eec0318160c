"""Three attentions of one model, two lists of tokens; the target given or generated."""

import numpy as np
import pytest
import torch

import tiny
import zoo
from attnwidget.capture import TextTooLongError, UnsupportedModelError, capture
from attnwidget.maths import RelativeBias
from attnwidget.trace import AttentionTrace
from zoo import ZOO

TOKENIZER = tiny.tokenizer(marks=True)


def make(name, **options):
    *_, maker = ZOO[name]
    return maker(**options)


@pytest.fixture(scope="module")
def trace():
    return capture(make("Marian"), "The cat", text_target="le chat noir", tokenizer=TOKENIZER)


def test_two_sides(trace):
    assert trace.attentions == ("encoder", "decoder", "cross")
    assert trace.source_tokens == ["<s>", *"The", "␣", *"cat", "</s>"]
    # its start token, the target as the tokenizer writes it, and not the last end mark
    assert trace.target_tokens == ["</s>", "<s>", *"le", "␣", *"chat", "␣", *"noir"]
    assert trace.tokens == trace.target_tokens
    n, m = len(trace.target_tokens), len(trace.source_tokens)
    for part, shape, layers in (("encoder", (m, m), 2), ("decoder", (n, n), 3), ("cross", (n, m), 3)):
        assert (trace.n_layers(part), trace.n_heads(part)) == (layers, 4)
        assert trace.weights(0, attention=part).shape == (4, *shape)
        assert trace.allowed(0, 1, attention=part).shape == shape
        queries, keys = trace.sides(part)
        assert (len(queries.text), len(keys.text)) == shape
    q, k, v = trace.qkv(2, 3, attention="cross")
    assert (len(q), len(k), len(v)) == (n, m, m)
    assert len(trace.sides("cross")[1].word_texts) < m
    assert trace.causal
    assert trace.allowed(0, attention="cross").all()
    assert f"{m} → {n} tokens, layers × heads: encoder 2 × 4, decoder 3 × 4, cross 3 × 4" in repr(trace)
    with pytest.raises(ValueError, match=r"one of \('encoder', 'decoder', 'cross'\), got None"):
        trace.weights(0)


def test_single_texts_have_one_side():
    trace = capture(make("GPT-2"), "cat", tokenizer=TOKENIZER)
    assert trace.sides() == trace.sides("self")
    assert trace.source_tokens == trace.target_tokens == trace.tokens
    with pytest.raises(ValueError, match="text_target is for encoder–decoder"):
        capture(make("GPT-2"), "cat", text_target="chat", tokenizer=TOKENIZER)


@pytest.mark.parametrize("name", ["T5", "Marian", "BART"])
def test_generated_target_is_the_models(name):
    # with unequal depths, T5's own cache runs out of layers
    model = make(name, num_decoder_layers=2) if name == "T5" else make(name)
    with torch.no_grad():
        ids = torch.tensor([TOKENIZER("The cat")["input_ids"]])
        expected = [model.config.decoder_start_token_id]
        while len(expected) < 12:  # by hand: the likeliest token again and again
            logits = model(input_ids=ids, decoder_input_ids=torch.tensor([expected])).logits[0, -1]
            expected.append(int(logits.argmax()))
            if expected[-1] == 1:
                expected.pop()
                break
    model.train()
    trace = capture(model, "The cat", tokenizer=TOKENIZER)
    assert trace.sides("decoder")[0].raw[: len(expected)] == TOKENIZER.convert_ids_to_tokens(expected)
    assert len(trace.tokens) <= 257
    assert trace.generated == [False] + [True] * (len(trace.tokens) - 1)
    assert model.training
    assert trace.max_error <= 1e-5


def test_generating_needs_a_head_and_a_target_has_positions():
    with pytest.raises(UnsupportedModelError, match=r"T5Model has no language-model head .* or pass text_target="):
        capture(make("T5", model="T5Model"), "cat", tokenizer=TOKENIZER)
    given = capture(make("T5", model="T5Model"), "cat", text_target="chat", tokenizer=TOKENIZER)
    assert given.generated == [False] * 6
    with pytest.raises(TextTooLongError, match="has 72 tokens, but the model has 64"):
        capture(make("BART"), "cat", text_target="a" * 70, tokenizer=TOKENIZER)
    with pytest.raises(TypeError, match="text_target must be a str"):
        capture(make("BART"), "cat", text_target=3, tokenizer=TOKENIZER)


def test_padding_of_the_source_is_forbidden_to_the_target():
    keep = [1, 1, 1, 0, 0]
    trace = capture(make("BART"), "cat", text_target="chat", tokenizer=TOKENIZER, attention_mask=keep)
    for part in ("encoder", "cross"):
        assert (trace.allowed(0, attention=part) == torch.tensor(keep).bool()).all()
        assert (trace.weights(0, attention=part)[..., 3:] == 0).all()


def test_relative_bias_is_kept_as_diagonals():
    n = 300
    trace = capture(make("T5"), "a" * (n - 2), text_target="b" * (n - 2), tokenizer=TOKENIZER)
    for part in ("encoder", "decoder"):
        layers = trace._layers[part]
        assert all(isinstance(layer.bias, RelativeBias) for layer in layers)
        assert len({layer.bias.diagonals.data_ptr() for layer in layers}) == 1
    assert all(layer.bias is None for layer in trace._layers["cross"])
    floats = sum(
        x.numel() for name in trace._layers for layer in trace._layers[name] for x in (layer.q, layer.k, layer.v)
    )
    assert trace.nbytes <= 4 * floats * 1.2
    bias = torch.randn(2, 5, 7)
    assert RelativeBias.from_dense(bias) is None
    i, j = torch.arange(5)[:, None], torch.arange(7)
    bias = torch.randn(2, 11)[:, j - i + 4]
    found = RelativeBias.from_dense(bias)
    assert torch.equal(found.tile(slice(None), slice(None), slice(None)), bias)
    assert torch.equal(found.tile(slice(1, 2), torch.tensor([4, 0]), slice(2, 5)), bias[1:2, [4, 0], 2:5])


def test_an_encoder_that_cannot_be_recorded_is_named():
    sizes = {"num_layers": 2, "num_heads": 4, "d_model": 32, "d_kv": 8, "d_ff": 64, "decoder_start_token_id": 2}
    model = zoo.make("LongT5", sizes, model="LongT5ForConditionalGeneration")
    trace = capture(model, "cat", text_target="chat", tokenizer=TOKENIZER)
    assert trace.attentions == ("decoder", "cross")
    assert "encoder computes attention outside" in trace.missing


def weights(*shape):
    return torch.randn(*shape).softmax(-1)


def test_from_attentions():
    source, target = ["le", "chat"], ["the", "cat", "sat"]
    given = {"encoder": weights(2, 4, 2, 2), "decoder": weights(3, 4, 3, 3), "cross": weights(3, 1, 4, 3, 2)}
    trace = AttentionTrace.from_attentions(**given, source_tokens=source, target_tokens=target)
    assert trace.attentions == ("encoder", "decoder", "cross")
    assert (trace.source_tokens, trace.target_tokens, trace.has_qkv) == (source, target, False)
    for part, tensors in given.items():
        expected = tensors.reshape(len(tensors), *tensors.shape[-3:])
        assert all(torch.equal(trace.weights(i, attention=part), layer) for i, layer in enumerate(expected))
    one = AttentionTrace.from_attentions(cross=given["cross"].numpy(), source_tokens=source, target_tokens=target)
    assert one.weights(0, 1).shape == (3, 2)
    assert np.array_equal(one.weights(0), trace.weights(0, attention="cross"))
    assert AttentionTrace.from_attentions(encoder=given["encoder"], source_tokens=source).tokens == source
    with pytest.raises(TypeError, match="cross needs source_tokens"):
        AttentionTrace.from_attentions(cross=given["cross"], target_tokens=target)
    with pytest.raises(TypeError, match="go without attentions, tokens, mask and segments"):
        AttentionTrace.from_attentions(given["encoder"], source, cross=given["cross"])
    with pytest.raises(TypeError, match="attentions go with tokens"):
        AttentionTrace.from_attentions(given["encoder"])
    with pytest.raises(ValueError, match=r"expected \(heads, 2, 3\).* 2 target tokens and 3 source tokens"):
        AttentionTrace.from_attentions(cross=given["cross"], source_tokens=target, target_tokens=source)
