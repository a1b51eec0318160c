"""Models of the zoo with the head that writes, a short text captured in them, and what is asked of it."""

import torch
import transformers as hf
from transformers.models.auto import modeling_auto as auto

import tiny
from attnwidget import Target
from attnwidget.capture import capture
from zoo import BOTH, PAIR, ZOO

TOKENIZER = tiny.tokenizer(marks=True)
TEXT, TARGET = "The cat.", "le chat"
NO_HEAD = {"XLNet", "T5 encoder"}  # the base model alone is in the zoo
ROW, TOKEN = 3, 7
ASKED = Target.logprob(TOKEN, at=ROW)


def with_head(name):
    """A model of the zoo in the class that has a language-model head."""
    kind, *_, make = ZOO[name]
    model = make()
    names = auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES if kind == BOTH else auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    return model if kind == PAIR else tiny.build(model.config, getattr(hf, names[model.config.model_type]))


def captured(model, text=TEXT, **options):
    if model.config.is_encoder_decoder:
        options["text_target"] = TARGET
    return capture(model, text, tokenizer=TOKENIZER, **options)


def inputs(model, trace):
    ids = torch.tensor([trace.source_ids])
    found = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return found | ({"decoder_input_ids": torch.tensor([trace.ids])} if model.config.is_encoder_decoder else {})
