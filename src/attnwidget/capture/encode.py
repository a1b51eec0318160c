"""From what was given to what a model takes: ids or embeddings, token types, and the tokens as a reader sees them."""

from __future__ import annotations

from bisect import bisect_right
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from attnwidget.capture.chat import write_chat
from attnwidget.capture.errors import CaptureError, MissingTokenizerError
from attnwidget.capture.given import Given
from attnwidget.capture.inputs import (
    NO_NAMES,
    check_fit,
    check_length,
    check_not_empty,
    find_tokenizer,
    once,
    read_tokens,
)
from attnwidget.capture.wrappers import core_of, names
from attnwidget.tokens import Tokens, describe

if TYPE_CHECKING:
    from torch import Tensor

_HANDED_ON = (
    "token_type_ids are handed on, as in model(**inputs): this model has no types of its own, and of a text alone it "
    "would be given none."
)
_OTHERWISE = (
    "The text shows how {} token ids read, and they run as they are until it is edited: of the text itself the "
    "tokenizer makes other tokens."
)


class Encoded(NamedTuple):
    """One row as the model takes it."""

    tokens: Tokens
    ids: list[int] | None  # or else:
    embeds: Tensor | None = None  # (n, d_model)
    segments: list[int] | None = None  # of which text of a pair, or turn of a chat, each token is, from 0
    types: list[int] | None = None  # token types, where the model takes them
    notices: list[str] = []  # noqa: RUF012 - of a tuple, and never written to


def tokenizer_for(model: Any, tokenizer: Any, given: Given) -> Any:
    """Return the user's tokenizer, or the one beside the model; None where none is found and none is needed."""
    if tokenizer is None and given.needs_tokenizer:
        return find_tokenizer(model)
    if tokenizer is None and given.labels is None:
        with suppress(MissingTokenizerError):
            return find_tokenizer(model)
    if tokenizer is not None and not callable(tokenizer):
        raise TypeError(f"tokenizer must be a transformers tokenizer, got {type(tokenizer).__name__}")
    return tokenizer


def read_back(model: Any, tokenizer: Any, ids: list[int] | None) -> tuple[str, list[str]]:
    """Return the text that ids read as, with the marks in it where without them the tokenizer makes other ids of it.

    The second result is a notice where it does so in any case. Without a tokenizer the text is empty.
    """
    given = Given(ids=[number for number in ids or [] if number >= 0])
    tokenizer = tokenizer_for(model, tokenizer, given)
    if tokenizer is None or not given.ids:
        return "", []
    plain, whole = (
        str(tokenizer.decode(given.ids, skip_special_tokens=skips, clean_up_tokenization_spaces=False))
        for skips in (True, False)
    )
    for text in dict.fromkeys([plain, whole]):
        with suppress(CaptureError):
            if _text(model, tokenizer, Given(text=text)).ids == given.ids:
                return text, []
    return whole, [_OTHERWISE.format(len(given.ids))]


def encode(model: Any, tokenizer: Any, given: Given, *, opens: bool = False) -> Encoded:
    """Tokenize what takes it, and check it against the model's vocabulary and positions.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        That is to read it.
    tokenizer : optional
        As `tokenizer_for` returns it.
    given : Given
        One row.
    opens : bool
        Whether the assistant's next turn is opened at the end of a chat.
    """
    if given.embeds is not None:
        found = _embedded(model, given, given.embeds)
    elif given.ids is not None:
        found = _numbered(model, tokenizer, given, given.ids)
    elif given.messages is not None:
        found = _chat(model, tokenizer, given, opens=opens)
    else:
        found = _text(model, tokenizer, given)
    return found if given.types is None else _with_types(model, found, given.types)


def _text(model: Any, tokenizer: Any, given: Given) -> Encoded:
    text, text_pair = given.text, given.text_pair
    for name, one in (("text", text), ("text_pair", text_pair)):
        if not isinstance(one, str) and (one is not None or name == "text"):
            raise TypeError(f"{name} must be a str, got {type(one).__name__}")
        _check_whole(name, one or "")
    assert text is not None  # noqa: S101 - checked above
    is_fast = bool(getattr(tokenizer, "is_fast", False))
    texts = (text,) if text_pair is None else (text, text_pair)
    options: dict[str, Any] = {} if text_pair is None else {"return_token_type_ids": True}
    options |= {"return_offsets_mapping": is_fast, "return_special_tokens_mask": True}
    marks = {} if given.add_special_tokens is None else {"add_special_tokens": given.add_special_tokens}
    encoded = tokenizer(*texts, verbose=False, **options, **marks)
    ids = [int(number) for number in encoded["input_ids"]]
    check_not_empty(tokenizer, ids, *texts)
    kept, notices = once(tokenizer, encoded, ids)
    check_fit(model, ids[kept])
    types = encoded.get("token_type_ids") if hasattr(encoded, "get") else None
    types = types[kept] if types is not None and _knows_types(model, types) else None
    spans = list(encoded["offset_mapping"]) if is_fast else None
    if text_pair is None:
        tokens = read_tokens(tokenizer, ids[kept], spans and spans[kept], text)
        return Encoded(tokens, ids[kept], types=types, notices=notices)
    segments = _segments(tokenizer, encoded, text, len(ids), marks)
    if spans is not None:  # both texts count from 0: set them apart, so that none of their tokens touch
        spans = [
            (start + part * (len(text) + 1), end + part * (len(text) + 1))
            for (start, end), part in zip(spans, segments, strict=True)
        ]
    tokens = read_tokens(tokenizer, ids[kept], spans and spans[kept], f"{text}\n{text_pair}")
    return Encoded(tokens, ids[kept], segments=segments[kept], types=types, notices=notices)


def _chat(model: Any, tokenizer: Any, given: Given, *, opens: bool) -> Encoded:
    """Write a chat by its template, and tell of which message each token is."""
    assert given.messages is not None  # noqa: S101 - checked by the caller
    text, starts, notices = write_chat(tokenizer, given.messages, opens=opens)
    _check_whole("chat", text)
    if tokenizer is None or not text:
        raise CaptureError("the chat template writes nothing of these messages")
    is_fast = bool(getattr(tokenizer, "is_fast", False))
    # the template has written the marks
    encoded = tokenizer(text, verbose=False, add_special_tokens=False, return_offsets_mapping=is_fast)
    ids = [int(number) for number in encoded["input_ids"]]
    check_not_empty(tokenizer, ids, text)
    check_fit(model, ids)
    if is_fast:
        spans = list(encoded["offset_mapping"])
        segments = [max(0, bisect_right(starts, start) - 1) for start, _ in spans]
        return Encoded(read_tokens(tokenizer, ids, spans, text), ids, segments=segments, notices=notices)
    counts = [len(tokenizer(text[:start], add_special_tokens=False)["input_ids"]) for start in starts]
    segments = [max(0, bisect_right(counts, at) - 1) for at in range(len(ids))]
    return Encoded(read_tokens(tokenizer, ids), ids, segments=segments, notices=notices)


def _numbered(model: Any, tokenizer: Any, given: Given, ids: list[int]) -> Encoded:
    check_fit(model, ids, made="they are another model's")
    notices = [] if tokenizer is not None or given.labels is not None else [NO_NAMES]
    tokens = read_tokens(tokenizer, ids) if given.labels is None else _labelled(given.labels, len(ids), ids)
    return Encoded(tokens, ids, segments=None if given.parts is None else _filled(given.parts), notices=notices)


def _embedded(model: Any, given: Given, embeds: Tensor) -> Encoded:
    weight: Tensor = core_of(model).get_input_embeddings().weight  # (vocabulary, d_model)
    if embeds.shape[1] != weight.shape[1]:
        raise CaptureError(f"inputs_embeds have a width of {embeds.shape[1]}, the model's embeddings {weight.shape[1]}")
    if not names(model, "inputs_embeds"):
        raise CaptureError(f"{type(model).__name__} takes no inputs_embeds; give it token ids")
    check_length(model, len(embeds))
    assert given.labels is not None  # noqa: S101 - checked where it was sorted
    return Encoded(_labelled(given.labels, len(embeds), None), None, embeds.to(weight.dtype))


def _labelled(labels: list[str], n: int, ids: list[int] | None) -> Tokens:
    if len(labels) != n:
        raise ValueError(f"tokens must name each of the {n} tokens, got {len(labels)} names")
    return replace(describe(labels), ids=ids)


def _with_types(model: Any, found: Encoded, types: list[int]) -> Encoded:
    """Hand token types on as the user's own call of the model would."""
    n = len(found.tokens.text)
    if len(types) != n:
        raise ValueError(f"token_type_ids must have one entry for each of the {n} tokens, got {len(types)}")
    segments = types if found.segments is None and {*types} == {0, 1} else found.segments
    if not names(model, "token_type_ids"):
        if any(types):
            raise ValueError(f"{type(model).__name__} takes no token_type_ids")
        return found
    count = _count_types(model)
    if count and not 0 <= min(types) <= max(types) < count:
        raise ValueError(f"token_type_ids must be from 0 to {count - 1}, got {min(types)} to {max(types)}")
    if not count:
        check_fit(model, types, made="token_type_ids are looked up among the words here")
    notices = found.notices if count else [*found.notices, _HANDED_ON]
    return found._replace(segments=segments, types=types, notices=notices)


def _check_whole(name: str, text: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise CaptureError(f"the {name} holds half of a character (a lone surrogate) and cannot be encoded")


def _segments(tokenizer: Any, encoded: Any, text: str, n: int, marks: dict[str, bool]) -> list[int]:
    """Say of which text each token is; a mark between texts belongs to the one before it."""
    types = encoded.get("token_type_ids")
    if types is not None and set(types) == {0, 1}:
        return [int(number) for number in types]
    if not getattr(tokenizer, "is_fast", False):
        first = len(tokenizer(text, **marks)["input_ids"])
        return [int(position >= first) for position in range(n)]
    return _filled(encoded.sequence_ids(0))


def _filled(parts: list[int | None]) -> list[int]:
    """Count a mark between texts to the one before it."""
    segments, now = [], 0
    for part in parts:
        now = now if part is None else part
        segments.append(now)
    return segments


def _knows_types(model: Any, types: list[int]) -> bool:
    """Whether the model embeds token types. GPT-2 takes them too, and adds words' embeddings."""
    return names(model, "token_type_ids") and 1 < _count_types(model) > max(types)


def _count_types(model: Any) -> int:
    config = core_of(model).config
    return 3 if config.model_type == "xlnet" else int(getattr(config, "type_vocab_size", 0) or 0)
