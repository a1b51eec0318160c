"""What comes next: the model's own softmax at every row, of every architecture."""

import copy
import gc
import pickle
import weakref

import pytest
import torch
import transformers as hf
from transformers.models.auto import modeling_auto as auto

import attnwidget as aw
import tiny
from attnwidget import AttentionTrace
from attnwidget.capture import capture
from attnwidget.capture.predict import find_head
from zoo import BOTH, PAIR, ZOO

TOKENIZER = tiny.tokenizer(marks=True)
TEXT, TARGET = "The cat sat.", "le chat"


def with_head(name, dtype=torch.float32):
    """A model of the zoo in the class that has a language-model head; the base where there is none."""
    kind, *_, make = ZOO[name]
    model = make()
    names = auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES if kind == BOTH else auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    if kind != PAIR and model.config.model_type in names:
        model = tiny.build(model.config, getattr(hf, names[model.config.model_type]))
    return model.to(dtype)


def theirs(model, trace_length):
    """The probabilities of every row as the model itself gives them, (n, vocabulary)."""
    inputs = {"input_ids": torch.tensor([TOKENIZER(TEXT)["input_ids"]])}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    if model.config.is_encoder_decoder:
        trace = capture(model, TEXT, text_target=TARGET, tokenizer=TOKENIZER)
        ids = TOKENIZER.convert_tokens_to_ids(trace.raw_tokens)
        inputs["decoder_input_ids"] = torch.tensor([ids])
    with torch.no_grad():
        logits = model(**inputs)[0][0]  # (n, vocabulary)
    assert len(logits) == trace_length
    return logits.float().softmax(-1)


def check(trace, expected, bound):
    for row, probabilities in enumerate(expected):
        found = trace.next_tokens(row, k=tiny.VOCABULARY)
        assert len(found) == tiny.VOCABULARY
        got = torch.tensor([probability for _, probability in found])
        assert (got - probabilities.sort(descending=True).values).abs().max() <= bound


@pytest.mark.parametrize("name", [name for name in ZOO if name not in {"XLNet", "T5 encoder"}])
def test_probabilities_are_the_models_own(name):
    kind, *_ = ZOO[name]
    model = with_head(name)
    assert find_head(model) is not None
    trace = capture(model, TEXT, text_target=TARGET if kind == PAIR else None, tokenizer=TOKENIZER)
    assert trace.predictions.predicts == ("place" if kind == BOTH else "next")
    assert not trace.predictions.missing
    check(trace, theirs(model, len(trace.tokens)), 1e-6)
    assert trace.predictions._predictor._rows._is_whole is False  # and no row but the first took a whole pass
