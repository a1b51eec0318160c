"""A pass that was recorded, to be made again: the same inputs on a twin of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from attnwidget.capture.forward import attention_names, forward, unrecorded
from attnwidget.capture.labels import Labels
from attnwidget.capture.output import find_projections
from attnwidget.capture.predict import find_writer
from attnwidget.capture.recorder import Recorder
from attnwidget.capture.stream import Stream
from attnwidget.capture.twin import twin
from attnwidget.capture.way import directions, written
from attnwidget.capture.wrappers import core_of
from attnwidget.effects.target import Asked
from attnwidget.maths import Projection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from attnwidget.effects import Target
    from attnwidget.effects.again import Traced
    from attnwidget.effects.written import Key, Written
    from attnwidget.trace.projections import Found, Layers, OnLayer


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

    def resolve(self, trace: Traced, target: Target | None) -> Asked:
        """Look up a target's tokens and positions."""
        row = len(trace.tokens) - 1
        if target is not None and target.at:
            row = range(len(trace.tokens))[target.at[0]]
        kind = "logprob" if target is None else target.kind
        if kind == "output" or find_writer(self.model) is None:
            return Asked("output", (row,), (), "output")
        ids = [] if target is None else [one for one in target.tokens if isinstance(one, int)]
        if not ids:
            with torch.no_grad():
                rows = twin(self.model)(**self.options)[0]
            ids = [int(rows[0][row].argmax())]
        return Asked(kind, (row,), tuple(ids), f"logit of {ids} after {row}")

    def written(self, trace: Traced, asked: Asked) -> Written:
        """Say what every part of the model writes into a target of one row."""
        stream = self.stream(trace)
        names = trace.attentions
        known = {
            (name, number): found
            for name in names
            for number in range(trace.n_layers(name))
            if isinstance(found := trace.projection(number, attention=name), Projection)
        }
        biases = {key: one.bias for key, one in known.items() if one.bias is not None}
        main = "decoder" if "decoder" in names else "self"
        return written(stream, self._labels(stream, trace.n_layers(main)), asked, biases)

    def directions(self, trace: Traced, asked: Asked, rows: Sequence[int]) -> Mapping[Key, Tensor]:
        """Return what a vector given by each W_O is multiplied with at each row, (rows, d_model)."""
        return directions(self.stream(trace), asked, rows)

    def stream(self, trace: Traced) -> Stream:
        """Make the pass, and catch what is written into the residual stream."""
        names: dict[str, list[Key]] = {}
        width = 0
        for name in trace.attentions:
            for number in range(trace.n_layers(name)):
                found = trace.projection(number, attention=name)
                if isinstance(found, Projection) and name != "encoder":
                    names.setdefault(found.name, []).append((name, number))
                    width = found.weight.shape[-1]
        model = twin(self.model)
        stream = Stream(model, names, width or int(core_of(model).config.get_text_config().hidden_size))
        options = {name: one for name, one in self.options.items() if name != "logits_to_keep"}
        with self.rounding(), unrecorded(model, options):
            stream.run(lambda: model(**options))
        return stream

    def _labels(self, stream: Stream, count: int) -> Labels:
        layers = {leaf.place.block: leaf.key[1] for leaf in stream.leaves if leaf.key and leaf.key[0] != "cross"}
        if stream.blocks == count:
            layers = {number: number for number in range(count)}
        return Labels(self.model, layers)

    def project(self, layers: Layers, on_layer: OnLayer | None = None) -> Found:
        """Find the output projections of the layers that this pass gave."""
        model = twin(self.model)
        recorder = self.recorder(model, on_layer)
        with self.rounding():
            return find_projections(model, lambda: forward(model, self.options, recorder), layers)
