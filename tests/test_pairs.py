"""Two texts in one pass, with the token types that the model knows."""

import pytest
import torch

import tiny
from attnwidget.capture import EmptyTextError, capture
from zoo import ZOO

TOKENIZER = tiny.tokenizer(marks=True)


@pytest.mark.parametrize("name", ["BERT", "RoBERTa", "ALBERT", "DeBERTa-v2", "GPT-2"])
def test_pairs(name):
    *_, make = ZOO[name]
    trace = capture(make(), "cat", "it sat", tokenizer=TOKENIZER)
    assert trace.tokens == ["<s>", *"cat", "</s>", *"it", "␣", *"sat", "</s>"]
    assert trace.segments == [0] * 5 + [1] * 7
    encoded = TOKENIZER("cat", "it sat", return_tensors="pt", return_token_type_ids=True)
    model = make(attn_implementation="eager")
    types = encoded["token_type_ids"] if name in {"BERT", "RoBERTa", "ALBERT"} else None
    given = {} if types is None else {"token_type_ids": types}
    with torch.no_grad():
        outputs = model(encoded["input_ids"], attention_mask=encoded["attention_mask"], output_attentions=True, **given)
    for layer, weights in enumerate(outputs.attentions):
        torch.testing.assert_close(trace.weights(layer), weights[0], atol=1e-5, rtol=0)


def test_words_do_not_run_from_one_text_into_the_other():
    plain = tiny.tokenizer()
    trace = capture(ZOO["BERT"][3](), "cat", "it", tokenizer=plain)
    assert trace.word_texts == ["cat", "it"]
    assert trace.segments == [0, 0, 0, 1, 1]


def test_single_texts_have_no_segments_and_pairs_are_checked():
    model = ZOO["BERT"][3]()
    assert capture(model, "cat", tokenizer=TOKENIZER).segments is None
    with pytest.raises(EmptyTextError, match="the text '' gives no tokens"):
        capture(model, "cat", "", tokenizer=TOKENIZER)
    with pytest.raises(TypeError, match="text_pair must be a str, got int"):
        capture(model, "cat", 3, tokenizer=TOKENIZER)
