"""From a text to token ids, checked before the model sees them."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

from torch import nn
from transformers import AutoTokenizer, PreTrainedModel

from attnwidget.capture.errors import (
    CaptureError,
    EmptyTextError,
    MissingTokenizerError,
    TextTooLongError,
    UnsupportedModelError,
)
from attnwidget.capture.notices import doubled_marks
from attnwidget.capture.support import text_tower
from attnwidget.capture.wrappers import core_of, takes, virtual_tokens
from attnwidget.tokens import Tokens, describe, scheme_of


class Encoded(NamedTuple):
    """One text, or a pair of them, as the model takes it."""

    ids: list[int]
    tokens: Tokens
    segments: list[int] | None = None  # of which text of a pair each token is, 0 or 1
    types: list[int] | None = None  # token types, where the model knows them
    notices: list[str] = []  # noqa: RUF012 - of a tuple, and never written to


def encode(model: Any, tokenizer: Any, text: str, text_pair: str | None = None) -> Encoded:
    """Tokenize a text or a pair, and check it against the model's vocabulary and positions."""
    for name, given in (("text", text), ("text_pair", text_pair)):
        if not isinstance(given, str) and (given is not None or name == "text"):
            raise TypeError(f"{name} must be a str, got {type(given).__name__}")
        if any("\ud800" <= letter <= "\udfff" for letter in given or ""):
            raise CaptureError(f"the {name} holds half of a character (a lone surrogate) and cannot be encoded")
    if not callable(tokenizer):
        raise TypeError(f"tokenizer must be a transformers tokenizer, got {type(tokenizer).__name__}")
    is_fast = bool(getattr(tokenizer, "is_fast", False))
    texts = (text,) if text_pair is None else (text, text_pair)
    options = {} if text_pair is None else {"return_token_type_ids": True}
    options |= {"return_offsets_mapping": is_fast, "return_special_tokens_mask": True}
    encoded = tokenizer(*texts, verbose=False, **options)
    ids = [int(number) for number in encoded["input_ids"]]
    _check_not_empty(tokenizer, ids, *texts)
    once, notices = _once(tokenizer, encoded, ids)
    check_fit(model, ids[once])
    types = encoded.get("token_type_ids") if hasattr(encoded, "get") else None
    types = types[once] if types is not None and _knows_types(model, types) else None
    if text_pair is None:
        spans = encoded["offset_mapping"][once] if is_fast else None
        return Encoded(ids[once], read_tokens(tokenizer, ids[once], spans, text), types=types, notices=notices)
    segments = _segments(tokenizer, encoded, text, len(ids))
    spans = None
    if is_fast:  # both texts count from 0: set them apart, so that none of their tokens touch
        spans = [
            (start + part * (len(text) + 1), end + part * (len(text) + 1))
            for (start, end), part in zip(encoded["offset_mapping"], segments, strict=True)
        ]
        spans = spans[once]
    tokens = read_tokens(tokenizer, ids[once], spans, f"{text}\n{text_pair}")
    return Encoded(ids[once], tokens, segments[once], types, notices)


def _once(tokenizer: Any, encoded: Any, ids: list[int]) -> tuple[slice, list[str]]:
    """Return which tokens are no marks that the text brings along itself, and what to say of those."""
    added = list(encoded.get("special_tokens_mask") or []) if hasattr(encoded, "get") else []
    return doubled_marks(ids, added, [str(token) for token in tokenizer.convert_ids_to_tokens(ids)])


def encode_target(model: Any, tokenizer: Any, text: str) -> tuple[list[int], list[str]]:
    """Tokenize what a decoder is to say, as for training: the language's marks, and the end's; and notices of that."""
    if not isinstance(text, str):
        raise TypeError(f"text_target must be a str, got {type(text).__name__}")
    encoded = tokenizer(text_target=text, verbose=False, return_special_tokens_mask=True)
    ids = [int(number) for number in encoded["input_ids"]]
    _check_not_empty(tokenizer, ids, text)
    once, notices = _once(tokenizer, encoded, ids)
    check_fit(core_of(model).get_decoder(), ids[once])
    return ids[once], [one.replace("The text", "The target") for one in notices]


def read_tokens(
    tokenizer: Any, ids: list[int], spans: list[tuple[int, int]] | None = None, text: str | None = None
) -> Tokens:
    """Describe token ids as a reader sees them; `spans` are their places in `text`, where those are known."""
    known = set(tokenizer.all_special_ids)
    return describe(
        [str(token) for token in tokenizer.convert_ids_to_tokens(ids)],
        scheme=scheme_of(tokenizer),
        spans=spans,
        text=text,
        special=[number in known for number in ids],
    )


def check_fit(model: Any, ids: list[int], more: int = 0) -> None:
    """Check ids, and `more` that are to come, against the vocabulary and the positions."""
    vocabulary = vocabulary_size(model)
    limit, count = position_limit(model), len(ids) + more
    if limit is not None and count > limit:
        what = f"the text has {count} tokens" if not more else f"the text and what is generated have {count} tokens"
        raise TextTooLongError(f"{what}, but the model has {limit} positions; shorten it")
    if max(ids) >= vocabulary:
        raise CaptureError(
            f"token {max(ids)} is outside the model's vocabulary of {vocabulary}; "
            "pass the tokenizer that belongs to the model"
        )


def _check_not_empty(tokenizer: Any, ids: list[int], *texts: str) -> None:
    known = set(tokenizer.all_special_ids)
    for text in texts:
        # "[MASK]" alone is a text; "[CLS] [SEP]" around nothing is not
        is_bare = all(number in known for number in ids) or len(texts) > 1
        if not text or (is_bare and not tokenizer(text, add_special_tokens=False)["input_ids"]):
            raise EmptyTextError(f"the text {text!r} gives no tokens; write at least one word")


def _segments(tokenizer: Any, encoded: Any, text: str, n: int) -> list[int]:
    """Say of which text each token is; a mark between texts belongs to the one before it."""
    types = encoded.get("token_type_ids")
    if types is not None and set(types) == {0, 1}:
        return [int(number) for number in types]
    if not getattr(tokenizer, "is_fast", False):
        first = len(tokenizer(text)["input_ids"])
        return [int(position >= first) for position in range(n)]
    segments, now = [], 0
    for part in encoded.sequence_ids(0):
        now = now if part is None else part
        segments.append(now)
    return segments


def _knows_types(model: Any, types: list[int] | None) -> bool:
    """Whether the model embeds token types. GPT-2 takes them too, and adds words' embeddings."""
    core = core_of(model)
    if types is None or "token_type_ids" not in inspect.signature(core.base_model.forward).parameters:
        return False
    count = 3 if core.config.model_type == "xlnet" else getattr(core.config, "type_vocab_size", 0)
    if not takes(model, "token_type_ids"):
        return False
    return 1 < count > max(types)


def vocabulary_size(model: Any) -> int:
    """Count the tokens that a model knows; one that takes no text is refused."""
    try:
        return int(core_of(model).get_input_embeddings().num_embeddings)
    except (AttributeError, NotImplementedError) as error:
        raise UnsupportedModelError(f"{type(model).__name__} takes no text{text_tower(model)}") from error


def find_tokenizer(model: nn.Module) -> Any:
    """Load the tokenizer that lies beside the model's weights, from disk only."""
    name = getattr(core_of(model).config, "name_or_path", "")
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
    """Return how many of a text's tokens the model has positions for, None if it has no bound.

    Learned positions are counted in their table, less the rows that RoBERTa and OPT leave unused
    at its start. Rotary positions and ALiBi are computed for any length: a text longer than what
    the model was trained on runs, and is shown as it is.
    """
    words = core_of(model).get_input_embeddings()
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
            return int(module.num_embeddings - unused) - virtual_tokens(model)
    return None
