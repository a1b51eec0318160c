"""Where a model takes the tokens to stand: the user's positions, and those of `generate`."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from attnwidget.capture.given import numbers_in
from attnwidget.capture.inputs import position_table
from attnwidget.capture.wrappers import names

if TYPE_CHECKING:
    from collections.abc import Sequence

GENERATE = "generate"


def read_positions(
    model: Any, given: Sequence[int] | Tensor | str | None, mask: Tensor, device: torch.device
) -> dict[str, Tensor]:
    """Return the argument that tells a model its positions, {"position_ids": (1, n)}; nothing where it counts itself.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Whose positions.
    given : sequence of int, Tensor, or "generate"; optional
        As of `attnwidget.capture.capture`.
    mask : Tensor
        (1, n), or one of pairs.
    device
        Where the model takes them.
    """
    if given is None:
        return {}
    is_named = isinstance(given, str)
    if is_named and given != GENERATE:
        raise ValueError(f'position_ids must be numbers or "generate", got {given!r}')
    table = position_table(model)
    if is_named and (mask.ndim == 4 or bool(mask.all()) or (table is not None and table.counts_real)):
        return {}  # nothing is padded, or the model does so by itself
    if not names(model, "position_ids"):
        if is_named:
            return {}  # nor does generate give it any
        raise ValueError(f"{type(model).__name__} takes no position_ids: it counts positions by itself")
    if is_named:
        counted = (mask.long().cumsum(-1) - 1).masked_fill(mask == 0, 0)  # (1, n), as transformers' generate
        return {"position_ids": counted.to(device)}
    numbers, n = numbers_in(given, "position_ids"), mask.shape[-1]
    if len(numbers) != n:
        raise ValueError(f"position_ids must have one entry for each of the {n} tokens, got {len(numbers)}")
    rows = None if table is None else table.rows
    if min(numbers) < 0 or (rows is not None and max(numbers) >= rows):
        bound = "0 or more" if rows is None else f"from 0 to {rows - 1}"
        raise ValueError(f"position_ids must be {bound}, got {min(numbers)} to {max(numbers)}")
    return {"position_ids": torch.tensor([numbers], device=device)}  # (1, n)


def padded_left(model: Any, mask: Tensor) -> list[str]:
    """Say that positions count from padding, where they do and it shows: a plain forward's, with a learned table."""
    table = position_table(model)
    if table is None or table.counts_real or mask.ndim == 4 or not bool(mask.any()) or bool(mask[0, 0]):
        return []
    first = int(mask[0].long().argmax())
    notice = (
        f"The text is padded on the left, and positions count from the padding, as in a plain forward: its first "
        f"token is at position {first}."
    )
    more = f' generate counts from that token instead: position_ids="{GENERATE}".'
    return [notice + (more if names(model, "position_ids") else "")]


def counted(core: Any, keep: Tensor) -> dict[str, Tensor]:
    """Count the positions for a model that would read them from a mask (OPT), and cannot from pairs.

    `keep` is (1, n), 1 for each token that it counts.
    """
    for module in core.modules():
        if isinstance(module, nn.Embedding) and "attention_mask" in signature(module.forward).parameters:
            return {"position_ids": keep.cumsum(-1) * keep - 1}  # (1, n)
    return {}
