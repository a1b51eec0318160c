"""What a model says next: the decoder's tokens, given or generated, and a prompt continued."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.inputs import check_fit, encode_target, position_limit
from attnwidget.capture.interface import not_recording
from attnwidget.capture.temporary import set_temporarily
from attnwidget.capture.wrappers import core_of, generates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_MOST = 256  # tokens of a generated target, where positions do not end before


def decoder_ids(
    model: Any, tokenizer: Any, text_target: str | Sequence[int] | None, source: Tensor, keep: Tensor
) -> tuple[list[int], list[str]]:
    """Return what the decoder reads: its start token and the target, without the end mark; and notices of that.

    So row *i* is the one from which the model says token *i + 1*, as in training.
    """
    core = core_of(model)
    config = core.generation_config if core.can_generate() else core.config
    ends = _as_list(getattr(config, "eos_token_id", None) or core.config.eos_token_id)
    if text_target is None:
        limit = position_limit(core.get_decoder())
        most = _MOST if limit is None else min(_MOST, limit - 1)
        ids = _greedy(model, source, keep, most, "text_target=")
        if len(ids) > 1 and ids[-1] in ends:
            ids.pop()
        return ids, []
    labels, notices = encode_target(model, tokenizer, text_target)
    if not set(labels) & set(ends):
        labels = [*labels, ends[0] if ends else 0]  # shifting drops the last
    shift = getattr(core, "prepare_decoder_input_ids_from_labels", None) or getattr(core, "_shift_right", None)
    if shift is not None:
        ids = shift(torch.tensor([labels], device=source.device))[0].tolist()
    else:
        start = getattr(config, "decoder_start_token_id", None)
        start = core.config.decoder_start_token_id if start is None else start
        if start is None:
            raise UnsupportedModelError(f"{type(core).__name__}'s config names no decoder_start_token_id")
        ids = [start, *labels[:-1]]
    check_fit(core.get_decoder(), ids)
    return [int(number) for number in ids], notices


def continue_prompt(model: Any, prompt: Tensor, keep: Tensor, count: int) -> list[int]:
    """Return a prompt's ids (1, n) with up to `count` more, greedily chosen; an end mark ends it."""
    check_fit(model, prompt[0].tolist(), count)
    return _greedy(model, prompt, keep, count, "a text without generate=")


def _greedy(model: Any, ids: Tensor, keep: Tensor, count: int, instead: str) -> list[int]:
    if not core_of(model).can_generate():
        raise UnsupportedModelError(
            f"{type(model).__name__} has no language-model head and cannot generate; load the class that has "
            f"(AutoModelForCausalLM, AutoModelForSeq2SeqLM), or pass {instead}"
        )
    if not generates(model):
        raise UnsupportedModelError(
            f"{type(model).__name__} generates without its virtual tokens; give it the task type of its model "
            f"(CAUSAL_LM, SEQ_2_SEQ_LM), or pass {instead}"
        )
    config = copy.deepcopy(core_of(model).generation_config)
    plain = {
        "do_sample": False, "num_beams": 1, "num_return_sequences": 1, "max_length": None, "min_length": 0,
        "max_new_tokens": count, "temperature": None, "top_k": None, "top_p": None,
        "return_dict_in_generate": False, "output_attentions": False,
    }  # fmt: skip
    for name, value in plain.items():
        setattr(config, name, value)
    if config.pad_token_id is None:
        config.pad_token_id = (_as_list(config.eos_token_id) or [0])[0]
    training = [(module, "training", False) for module in model.modules()]
    with torch.no_grad(), set_temporarily(training), not_recording():
        found = model.generate(input_ids=ids, attention_mask=keep.to(ids.device), generation_config=config)
    return [int(number) for number in found[0].tolist()]


def _as_list(value: int | list[int] | None) -> list[int]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
