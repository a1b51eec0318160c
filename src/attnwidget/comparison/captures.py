"""The ways to run a model for a side of a comparison that a plain capture does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attnwidget import variants
from attnwidget.capture.run import capture
from attnwidget.capture.twin import twin
from attnwidget.capture.wrappers import adapter_switches

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from attnwidget.trace import AttentionTrace


def masked(mask: str | Tensor) -> Callable[..., AttentionTrace]:
    """Return what captures as `capture` does, in a model whose every layer has another mask.

    Its tokens are counted by a pass before.
    """

    def capture_masked(model: Any, **how: Any) -> AttentionTrace:
        return capture(model, **how).run_with_mask(mask, how.get("on_layer"))

    return capture_masked


# The model's own weights; or those of a mask by name; or none for every head.
_NOTHING_ELSE = {"scaled_dot_product", "multi_head", "gated", "differential", "flash"}
OTHER_WEIGHTS = tuple(one for one in variants.ALL if one.name not in _NOTHING_ELSE and one.group != "sparsity")
"""The variants of attention that `varied` has something to show of, and no mask has."""


def varied(variant: str) -> Callable[..., AttentionTrace]:
    """Return what captures as `capture` does, and lets every head attend as a variant does."""

    def capture_varied(model: Any, **how: Any) -> AttentionTrace:
        trace = capture(model, **how)
        return trace.with_variant(variant, attention=trace.attentions[0])

    return capture_varied


def with_adapter(model: Any, *, on: bool) -> Any:
    """Return a twin of a model with its adapters of PEFT switched on or off; the model itself is not changed.

    Raises
    ------
    ValueError
        If it has none.
    """
    if not adapter_switches(model):
        raise ValueError(f"{type(model).__name__} has no adapter of PEFT that could be switched off")
    copy = twin(model)
    inner = copy.base_model if hasattr(copy, "peft_config") and hasattr(copy, "base_model") else copy
    if hasattr(inner, "enable_adapter_layers"):
        (inner.enable_adapter_layers if on else inner.disable_adapter_layers)()
    else:
        (copy.enable_adapters if on else copy.disable_adapters)()
    return copy
