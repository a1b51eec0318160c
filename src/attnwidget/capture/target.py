"""What a model says next: the decoder's tokens, given or generated, and a prompt continued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from attnwidget.capture.errors import UnsupportedModelError
from attnwidget.capture.generation import Writer, as_list
from attnwidget.capture.inputs import check_fit, encode_target, position_limit
from attnwidget.capture.wrappers import core_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from attnwidget.capture.generation import OnToken, Options

_MOST = 256  # tokens of a generated target, where positions do not end before


def decoder_ids(  # noqa: PLR0917 - the text, then how it is written
    model: Any,
    tokenizer: Any,
    text_target: str | Sequence[int] | None,
    source: Tensor,
    keep: Tensor,
    options: Options,
    on_token: OnToken | None = None,
) -> tuple[list[int], list[str]]:
    """Return what the decoder reads: its start token and the target, without the end mark; and notices of that.

    So row *i* is the one from which the model says token *i + 1*, as in training.
    """
    core = core_of(model)
    config = core.generation_config if core.can_generate() else core.config
    ends = as_list(getattr(config, "eos_token_id", None) or core.config.eos_token_id)
    if text_target is None:
        limit = position_limit(core.get_decoder())
        writer = Writer(model, options, "text_target=")
        most = writer.most(1) or _MOST  # after the start token
        most = most if limit is None else min(most, limit - 1)
        ids, notices = writer.write(source, keep, most, tokenizer, on_token)
        if len(ids) > 1 and ids[-1] in ends:
            ids.pop()
        return ids, notices
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


def continue_prompt(  # noqa: PLR0917 - likewise
    model: Any, tokenizer: Any, prompt: Tensor, keep: Tensor, options: Options, on_token: OnToken | None = None
) -> tuple[list[int], list[str]]:
    """Return a prompt's ids (1, n) with what the model writes after it, and notices; an end mark ends it."""
    writer = Writer(model, options, "a text without generate=")
    most = writer.most(prompt.shape[1])
    if most is None:
        raise ValueError(
            'generate does not say how many tokens; add max_new_tokens: generate={"max_new_tokens": 20, …}'
        )
    check_fit(model, prompt[0].tolist(), most)
    return writer.write(prompt, keep, most, tokenizer, on_token)
