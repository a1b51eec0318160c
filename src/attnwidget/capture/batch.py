"""`capture_batch`: several texts in one pass, each with the trace that it would have by itself."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from attnwidget.capture.errors import EmptyTextError, MissingTokenizerError
from attnwidget.capture.foreign import runner_of, taken
from attnwidget.capture.forward import attention_names, run_recorded
from attnwidget.capture.given import Given, numbers_in, rows_in, sort_out
from attnwidget.capture.inputs import find_tokenizer
from attnwidget.capture.prepare import Ready, prepare
from attnwidget.capture.recorder import Recorder
from attnwidget.capture.rows import Rows
from attnwidget.capture.run import capture, check_run, make_trace, run
from attnwidget.capture.support import check, uses_interface
from attnwidget.capture.wrappers import unwrapped, virtual_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from torch import nn

    from attnwidget.trace import AttentionTrace


def capture_batch(
    model: nn.Module,
    batch: Sequence[Any] | Tensor | Mapping[str, Any],
    *,
    text_target: Sequence[str | Sequence[int]] | None = None,
    tokenizer: Any = None,
    attention_mask: Sequence[Any] | Tensor | None = None,
    add_special_tokens: bool | None = None,
    layers: Collection[int] | None = None,
    values: bool = True,
    on_layer: Callable[[int, int], None] | None = None,
) -> list[AttentionTrace]:
    """Run a model once on several texts together, and return a trace of each: as `capture` of one after the other.

    Padding is no part of the traces. Where rows come padded, on the left or on the right, their real tokens are taken
    (from the first that `attention_mask` keeps to the last; a zero between them stays masked) and put together anew,
    padded at their ends: no real token sees padding, and positions count from each row's first real token, as
    `model.generate` counts them under padding on the left. So each trace equals `capture` of that row alone, up to
    rounding. A plain forward of rows padded on the left computes something else where positions are learned, as in
    GPT-2 or BERT, for it counts the padding: to see that, give `capture` the one row with its padding and its
    `attention_mask`.

    Models outside transformers' attention interface, and prompt tuning, are run row by row.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        As of `capture`.
    batch : sequence, Tensor or mapping
        A list of texts, of token ids, of chats or of mappings, each of which `capture` takes; a tensor of ids
        (rows, n); or what a tokenizer returns for several texts (`BatchEncoding`, with its `attention_mask`).
    text_target : sequence of str or token ids, optional
        What an encoder–decoder model is to say, one for each row. Without it the model generates them.
    tokenizer : optional
        The model's tokenizer. Without it, the one beside the model's weights on this machine.
    attention_mask : sequence or Tensor, optional
        (rows, n), beside a tensor of ids: 0 at padding.
    add_special_tokens : bool, optional
        As of `capture`, of texts.
    layers, values
        As of `capture`.
    on_layer : function, optional
        Called after every layer with (layers done, layers in all). What it raises stops the pass.

    Returns
    -------
    list of AttentionTrace
        One for each row, in order. Each has its own `max_error`, and breakdowns: those run the model on its row alone.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As of `capture`; of a row the message begins with its number, counted from 0.
    """
    model, tokenizer = taken(model, tokenizer)
    if runner_of(model) is not None:
        return [
            capture(model, one, tokenizer=tokenizer, layers=layers, values=values, on_layer=on_layer) for one in batch
        ]
    whole: Any = unwrapped(model)
    check(whole)
    rows = rows_in(batch, attention_mask)
    if text_target is not None and (isinstance(text_target, str) or len(text_target) != len(rows)):
        raise ValueError(f"text_target must have one entry for each of the {len(rows)} rows")
    if tokenizer is None:
        with suppress(MissingTokenizerError):
            tokenizer = find_tokenizer(whole)
    ready = []
    for number, row in enumerate(rows):
        try:
            given = without_padding(sort_out(**row, add_special_tokens=add_special_tokens))
            target = None if text_target is None else text_target[number]
            ready.append(prepare(whole, given, text_target=target, tokenizer=tokenizer))
        except (ValueError, TypeError) as error:
            raise type(error)(f"row {number}: {error}") from error
    if not ready:
        return []
    total = check_run(whole, ready, layers, values=values)
    wanted = None if layers is None else set(layers)
    options = _together(ready) if uses_interface(whole) and not virtual_tokens(whole) and len(ready) > 1 else None
    if options is not None:
        progress = None if on_layer is None else lambda done: on_layer(done, max(done, total))
        name_of = attention_names(whole)
        # one of them tells how far the pass is
        recorders = [Recorder(None if one is not ready[-1] else progress, name_of, wanted, values) for one in ready]
        run_recorded(whole, options, Rows(recorders, [_sizes(one) for one in ready], name_of))
        if all(recorder.layers for recorder in recorders):
            return [
                make_trace(whole, one, recorder.in_order(), recorder, tokenizer)
                for one, recorder in zip(ready, recorders, strict=True)
            ]
    return [run(whole, one, tokenizer, layers=layers, values=values, on_layer=on_layer) for one in ready]


def without_padding(given: Given) -> Given:
    """Cut a row of ids to its real tokens: what an attention mask leaves out at its ends."""
    if given.mask is None or given.ids is None:
        return given
    mask = torch.as_tensor(given.mask)
    if mask.ndim > 1 and len(mask) != 1:
        return given  # one of pairs
    kept = numbers_in(mask.long(), "attention_mask")
    if len(kept) != len(given.ids):
        raise ValueError(f"attention_mask must have one entry for each of the {len(given.ids)} ids, got {len(kept)}")
    if 1 not in kept:
        raise EmptyTextError("the attention_mask keeps no token of it")
    part = slice(kept.index(1), len(kept) - kept[::-1].index(1))
    return replace(
        given,
        ids=given.ids[part],
        positions=None if given.positions is None else numbers_in(given.positions, "position_ids")[part],
        types=given.types and given.types[part],
        parts=given.parts and given.parts[part],
        mask=kept[part] if 0 in kept[part] else None,
    )


def _together(ready: Sequence[Ready]) -> dict[str, Any] | None:
    """Put what the model takes of each row into one, padded at the ends; None where the rows are of several kinds."""
    first, *others = (one.options for one in ready)
    if any(one.keys() != first.keys() for one in others) or any(one.has_pairs for one in ready):
        return None
    return {
        name: _padded([one.options[name] for one in ready], 0) if isinstance(value, Tensor) else value
        for name, value in first.items()
    }


def _padded(rows: Sequence[Tensor], fill: int) -> Tensor:
    """Put tensors (1, n) or (1, n, d) below each other, (rows, longest) or (rows, longest, d)."""
    return torch.nn.utils.rnn.pad_sequence([row[0] for row in rows], batch_first=True, padding_value=fill)


def _sizes(ready: Ready) -> dict[str, tuple[int, int]]:
    target, source = len(ready.tokens.text), len((ready.source or ready.tokens).text)
    return {
        "self": (target, target),
        "encoder": (source, source),
        "decoder": (target, target),
        "cross": (target, source),
    }
