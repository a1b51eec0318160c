"""Targets: what a user names, looked up in a text of a model."""

import pytest
import torch
import transformers as hf
from tokenizers import normalizers

import attnwidget as aw
import tiny
from attnwidget.capture import capture
from attnwidget.capture.vocabulary import Vocabulary
from test_tokens import TOKENIZERS, sentencepiece_tokenizer
from writers import captured, with_head

TEXT = "The animal didn't cross the road because it was too tired"


@pytest.fixture(scope="module")
def trace():
    model, tokenizer = aw.load_model("demo/causal")
    return capture(model, TEXT, tokenizer=tokenizer)


def asked(trace, target=None):
    return trace.rerun.get().resolve(trace, aw.Target.read(target))


def test_by_default_it_is_the_likeliest_next_token(trace):
    found = asked(trace)
    assert found.kind == "logprob"
    assert found.rows == (11,)
    assert found.label.startswith("log p(")
    assert found.label.endswith(") after was too tired")
    (label, probability), *_ = trace.next_tokens(11, k=1)
    assert label in found.label
    assert trace.effects().base == pytest.approx(float(torch.tensor(probability).log()), abs=1e-4)


def test_of_a_masked_model_it_is_the_mask_or_else_the_last_of_its_own_words():
    model, tokenizer = aw.load_model("demo/masked")
    masked, plain = (capture(model, text, tokenizer=tokenizer) for text in ("The [MASK] sat", "The cat sat"))
    assert masked.tokens[asked(masked).rows[0]] == "[MASK]"
    assert plain.tokens[asked(plain).rows[0]] == "sat"
    assert " at token 3 (sat)" in asked(plain).label
    loss = asked(plain, "loss")
    assert loss.rows == (1, 2, 3)  # its own marks are not told
    assert loss.ids == tuple(plain.ids[1:4])


def test_of_an_encoder_decoder_it_is_the_next_token_of_the_target():
    trace = captured(with_head("T5"))
    assert asked(trace).rows == (len(trace.tokens) - 1,)
    assert asked(trace, "loss").ids == tuple(trace.ids[1:])


def test_of_a_model_without_a_head_it_is_the_vector():
    trace = captured(tiny.bert())
    found = trace.effects()
    assert (found.target.kind, found.base, found.unit) == ("output", 0, "share of its length")
    assert found.target.rows == (len(trace.tokens) - 2,)  # before </s>
    assert float(found.effects.min()) > 0
    with pytest.raises(ValueError, match=r"no language-model head.*; the target 'output' needs none"):
        trace.effects("loss")


def test_tokens_are_looked_up_as_the_tokenizer_writes_them(trace):
    tokenizer = aw.load_model("demo/causal")[1]
    cat, dog = (tokenizer(one, add_special_tokens=False)["input_ids"][0] for one in (" cat", " dog"))
    assert asked(trace, " cat").ids == (cat,)
    assert asked(trace, cat).label == "log p( cat) after was too tired"
    found = asked(trace, (" cat", " dog"))
    assert (found.kind, found.ids) == ("difference", (cat, dog))
    assert found.label == "logit( cat) − logit( dog) after was too tired"
    with pytest.raises(ValueError, match=r"'cat' is 2 tokens of this model \('c', 'at'\), .*; ' cat' is one"):
        asked(trace, "cat")


@pytest.mark.parametrize(
    ("scheme", "text", "raw"),
    [
        ("byte", " cat", "Ġcat"),
        ("wordpiece", "cat", "cat"),
        ("wordpiece", " cat", "cat"),
        ("sentencepiece", " the", "▁the"),
        ("sentencepiece", "ing", "ing"),
        ("with a space before every text", "the", "▁the"),
        ("with a space before every text", " the", "▁the"),
    ],
)
def test_every_kind_of_vocabulary(scheme, text, raw):
    backend = TOKENIZERS.get(scheme) or sentencepiece_tokenizer()
    if scheme not in TOKENIZERS:  # Llama-2's
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer = hf.PreTrainedTokenizerFast(tokenizer_object=backend)
    vocabulary = Vocabulary(tiny.bert(), tokenizer)
    assert tokenizer.convert_ids_to_tokens(vocabulary.id_of(text)) == raw


@pytest.mark.parametrize(
    ("target", "error", "match"),
    [
        (6144, ValueError, "token id 6144 does not exist: the model has 6,144 tokens, from 0"),
        (-1, ValueError, "token id -1"),
        (aw.Target.logprob(5, at=12), ValueError, "position 12 does not exist: the text has 12 tokens, 0 to 11"),
        (aw.Target.logprob(5, at=-13), ValueError, "position -13"),
        (aw.Target.loss([0, 1]), ValueError, "nothing stands before it; start at position 1"),
        (aw.Target.loss(slice(3, 3)), ValueError, "a position at least"),
        (slice(0, None), ValueError, "needs a start and a stop"),
        ((5, 5), ValueError, "a difference needs two tokens"),
        ("", TypeError, "a text of one token or its id"),
        (True, TypeError, "target must be a token"),
        (3.5, TypeError, "target must be a token"),
    ],
)
def test_what_cannot_be_asked_is_said(trace, target, error, match):
    with pytest.raises(error, match=match):
        trace.effects(target)


def test_a_loss_is_the_mean_over_its_span(trace):
    model, _ = aw.load_model("demo/causal")
    ids = torch.tensor([trace.ids])
    with torch.no_grad():
        logits = model(ids).logits[0]
    losses = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:], reduction="none")  # (n − 1,), of tokens 1 on
    assert trace.effects("loss").base == pytest.approx(float(losses.mean()), abs=1e-5)
    found = trace.effects(slice(4, 8))
    assert found.base == pytest.approx(float(losses[3:7].mean()), abs=1e-5)
    assert found.target.label == "loss over tokens 4 to 7"


def test_embeddings_have_no_loss():
    model = tiny.gpt2(hf.GPT2LMHeadModel)
    vectors = model.get_input_embeddings()(torch.tensor([[5, 6, 7]]))
    trace = capture(model, inputs_embeds=vectors.detach(), tokens=["a", "b", "c"])
    with pytest.raises(ValueError, match="has no id"):
        trace.effects("loss")
    assert trace.effects(7).target.ids == (7,)
    with pytest.raises(ValueError, match="no tokenizer here; give the token's id"):
        trace.effects(" cat")
