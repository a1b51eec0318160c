"""`attention_heads`, `attention_patterns` and `attention_pattern`, with CircuitsVis' arguments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.trace import AttentionTrace
from attnwidget.widget import AttentionWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = re.compile(r"L(\d+)[-.]?H(\d+)")
_NAMED = 12  # heads that a notice names


def attention_heads(  # noqa: PLR0917 - as CircuitsVis'
    attention: Any,
    tokens: Sequence[str],
    attention_head_names: Sequence[str] | None = None,
    max_value: float | None = None,  # noqa: ARG001 - see below, also of the next three
    min_value: float | None = None,  # noqa: ARG001
    negative_color: str | None = None,  # noqa: ARG001
    positive_color: str | None = None,  # noqa: ARG001
    mask_upper_tri: bool | None = None,  # noqa: FBT001
) -> AttentionWidget:
    """Show several heads' attention patterns, all at a glance and each by itself.

    Parameters
    ----------
    attention : Tensor, array or nested lists
        (heads, n, n): in the rows the tokens that look.
    tokens : sequence of str
        The n tokens.
    attention_head_names : sequence of str, optional
        One for each head. Names such as "L5H0", "L5H1" … of whole layers say which layers these are; of others the
        widget says which of its heads is which.
    max_value, min_value, negative_color, positive_color : optional
        Of CircuitsVis. A weight is drawn on a scale from 0 to 1, and a head in its kind's colour.
    mask_upper_tri : bool, optional
        Whether later keys are forbidden. Without it they are if all their weights are 0; CircuitsVis hides them.

    Returns
    -------
    AttentionWidget
        Show it as a cell's value, or with `display`.

    Raises
    ------
    ValueError
        If shapes, tokens and names do not fit each other, or a number is no weight, 0 … 1.
    """
    given = _numbers(attention)
    if given.ndim != 3:
        more = "; of a batch take one text: attention[0]" if given.ndim == 4 else ""
        raise ValueError(f"expected attention of shape (heads, tokens, tokens), got {tuple(given.shape)}{more}")
    names = list(attention_head_names or ())
    if names and len(names) != len(given):
        raise ValueError(f"attention_head_names holds {len(names)} names for {len(given)} heads")
    mask: Any = None if mask_upper_tri is None else "causal" if mask_upper_tri else torch.ones(len(tokens)).bool()
    numbers = _whole_layers(names)
    by_layer: list[Any] = [given]
    if numbers:
        by_layer = [None] * (max(numbers) + 1)
        for number, layer in zip(numbers, given.chunk(len(numbers)), strict=True):
            by_layer[number] = layer  # (heads, n, n)
    trace = AttentionTrace.from_attentions(by_layer, tokens, mask=mask, layers=numbers or None)
    if names and not numbers:
        shown = ", ".join(f"L0-H{at} is {name}" for at, name in enumerate(names[:_NAMED]))
        rest = f", and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        trace.notices.append(f"The heads are numbered as they were given: {shown}{rest}.")
    return AttentionWidget(trace, view="heads")


def attention_patterns(tokens: Sequence[str], attention: Any) -> AttentionWidget:
    """Show several heads' attention patterns; arguments, result and errors as of `attention_heads`."""
    return attention_heads(attention, tokens)


def attention_pattern(  # noqa: PLR0917 - as CircuitsVis'
    tokens: Sequence[str],
    attention: Any,
    max_value: float | None = None,  # noqa: ARG001 - as in `attention_heads`
    min_value: float | None = None,  # noqa: ARG001
    negative_color: str | None = None,  # noqa: ARG001
    show_axis_labels: bool | None = None,  # noqa: ARG001, FBT001
    positive_color: str | None = None,  # noqa: ARG001
    mask_upper_tri: bool | None = None,  # noqa: FBT001
) -> AttentionWidget:
    """Show one head's attention, (n, n), as a matrix; arguments, result and errors as of `attention_heads`."""
    given = _numbers(attention)
    if given.ndim != 2:
        raise ValueError(f"expected attention of shape (tokens, tokens), got {tuple(given.shape)}")
    widget = attention_heads(given[None], tokens, mask_upper_tri=mask_upper_tri)
    widget.view = "matrix"
    return widget


def _numbers(attention: Any) -> torch.Tensor:
    if isinstance(attention, list | tuple) and all(isinstance(one, torch.Tensor) for one in attention):
        return torch.stack(list(attention)).detach()
    return torch.as_tensor(attention).detach()


def _whole_layers(names: Sequence[str]) -> list[int]:
    """Return the layers that names tell, if each has the same heads, from 0 on and in order; or none."""
    matches = [_NAME.fullmatch(name) for name in names]
    found = [(int(one[1]), int(one[2])) for one in matches if one]
    layers = sorted({layer for layer, _ in found})
    heads = len(names) // max(1, len(layers))
    whole = [(layer, head) for layer in layers for head in range(heads)]
    return layers if found and found == whole and len(found) == len(names) else []
