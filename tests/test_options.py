"""What else a capture can be asked for: generated tokens, masks of pairs, fewer layers, no values."""

import copy

import pytest
import torch

import tiny
from attnwidget.capture import TextTooLongError, UnsupportedModelError, capture
from zoo import ZOO

TOKENIZER = tiny.tokenizer()


def make(name, **options):
    return ZOO[name][3](**options)


HEADS = {"GPT-2": "GPT2LMHeadModel", "Llama": "LlamaForCausalLM", "GPT-J": "GPTJForCausalLM"}


@pytest.mark.parametrize("name", HEADS)
def test_generation(name):
    model = make(name, model=HEADS[name])
    before = copy.deepcopy(model.generation_config.to_dict())
    ids = TOKENIZER("the cat")["input_ids"]
    while len(ids) < 12:  # by hand: the likeliest token again and again
        with torch.no_grad():
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] == 1:
            break
    model.train()
    trace = capture(model, "the cat", tokenizer=TOKENIZER, generate=5)
    assert model.training
    assert model.generation_config.to_dict() == before
    assert trace.raw_tokens == TOKENIZER.convert_ids_to_tokens(ids)
    assert trace.generated == [False] * 7 + [True] * (len(ids) - 7)
    # one pass over all of it, as over a text
    with torch.no_grad():
        eager = make(name, model=HEADS[name], attn_implementation="eager")
        outputs = eager(torch.tensor([ids]), output_attentions=True)
    for layer, weights in enumerate(outputs.attentions):
        torch.testing.assert_close(trace.weights(layer), weights[0], atol=1e-5, rtol=0)


def test_generation_inside_a_capture_is_not_recorded():
    outer, inner = make("GPT-2"), make("Llama", model="LlamaForCausalLM")
    traces = []

    def nest(done, _):
        if done == 1:
            traces.append(capture(inner, "the", tokenizer=TOKENIZER, generate=3))

    traces.append(capture(outer, "the cat", tokenizer=TOKENIZER, on_layer=nest))
    assert [trace.n_layers() for trace in traces] == [3, 3]


def test_generation_is_checked():
    with pytest.raises(UnsupportedModelError, match=r"GPT2Model has no language-model head .* without generate="):
        capture(make("GPT-2"), "cat", tokenizer=TOKENIZER, generate=2)
    head = make("GPT-2", model="GPT2LMHeadModel")
    with pytest.raises(TextTooLongError, match="the text and what is generated have 65 tokens"):
        capture(head, "cat", tokenizer=TOKENIZER, generate=62)
    for wrong in ({"generate": -1}, {"generate": 2, "text_pair": "dog"}):
        with pytest.raises(ValueError, match="generate must be 0 or more tokens for one text"):
            capture(head, "cat", tokenizer=TOKENIZER, **wrong)
    padded = capture(head, "cat", tokenizer=TOKENIZER, generate=2, attention_mask=[0, 1, 1])
    assert not padded.allowed(0)[..., 0].any()


def test_masks_of_pairs():
    pairs = torch.rand(7, 7) > 0.5
    pairs[2] = False
    forms = [pairs, pairs[None, None], pairs.long(), torch.zeros(7, 7).masked_fill(~pairs, -torch.inf)]
    for name in ("GPT-2", "BERT"):
        for form in forms:
            trace = capture(make(name), "the cat", tokenizer=TOKENIZER, attention_mask=form)
            assert torch.equal(trace.allowed(1, 2), pairs)  # a causal model's own mask is not added
            blind = (~pairs.any(1)).nonzero()[:, 0].tolist()
            assert trace.blind_rows(1) == blind
            assert 2 in blind
            assert (trace.weights(1)[:, blind] == 0).all()
            assert trace.max_error <= 1e-5
    heads = torch.rand(1, 4, 7, 7) > 0.3
    trace = capture(make("BERT"), "the cat", tokenizer=TOKENIZER, attention_mask=heads)
    assert torch.equal(trace.allowed(0), heads[0])
    added = torch.randn(7, 7)
    trace = capture(make("BERT"), "the cat", tokenizer=TOKENIZER, attention_mask=added)
    plain = capture(make("BERT"), "the cat", tokenizer=TOKENIZER)
    torch.testing.assert_close(trace.scores(0), plain.scores(0) + added)
    assert trace.max_error <= 1e-5


def test_blind_rows_of_left_padding():
    trace = capture(make("Llama"), "the cat", tokenizer=TOKENIZER, attention_mask=[0, 0, 0, 1, 1, 1, 1])
    assert trace.blind_rows(0) == [0, 1, 2]
    assert capture(make("Llama"), "the cat", tokenizer=TOKENIZER).blind_rows(0) == []


def test_wrong_masks_of_pairs():
    for wrong in (torch.ones(2, 2), torch.ones(2, 1, 3, 3), torch.ones(3, 3, 3)):
        with pytest.raises(ValueError, match=r"or one for each pair, \(3, 3\) or \(1, 1, 3, 3\)"):
            capture(make("BERT"), "cat", tokenizer=TOKENIZER, attention_mask=wrong)
    with pytest.raises(ValueError, match="must be bool, hold 1 and 0 only"):
        capture(make("BERT"), "cat", tokenizer=TOKENIZER, attention_mask=torch.full((3, 3), 2))
    with pytest.raises(ValueError, match="no NaN"):
        capture(make("BERT"), "cat", tokenizer=TOKENIZER, attention_mask=torch.full((3, 3), torch.nan))
    mask = torch.ones(3, 3)
    for name in ("T5", "BART"):
        with pytest.raises(ValueError, match="of pairs is for one text"):
            capture(make(name), "cat", text_target="a", tokenizer=TOKENIZER, attention_mask=mask)


@pytest.mark.parametrize("name", ["Llama", "GPT-J", "T5"])
def test_fewer_layers_and_no_values(name):
    options = {"text_target": "chat"} if name == "T5" else {}
    whole = capture(make(name), "the cat", tokenizer=TOKENIZER, **options)
    part = capture(make(name), "the cat", tokenizer=TOKENIZER, layers=[1], values=False, **options)
    assert part.max_error == whole.max_error
    assert part.has_qkv
    for which in whole.attentions:
        assert part.n_layers(which) == whole.n_layers(which)
        assert part.n_heads(which) == 4
        assert torch.equal(part.weights(1, attention=which), whole.weights(1, attention=which))
        assert torch.equal(part.allowed(0, attention=which), whole.allowed(0, attention=which))
        with pytest.raises(ValueError, match=r"left out of the trace \(layers=\)"):
            part.weights(0, attention=which)
        with pytest.raises(ValueError, match=r"left out of the trace \(layers=\)"):
            part.scores(0, attention=which)
        with pytest.raises(ValueError, match=r"left out \(values=False\)"):
            part.qkv(1, 0, attention=which)
    assert part.nbytes < 0.4 * whole.nbytes
    with pytest.raises(ValueError, match="layers must be numbers from 0 to"):
        capture(make(name), "the cat", tokenizer=TOKENIZER, layers=[99], **options)
