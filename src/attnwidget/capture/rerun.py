"""A pass that was recorded, to be made again: the same inputs on a twin of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from attnwidget.capture.blocks import find_blocks
from attnwidget.capture.forward import attention_names, forward
from attnwidget.capture.gradients import find_gradients
from attnwidget.capture.output import find_projections
from attnwidget.capture.recorder import Recorder
from attnwidget.capture.twin import twin

if TYPE_CHECKING:
    from torch import nn

    from attnwidget.effects import Asked
    from attnwidget.trace.projections import Found, Layers, OnLayer
    from attnwidget.trace.second import FoundBlocks, FoundGradients


class Pass:
    """One pass, and everything that it takes to make it again, on any thread and while the model is in use.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        The user's own; only twins of it are run.
    options : dict
        What the model takes.
    total : int
        How many layers it seems to have, for progress.
    """

    def __init__(self, model: nn.Module, options: dict[str, Any], total: int = 0) -> None:
        self.model, self.options, self.total = model, options, total
        kind = options["attention_mask"].device.type
        # whether, and how, PyTorch rounds on its own here and now
        self._autocast = {
            "device_type": kind,
            "dtype": torch.get_autocast_dtype(kind),
            "enabled": torch.is_autocast_enabled(kind),
        }

    def rounding(self) -> torch.autocast:
        """Round as PyTorch did at the recorded pass."""
        return torch.autocast(**self._autocast)

    def recorder(self, model: nn.Module, on_layer: OnLayer | None = None) -> Recorder:
        """Make a recorder for a twin that keeps no layer, and reports how far the pass is."""
        progress = None if on_layer is None else lambda done: on_layer(done, max(done, self.total))
        return Recorder(progress, attention_names(model), (), values=False)

    def project(self, layers: Layers, on_layer: OnLayer | None = None) -> Found:
        """Find the output projections of the layers that this pass gave."""
        model = twin(self.model)
        recorder = self.recorder(model, on_layer)
        with self.rounding():
            return find_projections(model, lambda: forward(model, self.options, recorder), layers)

    def blocks(self, layers: Layers, projections: Found) -> FoundBlocks:
        """Find what each layer's block does with what its heads write; see `find_blocks`."""
        model = twin(self.model)
        with self.rounding():
            return find_blocks(
                model, lambda: forward(model, self.options, self.recorder(model)), layers, projections, self.rounding
            )

    def gradients(self, asked: Asked, layers: Layers, projections: Found) -> FoundGradients:
        """Differentiate a target by every head's output; see `find_gradients`."""
        with self.rounding():
            return find_gradients(twin(self.model), self.options, asked, layers, projections)
