"""Which models can be captured, and what is said of those that cannot."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.wrappers import check_wrapper, core_of


def check(model: Any) -> None:
    """Refuse what is no text model of transformers, or has no weights."""
    check_wrapper(model)
    kind = type(model).__name__
    main_input = getattr(core_of(model), "main_input_name", "input_ids")
    if main_input != "input_ids":
        raise UnsupportedModelError(
            f"{kind} reads {main_input}, not a text"
            f"{text_tower(model) or f'; attnwidget.capture_module(model, {main_input}) shows what it attends to'}"
        )
    is_offloaded = any(hasattr(module, "_hf_hook") for module in model.modules())  # brought in when needed
    if not is_offloaded and any(parameter.is_meta for parameter in model.parameters()):
        raise UnsupportedModelError(
            f"{kind} is on the meta device and has no weights; load it with from_pretrained, "
            'or give it memory with model.to_empty(device="cpu") and initialise it'
        )


def text_tower(model: nn.Module) -> str:
    """Say which part of a model reads texts, where one of several towers does: as the end of an error."""
    parts = [(name, part) for name, part in model.named_modules() if name and isinstance(part, PreTrainedModel)]
    readers = [(name, part) for name, part in parts if part.main_input_name == "input_ids"]
    for name, part in readers if len(readers) < len(parts) else ():  # beside one that reads something else
        try:
            words = part.get_input_embeddings()
        except (AttributeError, NotImplementedError):
            continue
        if isinstance(words, nn.Embedding) and not part.config.is_encoder_decoder:
            return f"; capture(model.{name}, …) shows its {type(part).__name__}, which reads texts"
    return ""


def input_device(model: Any) -> torch.device:
    """Return where a model wants its tokens: where its embeddings are, or accelerate brings them."""
    embeddings = core_of(model).get_input_embeddings()
    hook = getattr(embeddings, "_hf_hook", None)
    device = getattr(hook, "execution_device", None)
    return embeddings.weight.device if device is None else torch.device(device)


def uses_interface(model: nn.Module) -> bool:
    """Whether any part of the model's code asks transformers for its attention function."""
    files = {type(module).__module__ for module in model.modules()}
    return any(hasattr(sys.modules.get(file), "ALL_ATTENTION_FUNCTIONS") for file in files)


def check_all_seen(model: nn.Module) -> None:
    """Refuse a model some of whose layers have attention that went by unseen: the others' numbers would be wrong."""
    for name, module in model.named_modules():
        kind = type(module)
        is_foreign = not kind.__module__.startswith(("transformers.", "torch.", "peft."))
        is_attention = "attention" in kind.__name__.lower() or "attn" in kind.__name__.lower()
        if is_foreign and is_attention and not hasattr(sys.modules.get(kind.__module__), "ALL_ATTENTION_FUNCTIONS"):
            raise UnsupportedModelError(
                f"{kind.__name__} at .{name} computes attention that cannot be seen, beside layers where it can; "
                "let it ask transformers' ALL_ATTENTION_FUNCTIONS for its attention function"
            )


def why_nothing(model: nn.Module) -> str:
    """Say why a model has no attention at all; empty if it seems to have some."""
    names = {type(module).__name__.lower() for module in model.modules()}
    if any("attention" in name or "attn" in name for name in names):
        return ""
    return f"{type(model).__name__} has no attention: none of its modules computes any"
