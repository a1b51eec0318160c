"""The user's attention mask, checked and written as the model takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from attnwidget.capture.positions import counted
from attnwidget.capture.wrappers import core_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor


def read_mask(given: Sequence[Any] | Tensor | None, n: int, dtype: torch.dtype) -> Tensor:
    """Return a mask that keeps tokens, (1, n), or one of pairs, (1, 1 or heads, n, n).

    A mask of pairs becomes additive, 0 or the user's number where attention is permitted and the
    lowest number elsewhere: so every attention of transformers takes it, and −inf, of which a
    whole row would be NaN, reaches none.
    """
    if given is None:
        return torch.ones(1, n, dtype=torch.long)  # (1, n)
    mask = torch.as_tensor(given)
    shape = tuple(mask.shape)
    if shape in {(n,), (1, n)}:
        if not ((mask == 0) | (mask == 1)).all():
            raise ValueError("attention_mask must hold 1 (kept) and 0 (masked) only")
        return mask.reshape(1, n).long()  # (1, n)
    if shape[-2:] != (n, n) or mask.ndim not in {2, 4} or (mask.ndim == 4 and shape[0] != 1):
        raise ValueError(
            f"attention_mask must have one entry for each of the text's {n} tokens, "
            f"shape ({n},) or (1, {n}), got shape {shape}; or one for each pair, ({n}, {n}) or (1, 1, {n}, {n})"
        )
    pairs = mask if mask.ndim == 4 else mask[None, None]  # (1, 1 or heads, n, n)
    lowest = torch.finfo(dtype).min
    if not pairs.is_floating_point():
        if pairs.dtype != torch.bool and not ((pairs == 0) | (pairs == 1)).all():
            raise ValueError("an attention_mask of pairs must be bool, hold 1 and 0 only, or be added (float)")
        return torch.zeros(pairs.shape, dtype=dtype).masked_fill_(pairs == 0, lowest)
    if pairs.isnan().any() or (pairs == torch.inf).any():
        raise ValueError("an attention_mask that is added must hold no NaN and no +inf")
    return pairs.to(dtype).clamp(min=lowest)  # (1, 1 or heads, n, n)


def with_pairs(model: Any, options: Mapping[str, Any], allowed: Tensor) -> dict[str, Any]:
    """Return what a model takes with another mask of pairs, bool (n, n), and its tokens where they stood before.

    Raises
    ------
    ValueError
        If the mask is not of the tokens that go in: an adapter puts some before them.
    """
    core, before = core_of(model), options["attention_mask"]
    n = before.shape[-1]
    if allowed.shape != (n, n):
        raise ValueError(
            f"{type(model).__name__} puts {len(allowed) - n} tokens of its own before the text, and takes no mask of "
            "pairs with them"
        )
    mask = read_mask(allowed, n, core.get_input_embeddings().weight.dtype).to(before.device)  # (1, 1, n, n)
    keep = before if before.ndim == 2 else before.new_ones(1, n, dtype=torch.long)  # (1, n)
    return counted(core, keep) | dict(options) | {"attention_mask": mask}
