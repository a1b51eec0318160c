"""From a text to token ids, checked before the model sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, PreTrainedModel

from attnwidget.capture.errors import (
    CaptureError,
    EmptyTextError,
    MissingTokenizerError,
    TextTooLongError,
    UnsupportedModelError,
)
from attnwidget.tokens import Tokens, describe, scheme_of

if TYPE_CHECKING:
    from collections.abc import Sequence


class Inputs(NamedTuple):
    """One text as the model takes it."""

    ids: Tensor  # (1, n)
    mask: Tensor  # (1, n), 1 where a token is kept
    tokens: Tokens


def prepare(
    model: Any,
    text: str,
    tokenizer: Any,
    attention_mask: Sequence[Any] | Tensor | None,
) -> Inputs:
    """Tokenize a text and check it against the model's positions."""
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, got {type(text).__name__}")
    tokenizer = find_tokenizer(model) if tokenizer is None else tokenizer
    if not callable(tokenizer):
        raise TypeError(f"tokenizer must be a transformers tokenizer, got {type(tokenizer).__name__}")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise CaptureError("the text holds half of a character (a lone surrogate) and cannot be encoded")
    vocabulary = vocabulary_size(model)
    is_fast = bool(getattr(tokenizer, "is_fast", False))
    encoded = tokenizer(text, return_offsets_mapping=is_fast, verbose=False)
    ids = [int(number) for number in encoded["input_ids"]]
    known = set(tokenizer.all_special_ids)
    special = [number in known for number in ids]
    # "[MASK]" alone is a text; "[CLS] [SEP]" around nothing is not
    if not text or (all(special) and not tokenizer(text, add_special_tokens=False)["input_ids"]):
        raise EmptyTextError(f"the text {text!r} gives no tokens; write at least one word")
    limit = position_limit(model)
    if limit is not None and len(ids) > limit:
        raise TextTooLongError(f"the text has {len(ids)} tokens, but the model has {limit} positions; shorten it")
    if max(ids) >= vocabulary:
        raise CaptureError(
            f"token {max(ids)} is outside the model's vocabulary of {vocabulary}; "
            "pass the tokenizer that belongs to the model"
        )
    tokens = describe(
        [str(token) for token in tokenizer.convert_ids_to_tokens(ids)],
        scheme=scheme_of(tokenizer),
        spans=encoded["offset_mapping"] if is_fast else None,
        special=special,
    )
    mask = _check_mask(attention_mask, len(ids))
    return Inputs(torch.tensor([ids]), mask, tokens)


def vocabulary_size(model: Any) -> int:
    """Count the tokens that a model knows; one that takes no text is refused."""
    try:
        return int(model.get_input_embeddings().num_embeddings)
    except (AttributeError, NotImplementedError) as error:
        raise UnsupportedModelError(f"{type(model).__name__} takes no text") from error


def find_tokenizer(model: nn.Module) -> Any:
    """Load the tokenizer that lies beside the model's weights, from disk only."""
    name = getattr(model.config, "name_or_path", "")
    problem: Exception | None = None
    if name:
        try:
            tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=True)
        except Exception as error:  # noqa: BLE001 - whatever is wrong, the answer is the same
            problem = error
        else:
            # Of a folder without a vocabulary transformers makes a tokenizer that knows no word.
            if not set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
                return tokenizer
    where = f" on this machine for {name!r}" if name else "; the model names no source"
    raise MissingTokenizerError(
        f"no tokenizer found{where}; pass tokenizer=, for example AutoTokenizer.from_pretrained(...)"
    ) from problem


def position_limit(model: Any) -> int | None:
    """Return how many tokens the model has positions for, None if it has no bound.

    Learned positions are counted in their table, less the rows that RoBERTa and OPT leave unused
    at its start. Rotary positions and ALiBi are computed for any length: a text longer than what
    the model was trained on runs, and is shown as it is.
    """
    words = model.get_input_embeddings()
    # the innermost model with the embeddings of words: beside it may be one of pictures
    *_, text_model = (
        module
        for module in model.modules()
        if isinstance(module, PreTrainedModel) and any(part is words for part in module.modules())
    )
    for name, module in text_model.named_modules():
        last = name.rpartition(".")[2]
        if not isinstance(module, nn.Embedding):
            continue
        if last == "wpe" or ("position" in last and "relative" not in last):
            padding = module.padding_idx
            unused = getattr(module, "offset", 0) if padding is None else padding + 1
            return int(module.num_embeddings - unused)
    return None


def _check_mask(attention_mask: Sequence[Any] | Tensor | None, n: int) -> Tensor:
    if attention_mask is None:
        return torch.ones(1, n, dtype=torch.long)  # (1, n)
    mask = torch.as_tensor(attention_mask)
    if tuple(mask.shape) not in {(n,), (1, n)}:
        raise ValueError(
            f"attention_mask must have one entry for each of the text's {n} tokens, "
            f"shape ({n},) or (1, {n}), got shape {tuple(mask.shape)}"
        )
    if not ((mask == 0) | (mask == 1)).all():
        raise ValueError("attention_mask must hold 1 (kept) and 0 (masked) only")
    return mask.reshape(1, n).long()  # (1, n)
