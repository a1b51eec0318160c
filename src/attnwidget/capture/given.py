"""What a user hands over, sorted: a text, token ids, chat messages or embeddings, and what goes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any

import torch
from torch import Tensor

from attnwidget.capture.errors import CaptureError, EmptyTextError

# What a tokenizer may return beside what a model takes.
_ASIDE = {
    "offset_mapping",
    "special_tokens_mask",
    "length",
    "labels",
    "overflow_to_sample_mapping",
    "num_truncated_tokens",
}
_WITH = "attention_mask", "position_ids", "token_type_ids", "inputs_embeds"
_WANTED = "text must be a str, token ids, chat messages, or what a tokenizer returns"


@dataclass(frozen=True)
class Given:
    """One row: exactly one of `text`, `ids`, `messages` and `embeds`."""

    text: str | None = None
    text_pair: str | None = None
    ids: list[int] | None = None
    messages: list[Mapping[str, Any]] | None = None
    embeds: Tensor | None = None  # (n, d_model)
    labels: list[str] | None = None  # the user's own names of the tokens
    mask: Any = None  # as `masks.read_mask` takes it
    positions: Any = None  # as `positions.read_positions` takes it
    types: list[int] | None = None
    parts: list[int | None] | None = None  # of which text of a pair the tokenizer has made each id
    add_special_tokens: bool | None = None

    @property
    def needs_tokenizer(self) -> bool:
        """Whether only a tokenizer can tell what the tokens are."""
        return self.text is not None or self.messages is not None


def sort_out(
    first: Any,
    text_pair: str | None = None,
    *,
    tokens: Sequence[str] | None = None,
    add_special_tokens: bool | None = None,
    parts: list[int | None] | None = None,
    **beside: Any,
) -> Given:
    """Tell what the first argument of `attnwidget.capture.capture` is, and join what stands in it and beside it.

    `beside` is `attention_mask`, `position_ids`, `token_type_ids` and `inputs_embeds`; `parts` as of `Given`.
    """
    encoding = first if isinstance(first, Mapping) else None
    if encoding is not None:
        first, beside = _from_mapping(encoding, beside)
        parts = _parts(encoding)
    what, found = _main(first, beside.get("inputs_embeds"))
    if text_pair is not None and what != "text":
        raise ValueError(f"text_pair goes with a text, not with {what}")
    if add_special_tokens is not None and what != "text":
        why = "the chat template writes the marks" if what == "chat messages" else "they are run as they are"
        raise ValueError(f"add_special_tokens has no meaning for {what}: {why}")
    if tokens is None and what == "inputs_embeds":
        raise TypeError("inputs_embeds go with tokens=, a name for each of them")
    if tokens is not None and what not in {"inputs_embeds", "token ids"}:
        raise ValueError(f"tokens names token ids or inputs_embeds; of {what} the tokenizer makes its own")
    types = beside.get("token_type_ids")
    return Given(
        **found,
        text_pair=text_pair,
        labels=None if tokens is None else list(tokens),
        mask=beside.get("attention_mask"),
        positions=beside.get("position_ids"),
        types=None if types is None else numbers_in(types, "token_type_ids"),
        parts=parts,
        add_special_tokens=add_special_tokens,
    )


def _main(first: Any, embeds: Any) -> tuple[str, dict[str, Any]]:
    """Say what the row itself is, and return it by the name of its field."""
    if embeds is not None:
        if first is not None:
            raise TypeError("inputs_embeds stand in place of a text or ids: give one of the two")
        return "inputs_embeds", {"embeds": _vectors(embeds)}
    if isinstance(first, str):
        return "text", {"text": first}
    if _is_chat(first):
        return "chat messages", {"messages": list(first)}
    if not _is_row(first):
        raise TypeError(f"{_WANTED}, got {type(first).__name__}")
    ids = numbers_in(first, "token ids")
    if not ids:
        raise EmptyTextError("there are no token ids: give one at least")
    return "token ids", {"ids": ids}


def _from_mapping(given: Mapping[str, Any], beside: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the ids of what a tokenizer has returned, or of a model's arguments, and what goes with them."""
    if "role" in given:
        raise TypeError('one chat message alone: give a list of them, [{"role": …, "content": …}, …]')
    strange = [str(name) for name in given if name not in {"input_ids", *_WITH, *_ASIDE}]
    if strange or not {"input_ids", "inputs_embeds"} & {*given}:
        what = f"has {', '.join(strange)}" if strange else f"has only {', '.join(map(str, given)) or 'nothing'}"
        raise ValueError(f"expected input_ids (or inputs_embeds), and beside them {', '.join(_WITH[:3])}; it {what}")
    joined = {name: given.get(name) for name in _WITH}
    for name, value in beside.items():
        if value is not None and joined[name] is not None:
            raise ValueError(f"{name} stands in the inputs and beside them: give one of the two")
        joined[name] = joined[name] if value is None else value
    return given.get("input_ids"), joined


def rows_in(batch: Any, attention_mask: Any = None) -> list[dict[str, Any]]:
    """Return the rows of a batch, each as the arguments of `sort_out`."""
    if isinstance(batch, Mapping):
        first, joined = _from_mapping(batch, {"attention_mask": attention_mask})
        columns = {"first": first, **{name: value for name, value in joined.items() if value is not None}}
        sizes = {name: len(value) for name, value in columns.items()}
        if len({*sizes.values()}) > 1:
            raise ValueError(f"the inputs have different numbers of rows: {sizes}")
        rows = [{name: value[row] for name, value in columns.items()} for row in range(len(first))]
        is_fast = bool(getattr(batch, "is_fast", False))
        return [row | ({"parts": _parts(batch, number)} if is_fast else {}) for number, row in enumerate(rows)]
    if isinstance(batch, str) or _is_chat(batch) or not _is_row(batch):
        what = "a text" if isinstance(batch, str) else "one chat" if _is_chat(batch) else type(batch).__name__
        raise TypeError(
            f"a batch is a list of texts, of token ids or of chats, or a tensor of ids (rows, n), not {what}"
        )
    rows = [{"first": one} for one in batch]
    if any(isinstance(one["first"], int) or getattr(one["first"], "ndim", 1) == 0 for one in rows):
        raise CaptureError("this is one row of token ids, not a batch: attnwidget.capture takes it")
    if attention_mask is not None:
        if len(attention_mask) != len(rows):
            raise ValueError(f"attention_mask must have one row for each of {len(rows)}, got {len(attention_mask)}")
        rows = [row | {"attention_mask": mask} for row, mask in zip(rows, attention_mask, strict=True)]
    return rows


def numbers_in(given: Any, what: str) -> list[int]:
    """Return whole numbers as a list: from a list, an array or a tensor, (n,) or (1, n)."""
    if hasattr(given, "ndim") and hasattr(given, "dtype"):
        tensor = torch.as_tensor(given)
        if tensor.is_floating_point() or tensor.dtype == torch.bool:
            raise TypeError(
                f"{what} must be whole numbers, got {tensor.dtype} of shape {tuple(tensor.shape)}{_VECTORS}"
            )
        if tensor.ndim not in {1, 2}:
            raise ValueError(f"{what} must be of shape (n,) or (1, n), got {tuple(tensor.shape)}")
        if tensor.ndim == 2 and len(tensor) != 1:
            raise _batch(len(tensor))
        return [int(number) for number in tensor.reshape(-1).tolist()]
    numbers = list(given)
    if numbers and _is_row(numbers[0]) and getattr(numbers[0], "ndim", 1) > 0:
        if len(numbers) == 1:
            return numbers_in(numbers[0], what)
        raise _batch(len(numbers))
    if numbers and isinstance(numbers[0], (str, Mapping)):
        raise _batch(len(numbers), "text" if isinstance(numbers[0], str) else "input")
    return [_number(one, what) for one in numbers]


def _number(one: Any, what: str) -> int:
    try:
        if not isinstance(one, bool):
            return index(one)
    except TypeError:
        pass
    raise TypeError(f"{what} must be whole numbers, got {one!r}{_VECTORS}")


_VECTORS = "; vectors go in as inputs_embeds=, with tokens="


def _batch(count: int, what: str = "row") -> CaptureError:
    return CaptureError(
        f"this is a batch of {count} {what}{'' if count == 1 else 's'}, and capture takes one by itself: "
        "attnwidget.capture_batch(model, batch) returns a trace of each"
    )


def _is_row(given: Any) -> bool:
    return (isinstance(given, Sequence) and not isinstance(given, str | bytes)) or hasattr(given, "ndim")


def _is_chat(given: Any) -> bool:
    return (
        isinstance(given, list | tuple)
        and len(given) > 0
        and all(isinstance(one, Mapping) and "role" in one for one in given)
    )


def _vectors(given: Any) -> Tensor:
    tensor = torch.as_tensor(given)
    if tensor.ndim == 3 and len(tensor) > 1:
        raise _batch(len(tensor))
    if tensor.ndim not in {2, 3} or not tensor.is_floating_point() or not tensor.numel():
        raise ValueError(
            f"inputs_embeds must be floats of shape (n, d_model) or (1, n, d_model), got {tensor.dtype} of shape "
            f"{tuple(tensor.shape)}"
        )
    return tensor.detach().reshape(tensor.shape[-2:])  # (n, d_model)


def _parts(encoding: Any, row: int = 0) -> list[int | None] | None:
    """Say of which text of a pair each id is, where a fast tokenizer has made them."""
    parts = encoding.sequence_ids(row) if getattr(encoding, "is_fast", False) else None
    return list(parts) if parts is not None and {0, 1} <= {*parts} else None
