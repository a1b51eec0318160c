"""Token ids, checked before the model sees them and named for a reader; and the tokenizer that knows their names."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import nn
from transformers import AutoTokenizer, PreTrainedModel

from attnwidget.capture.errors import (
    CaptureError,
    EmptyTextError,
    MissingTokenizerError,
    TextTooLongError,
    UnsupportedModelError,
)
from attnwidget.capture.given import numbers_in
from attnwidget.capture.notices import doubled_marks
from attnwidget.capture.support import text_tower
from attnwidget.capture.wrappers import core_of, virtual_tokens
from attnwidget.tokens import Tokens, describe, scheme_of

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_NAMES = "No tokenizer was given or found: the tokens are shown by their ids."


def once(tokenizer: Any, encoded: Any, ids: list[int]) -> tuple[slice, list[str]]:
    """Return which tokens are no marks that the text brings along itself, and what to say of those."""
    added = list(encoded.get("special_tokens_mask") or []) if hasattr(encoded, "get") else []
    return doubled_marks(ids, added, [str(token) for token in tokenizer.convert_ids_to_tokens(ids)])


def encode_target(model: Any, tokenizer: Any, text: str | Sequence[int]) -> tuple[list[int], list[str]]:
    """Tokenize what a decoder is to say, as for training: the language's marks, and the end's; and notices of that.

    Token ids are taken as they are.
    """
    decoder = core_of(model).get_decoder()
    if not isinstance(text, str):
        try:
            ids = numbers_in(text, "text_target")
        except TypeError as error:
            raise TypeError(f"text_target must be a str or token ids, got {type(text).__name__} ({error})") from error
        if not ids:
            raise EmptyTextError("text_target has no token ids: give one at least")
        check_fit(decoder, ids, made="they are another model's")
        return ids, []
    tokenizer = find_tokenizer(model) if tokenizer is None else tokenizer
    encoded = tokenizer(text_target=text, verbose=False, return_special_tokens_mask=True)
    ids = [int(number) for number in encoded["input_ids"]]
    check_not_empty(tokenizer, ids, text)
    kept, notices = once(tokenizer, encoded, ids)
    check_fit(decoder, ids[kept])
    return ids[kept], [one.replace("The text", "The target") for one in notices]


def names_of(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """Return each token as the vocabulary writes it; without a tokenizer, or a name, its id."""
    if tokenizer is None:
        return [str(number) for number in ids]
    names = tokenizer.convert_ids_to_tokens(list(ids))
    # a table of embeddings may be longer than the vocabulary
    return [f"token {number}" if name is None else str(name) for name, number in zip(names, ids, strict=True)]


def read_tokens(
    tokenizer: Any, ids: list[int], spans: list[tuple[int, int]] | None = None, text: str | None = None
) -> Tokens:
    """Describe token ids as a reader sees them; `spans` are their places in `text`, where those are known."""
    known = set() if tokenizer is None else set(tokenizer.all_special_ids)
    found = describe(
        names_of(tokenizer, ids),
        scheme=None if tokenizer is None else scheme_of(tokenizer),
        spans=spans,
        text=text,
        special=[number in known for number in ids],
    )
    return replace(found, ids=list(ids))


def check_length(model: Any, count: int, more: int = 0) -> None:
    """Check a number of tokens, and `more` that are to come, against the positions."""
    limit = position_limit(model)
    if limit is not None and count + more > limit:
        what = "the text has" if not more else "the text and what is generated have"
        raise TextTooLongError(f"{what} {count + more} tokens, but the model has {limit} positions; shorten it")


def check_fit(
    model: Any, ids: list[int], more: int = 0, *, made: str = "pass the tokenizer that belongs to the model"
) -> None:
    """Check ids, and `more` that are to come, against the vocabulary and the positions; `made` is what to do."""
    check_length(model, len(ids), more)
    vocabulary = vocabulary_size(model)
    strange = max(ids) if min(ids) >= 0 else min(ids)
    if not 0 <= strange < vocabulary:
        raise CaptureError(f"token {strange} is outside the model's vocabulary of {vocabulary}; {made}")


def check_not_empty(tokenizer: Any, ids: list[int], *texts: str) -> None:
    """Refuse a text of which nothing is left but marks."""
    known = set(tokenizer.all_special_ids)
    for text in texts:
        # "[MASK]" alone is a text; "[CLS] [SEP]" around nothing is not
        is_bare = all(number in known for number in ids) or len(texts) > 1
        if not text or (is_bare and not tokenizer(text, add_special_tokens=False)["input_ids"]):
            raise EmptyTextError(f"the text {text!r} gives no tokens; write at least one word")


def vocabulary_size(model: Any) -> int:
    """Count the tokens that a model knows."""
    return int(word_embeddings(model).num_embeddings)


def word_embeddings(model: Any) -> Any:
    """Return a model's embeddings of words, perhaps wrapped; one that takes no text is refused."""
    with suppress(AttributeError, NotImplementedError):
        found = core_of(model).get_input_embeddings()
        if hasattr(found, "num_embeddings"):
            return found
    raise UnsupportedModelError(f"{type(model).__name__} takes no text{text_tower(model)}")


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


class Table(NamedTuple):
    """Learned positions."""

    module: nn.Embedding
    rows: int  # that positions from 0 on may name
    unused: int  # at its start, where positions that the model counts itself leave some

    @property
    def counts_real(self) -> bool:
        """Whether the model itself counts from the first real token: by its mask (OPT), or by its ids (RoBERTa)."""
        return self.module.padding_idx is not None or "attention_mask" in signature(self.module.forward).parameters


def position_table(model: Any) -> Table | None:
    """Find a model's table of learned positions; None where there is none.

    RoBERTa and OPT leave rows unused at its start. Rotary positions and ALiBi are computed for any length.
    """
    words = word_embeddings(model)
    # the innermost model with the embeddings of words: beside it may be one of pictures
    *_, text_model = (
        module
        for module in model.modules()
        if isinstance(module, PreTrainedModel) and any(part is words for part in module.modules())
    )
    for name, module in text_model.named_modules():
        last = name.rpartition(".")[2]
        if isinstance(module, nn.Embedding) and (last == "wpe" or ("position" in last and "relative" not in last)):
            offset = int(getattr(module, "offset", 0))
            unused = offset if module.padding_idx is None else module.padding_idx + 1
            return Table(module, int(module.num_embeddings) - offset, unused)
    return None


def position_limit(model: Any) -> int | None:
    """Return how many of a text's tokens the model has positions for, None if it has no bound.

    A text longer than what a model without a table was trained on runs, and is shown as it is.
    """
    table = position_table(model)
    return None if table is None else int(table.module.num_embeddings - table.unused) - virtual_tokens(model)
