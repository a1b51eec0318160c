"""What `capture` takes beside a text: token ids, what a tokenizer returns, positions, embeddings."""

import numpy as np
import pytest
import torch
import transformers as hf

import tiny
from attnwidget import AttentionTrace, capture
from attnwidget.capture import CaptureError, EmptyTextError
from zoo import ZOO

TOKENIZER = tiny.tokenizer(marks=True)
T5 = hf.T5Config(**tiny.IDS, decoder_start_token_id=tiny.PAD, num_layers=2, num_heads=4, d_model=32, d_kv=8, d_ff=64)
PADDED = [tiny.PAD] * 3 + [10, 11, 12, 13]
KEPT = [0, 0, 0, 1, 1, 1, 1]

pytestmark = pytest.mark.filterwarnings("ignore:No tokenizer was", "ignore:The text is padded on the left")


def drawn(count=100):
    return torch.randint(tiny.VOCABULARY, (count,), generator=torch.Generator().manual_seed(0)).tolist()


def theirs(model, **inputs):
    """The library's own weights of its own eager attention, a tensor a layer."""
    with torch.no_grad():
        return model(**inputs, output_attentions=True).attentions


def check(trace, attentions, rows=slice(None)):
    for layer, weights in enumerate(attentions):
        torch.testing.assert_close(trace.weights(layer, queries=rows), weights[0][:, rows], atol=1e-5, rtol=0)


def test_a_hundred_random_ids_arrive_as_they_are(tmp_path):
    ids = drawn()
    trace = capture(tiny.gpt2(n_positions=128), ids, tokenizer=TOKENIZER)
    assert trace.ids == trace.source_ids == ids
    assert trace.raw_tokens == TOKENIZER.convert_ids_to_tokens(ids)
    trace.save(tmp_path / "a")
    assert AttentionTrace.load(tmp_path / "a").ids == ids
    assert len(capture(tiny.gpt2(n_positions=256), TOKENIZER.decode(ids), tokenizer=TOKENIZER).ids) != len(ids)


@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        np.array,
        torch.tensor,
        lambda ids: torch.tensor([ids]),
        lambda ids: [ids],
        lambda ids: {"input_ids": ids},
    ],
    ids=["list", "tuple", "numpy", "tensor", "(1, n)", "nested", "dict"],
)
def test_ids_in_every_form(form):
    assert capture(tiny.gpt2(), form([7, 8, 9]), tokenizer=TOKENIZER).ids == [7, 8, 9]


def test_repeated_random_tokens_need_no_tokenizer():
    ids = drawn(20) * 2
    model = tiny.llama(attn_implementation="eager")
    trace = capture(model, ids)
    assert trace.tokens == [str(number) for number in ids]
    assert "by their ids" in trace.notices[0]
    check(trace, theirs(model, input_ids=torch.tensor([ids])))
    named = capture(tiny.llama(hf.LlamaForCausalLM), ids, tokens=[f"t{number}" for number in ids])
    assert named.tokens[0] == f"t{ids[0]}"
    assert [token.isdigit() for token, _ in named.next_tokens(3)] == [True] * 5
    assert not named.notices


@pytest.mark.parametrize("name", ["GPT-2", "BERT", "Llama"])
def test_what_a_tokenizer_returns_runs_as_it_would_in_the_model(name):
    model = {"GPT-2": tiny.gpt2, "BERT": tiny.bert, "Llama": tiny.llama}[name](attn_implementation="eager")
    encoded = TOKENIZER("cat", "it sat", return_tensors="pt", return_token_type_ids=name == "BERT")
    trace = capture(model, encoded, tokenizer=TOKENIZER)
    assert trace.ids == encoded["input_ids"][0].tolist()
    assert trace.segments == [0] * 5 + [1] * 7
    check(trace, theirs(model, **encoded))


def test_token_types_of_a_model_without_types_are_handed_on_and_told():
    model = tiny.gpt2(attn_implementation="eager")
    inputs = {"input_ids": torch.tensor([[7, 8, 9]]), "token_type_ids": torch.tensor([[0, 5, 5]])}
    with pytest.warns(UserWarning, match="token_type_ids are handed on"):
        trace = capture(model, inputs, tokenizer=TOKENIZER)
    check(trace, theirs(model, **inputs))


@pytest.mark.parametrize("name", ["GPT-2", "BERT"])
def test_padding_on_the_left_as_a_forward_and_as_generate_counts_it(name):
    model = {"GPT-2": tiny.gpt2, "BERT": tiny.bert}[name](attn_implementation="eager")
    inputs = {"input_ids": torch.tensor([PADDED]), "attention_mask": torch.tensor([KEPT])}
    plain = capture(model, inputs, tokenizer=TOKENIZER)
    assert "its first token is at position 3" in plain.notices[0]
    check(plain, theirs(model, **inputs), slice(3, None))
    assert not plain.allowed(0, 0)[3:, :3].any()
    counted = capture(model, inputs, tokenizer=TOKENIZER, position_ids="generate")
    assert not counted.notices
    positions = (torch.tensor([KEPT]).cumsum(-1) - 1).clamp(min=0)
    check(counted, theirs(model, **inputs, position_ids=positions), slice(3, None))
    alone = capture(model, PADDED[3:], tokenizer=TOKENIZER)
    part = {"queries": slice(3, None), "keys": slice(3, None)}
    torch.testing.assert_close(counted.weights(2, **part), alone.weights(2), atol=1e-5, rtol=0)
    assert (plain.weights(2, **part) - alone.weights(2)).abs().max() > 1e-3


def test_relative_positions_and_those_that_count_real_tokens_need_no_notice():
    for model in (tiny.llama(), tiny.t5_encoder(), tiny.roberta()):
        for positions in (None, "generate"):
            trace = capture(model, PADDED, tokenizer=TOKENIZER, attention_mask=KEPT, position_ids=positions)
            alone = capture(model, PADDED[3:], tokenizer=TOKENIZER)
            assert not trace.notices
            found = trace.weights(1, queries=slice(3, None), keys=slice(3, None))
            torch.testing.assert_close(found, alone.weights(1), atol=1e-5, rtol=0)


def test_generating_behind_padding_takes_the_positions_of_generate():
    model = tiny.gpt2(hf.GPT2LMHeadModel)
    padded = capture(model, PADDED, tokenizer=TOKENIZER, attention_mask=KEPT, generate=4)
    alone = capture(model, PADDED[3:], tokenizer=TOKENIZER, generate=4)
    assert padded.ids[3:] == alone.ids
    found = padded.weights(2, queries=slice(3, None), keys=slice(3, None))
    torch.testing.assert_close(found, alone.weights(2), atol=1e-5, rtol=0)


def test_positions_of_the_users_own():
    model = tiny.gpt2(attn_implementation="eager")
    positions = [5, 4, 3]
    trace = capture(model, [7, 8, 9], tokenizer=TOKENIZER, position_ids=positions)
    check(trace, theirs(model, input_ids=torch.tensor([[7, 8, 9]]), position_ids=torch.tensor([positions])))


@pytest.mark.parametrize("make", [tiny.gpt2, tiny.llama, tiny.bert])
def test_embeddings_run_as_they_are(make):
    model = make(attn_implementation="eager")
    embeds = torch.randn(5, 32, generator=torch.Generator().manual_seed(0))
    trace = capture(model, inputs_embeds=embeds, tokens=list("abcde"))
    assert (trace.tokens, trace.ids) == (list("abcde"), None)
    check(trace, theirs(model, inputs_embeds=embeds[None]))
    assert trace.breakdown(1, 2, 3).max_difference < 1e-5


def test_an_encoder_decoder_takes_ids_on_both_sides(tmp_path):
    model = tiny.build(T5, hf.T5ForConditionalGeneration, attn_implementation="eager")
    trace = capture(model, [7, 8, 9], text_target=[20, 21], tokenizer=TOKENIZER)
    assert (trace.source_ids, trace.ids) == ([7, 8, 9], [tiny.PAD, 20, 21])
    with torch.no_grad():
        outputs = model(
            input_ids=torch.tensor([[7, 8, 9]]), decoder_input_ids=torch.tensor([trace.ids]), output_attentions=True
        )
    for attention, weights in (("encoder", outputs.encoder_attentions), ("cross", outputs.cross_attentions)):
        torch.testing.assert_close(trace.weights(1, attention=attention), weights[1][0], atol=1e-5, rtol=0)
    trace.save(tmp_path / "a")
    assert AttentionTrace.load(tmp_path / "a").source_ids == [7, 8, 9]
    embedded = model.get_input_embeddings()(torch.tensor([7, 8, 9]))
    other = capture(model, inputs_embeds=embedded, tokens=list("abc"), text_target=[20, 21], tokenizer=TOKENIZER)
    torch.testing.assert_close(other.weights(1, attention="cross"), trace.weights(1, attention="cross"))


def test_special_tokens_can_be_left_out_of_a_text():
    model = tiny.bert()
    assert capture(model, "cat", tokenizer=TOKENIZER, add_special_tokens=False).tokens == list("cat")
    assert capture(model, "cat", tokenizer=TOKENIZER, add_special_tokens=True).special == [True, *[False] * 3, True]


@pytest.mark.parametrize(
    ("given", "beside", "error", "message"),
    [
        ([1, 999], {}, CaptureError, "token 999 is outside the model's vocabulary of 260; they are another model's"),
        ([1, -1], {}, CaptureError, "token -1 is outside"),
        ([], {}, EmptyTextError, "there are no token ids"),
        (torch.tensor([], dtype=torch.long), {}, EmptyTextError, "there are no token ids"),
        ([[1, 2], [3, 4]], {}, CaptureError, "a batch of 2 rows, .*capture_batch"),
        (torch.ones(2, 3, dtype=torch.long), {}, CaptureError, "a batch of 2 rows, .*capture_batch"),
        ([1.0, 2.0], {}, TypeError, "token ids must be whole numbers, got 1.0"),
        (torch.rand(1, 4), {}, TypeError, "whole numbers, got torch.float32 .* inputs_embeds="),
        ([True, False], {}, TypeError, "whole numbers, got True"),
        (torch.ones(1, 2, 3, dtype=torch.long), {}, ValueError, r"shape \(n,\) or \(1, n\), got \(1, 2, 3\)"),
        (3, {}, TypeError, "text must be a str, token ids, chat messages, .* got int"),
        (None, {}, TypeError, "text must be a str, .* got NoneType"),
        ([1, 2], {"add_special_tokens": True}, ValueError, "has no meaning for token ids"),
        ([1, 2], {"text_pair": "a"}, ValueError, "text_pair goes with a text"),
        ([1, 2], {"attention_mask": [1]}, ValueError, r"each of the text's 2 tokens"),
        ([1, 2], {"position_ids": [1]}, ValueError, "position_ids must have one entry for each of the 2 tokens, got 1"),
        ([1, 2], {"position_ids": [1, 64]}, ValueError, "position_ids must be from 0 to 63, got 1 to 64"),
        ([1, 2], {"position_ids": "real"}, ValueError, 'numbers or "generate"'),
        ([1, 2], {"token_type_ids": [0]}, ValueError, "token_type_ids must have one entry for each of the 2"),
        ([1, 2], {"tokens": ["a"]}, ValueError, "tokens must name each of the 2 tokens, got 1"),
        ("ab", {"tokens": ["a", "b"]}, ValueError, "of text the tokenizer makes its own"),
        ({"input_ids": [1], "pixel_values": 1}, {}, ValueError, "expected input_ids .* it has pixel_values"),
        ({"attention_mask": [1]}, {}, ValueError, "it has only attention_mask"),
        ({"input_ids": [1], "attention_mask": [1]}, {"attention_mask": [1]}, ValueError, "give one of the two"),
        (None, {"inputs_embeds": torch.rand(3, 32)}, TypeError, "inputs_embeds go with tokens="),
        (None, {"inputs_embeds": torch.rand(3, 8), "tokens": list("abc")}, CaptureError, "width of 8, .*dings 32"),
        (None, {"inputs_embeds": torch.rand(2, 3, 32), "tokens": list("abc")}, CaptureError, "a batch of 2 rows"),
        (None, {"inputs_embeds": torch.ones(3, dtype=torch.long), "tokens": ["a"]}, ValueError, "must be floats of"),
        ([1], {"inputs_embeds": torch.rand(3, 32), "tokens": list("abc")}, TypeError, "give one of the two"),
        (None, {"inputs_embeds": torch.rand(2, 32), "tokens": ["a", "b"], "generate": 1}, ValueError, "pass token"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_says_what_to_do(given, beside, error, message):
    with pytest.raises(error, match=message):
        capture(tiny.gpt2(hf.GPT2LMHeadModel), given, tokenizer=TOKENIZER, **beside)


def test_models_that_count_or_type_by_themselves_refuse_what_they_would_pass_over():
    with pytest.raises(ValueError, match="takes no position_ids: it counts positions by itself"):
        capture(tiny.t5_encoder(), [7, 8], tokenizer=TOKENIZER, position_ids=[1, 2])
    with pytest.raises(ValueError, match="LlamaModel takes no token_type_ids"):
        capture(tiny.llama(), [7, 8], tokenizer=TOKENIZER, token_type_ids=[0, 1])
    with pytest.raises(ValueError, match="token_type_ids must be from 0 to 1, got 0 to 5"):
        capture(ZOO["BERT"][3](), [7, 8], tokenizer=TOKENIZER, token_type_ids=[0, 5])
    model = tiny.build(T5, hf.T5ForConditionalGeneration)
    with pytest.raises(EmptyTextError, match="text_target has no token ids"):
        capture(model, [7], text_target=[], tokenizer=TOKENIZER)
