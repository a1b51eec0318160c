"""What comes next: the model's own softmax at every row, of every architecture."""

import gc
import math
import pickle
import weakref

import pytest
import torch

import attnwidget as aw
import tiny
from attnwidget import AttentionTrace
from attnwidget.capture import predict
from attnwidget.capture.predict import find_writer
from writers import NO_HEAD, TEXT, TOKENIZER, captured, with_head
from zoo import BOTH, ZOO


def theirs(model, trace, text=TEXT):
    """The probabilities of every row as the model itself gives them, (n, vocabulary)."""
    inputs = {"input_ids": torch.tensor([TOKENIZER(text)["input_ids"]])}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = torch.tensor([TOKENIZER.convert_tokens_to_ids(trace.raw_tokens)])
    with torch.no_grad():
        return model(**inputs)[0][0].float().softmax(-1)


def check(trace, expected, bound):
    assert len(expected) == len(trace.tokens)
    for row, probabilities in enumerate(expected):
        found = torch.tensor([probability for _, probability in trace.next_tokens(row, k=10_000)])
        assert len(found) == len(probabilities)
        assert (found - probabilities.sort(descending=True).values).abs().max() <= bound


@pytest.mark.parametrize("name", sorted(set(ZOO) - NO_HEAD))
def test_probabilities_are_the_models_own(name):
    kind, *_ = ZOO[name]
    model = with_head(name)
    trace = captured(model)
    assert trace.predictions.predicts == ("place" if kind == BOTH else "next")
    check(trace, theirs(model, trace), 1e-6)
    assert not trace.predictions._predictor._rows._is_whole  # one pass was enough


@pytest.mark.parametrize("name", ["GPT-2", "Gemma-2", "BERT", "T5", "Marian"])
def test_in_half_precision(name):
    model = with_head(name).bfloat16()
    trace = captured(model)
    check(trace, theirs(model, trace), 1e-2)


def test_tokens_are_named_as_the_text_is():
    model, tokenizer = aw.load_model("demo/causal")
    trace = aw.capture(model, "The animal didn't cross the road because it was too tired", tokenizer=tokenizer)
    ids = tokenizer("The animal didn't cross the road because it was too tired", return_tensors="pt")
    with torch.no_grad():
        probabilities = model(**ids).logits[0, 10].softmax(-1)
    top = probabilities.topk(3)
    assert trace.tokens[10] == "too"
    found = trace.next_tokens(10, k=3)
    assert [token for token, _ in found] == [tokenizer.decode([one]).strip() for one in top.indices.tolist()]
    assert [value for _, value in found] == pytest.approx(top.values.tolist(), abs=1e-6)
    assert len(trace.next_tokens(10)) == 5
    assert trace.next_tokens(-2) == trace.next_tokens(len(trace.tokens) - 2)


def test_a_masked_model_tells_the_place_itself_and_a_decoder_what_it_writes():
    model, tokenizer = aw.load_model("demo/masked")
    trace = aw.capture(model, "the [MASK] sat on the mat", tokenizer=tokenizer)
    (seen, share), *_ = trace.next_tokens(3)
    assert trace.predictions.predicts == "place"
    assert (seen, share > 0.9) == ("sat", True)
    model, tokenizer = aw.load_model("demo/fr-en")
    trace = aw.capture(model, "Le chat noir dort.", tokenizer=tokenizer)
    for row, written in enumerate(trace.target_tokens[1:]):  # it was written greedily
        assert trace.next_tokens(row)[0][0] == written


def test_two_tokens_that_read_alike_are_told_apart():
    found = captured(with_head("GPT-2")).next_tokens(0, k=10_000)
    assert len({token for token, _ in found}) == tiny.VOCABULARY


def test_what_was_generated_a_mask_of_pairs_and_a_pair_of_texts():
    model = with_head("GPT-2")
    trace = captured(model, generate=3)
    assert [trace.next_tokens(row, 1)[0][0] for row in range(-4, -1)] == trace.tokens[-3:]
    n = len(TOKENIZER(TEXT)["input_ids"])
    pairs = torch.ones(n, n).bool()
    trace = captured(model, attention_mask=pairs)
    assert not trace.causal
    assert trace.predictions.predicts == "next"  # the mask is another, the head is not
    with torch.no_grad():
        mask = torch.zeros(1, 1, n, n)
        logits = model(torch.tensor([TOKENIZER(TEXT)["input_ids"]]), attention_mask=mask).logits[0]
    check(trace, logits.softmax(-1), 1e-6)


def test_a_model_that_works_otherwise_between_its_parts_is_run_anew_for_every_row(monkeypatch):
    model = with_head("GPT-2")
    trace = captured(model)
    expected = theirs(model, trace)
    passes = []
    model.transformer.h[0].register_forward_hook(lambda *_: passes.append(1))
    monkeypatch.setattr(predict._Rows, "_replay", lambda _: 1 / 0)
    check(trace, expected, 1e-6)
    assert trace.predictions._predictor._rows._is_whole
    assert trace.predictions.tensors == []
    assert len(passes) == len(expected)


def test_one_pass_serves_all_rows_and_leaves_the_model_alone():
    model = with_head("GPT-2").train()
    model.config.output_hidden_states = True
    passes, seen = [], []
    model.transformer.h[0].register_forward_hook(lambda *_: passes.append(1))
    model.lm_head.register_forward_hook(lambda _, __, logits: seen.append(logits.shape[1]))
    trace = captured(model)
    before, small = len(passes), trace.nbytes
    for row in range(len(trace.tokens)):
        trace.next_tokens(row)
    assert len(passes) - before == 1
    assert set(seen) == {1}  # never the logits of all rows
    assert model.training
    assert model.lm_head.training
    assert model.config.output_hidden_states
    assert not model.lm_head._forward_pre_hooks
    assert "forward" not in vars(model.transformer)
    assert trace.nbytes - small == 4 * 32 * len(trace.tokens)  # the last hidden states


def test_a_model_without_a_head_says_so():
    trace = captured(tiny.gpt2())
    assert trace.predictions.predicts is None
    with pytest.raises(ValueError, match="GPT2Model has no language-model head"):
        trace.next_tokens(0)
    assert find_writer(tiny.gpt2()) is None


def test_without_a_model_it_says_what_is_missing(tmp_path):
    trace = captured(with_head("GPT-2"))
    trace.next_tokens(0)
    trace.save(tmp_path / "a.safetensors")
    weights = [trace.weights(layer) for layer in range(3)]
    others = [
        AttentionTrace.load(tmp_path / "a.safetensors"),
        AttentionTrace.from_attentions(weights, trace.tokens),
        AttentionTrace.from_qkv(*torch.randn(3, 1, 2, 4, 8), list("abcd")),
        pickle.loads(pickle.dumps(trace)),
    ]
    trace.release_model()
    for one in [*others, trace]:
        with pytest.raises(ValueError, match="this trace has no model"):
            one.next_tokens(0)


def test_a_released_trace_keeps_no_model_alive():
    model = with_head("GPT-2")
    trace = captured(model)
    trace.next_tokens(0)
    gone = weakref.ref(model.lm_head.weight)
    del model
    trace.release_model()
    gc.collect()
    assert gone() is None


def test_weights_that_have_changed_since_are_noticed():
    model = with_head("GPT-2")
    trace = captured(model)
    trace.next_tokens(0)
    with torch.no_grad():
        model.transformer.h[0].mlp.c_fc.weight.add_(1)
    with pytest.raises(ValueError, match="weights have changed since"):
        trace.next_tokens(0)


def test_weights_that_change_meanwhile_are_noticed():
    model = with_head("GPT-2")
    trace = captured(model)

    def train(*_):
        with torch.no_grad():
            model.transformer.h[0].mlp.c_fc.weight.add_(1)

    model.transformer.h[2].register_forward_hook(train)
    with pytest.raises(ValueError, match="weights have changed since"):
        trace.next_tokens(0)


@pytest.mark.parametrize(
    ("query", "k", "error", "message"),
    [
        (99, 5, IndexError, "query 99 does not exist"),
        ([0, 1], 5, TypeError, "query must be one int"),
        (None, 5, TypeError, "query must be one int"),
        (0, 0, ValueError, "k must be 1 or more, got 0"),
        (0, "5", ValueError, "k must be 1 or more, got '5'"),
    ],
)
def test_wrong_arguments(query, k, error, message):
    with pytest.raises(error, match=message):
        captured(with_head("GPT-2")).next_tokens(query, k)


def test_a_numbers_failure_is_not_hidden():
    model = with_head("GPT-2")
    with torch.no_grad():
        model.lm_head.weight.fill_(torch.nan)
    assert all(math.isnan(probability) for _, probability in captured(model).next_tokens(0))
