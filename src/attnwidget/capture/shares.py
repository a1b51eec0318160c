"""What the parts of a model write into a target, asked of a pass as often as one likes; it is made once for all."""

from __future__ import annotations

from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING

import torch

from attnwidget.capture.forward import unrecorded
from attnwidget.capture.labels import Labels
from attnwidget.capture.stream import Stream
from attnwidget.capture.way import directions, written
from attnwidget.capture.wrappers import core_of
from attnwidget.maths import Projection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from attnwidget.capture.rerun import Pass
    from attnwidget.effects.again import Traced
    from attnwidget.effects.target import Asked
    from attnwidget.effects.written import Key, Written

_KEPT = 1 << 28  # bytes of a pass that may be kept for the next question: 256 MB


class Shares:
    """The direct ways through one pass.

    Parameters
    ----------
    again : Pass
        The pass.
    """

    def __init__(self, again: Pass) -> None:
        self._again = again
        self._stream: Stream | None = None
        self._known: tuple[Asked | None, dict[Key, Tensor]] | None = None  # of every row
        self._lock = RLock()

    def written(self, trace: Traced, asked: Asked) -> Written:
        """Say what every part of the model writes into a target of one row."""
        with self._asking():
            stream, known = self._made(trace), _projections(trace)
            biases = {key: one.bias for key, one in known.items() if one.bias is not None}
            layers = {leaf.place.block: leaf.key[1] for leaf in stream.leaves if leaf.key and leaf.key[0] != "cross"}
            count = trace.n_layers("decoder" if "decoder" in trace.attentions else "self")
            if stream.blocks == count:  # every block has its attention
                layers = {number: number for number in range(count)}
            return written(stream, Labels(self._again.model, layers), asked, biases)

    def directions(self, trace: Traced, asked: Asked | None) -> dict[Key, Tensor]:
        """Return what a vector given by each W_O is multiplied with at each row, (n, d_model)."""
        with self._asking():
            if self._known is None or self._known[0] != asked:
                self._known = asked, directions(self._made(trace), asked)
            return self._known[1]

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Ask one question at a time, with gradients whatever mode the caller is in, and rounding as the pass did."""
        with self._lock, torch.inference_mode(mode=False), torch.enable_grad(), self._again.rounding():
            yield

    def _made(self, trace: Traced) -> Stream:
        """Make the pass, or return what is kept of it."""
        again = self._again
        again.check()
        if self._stream is not None:
            return self._stream
        known = _projections(trace)
        names: dict[str, list[Key]] = {}
        for key, one in known.items():
            names.setdefault(one.name, []).append(key)
        widths = [one.weight.shape[-1] for one in known.values()]
        model = again.twin()
        width = widths[-1] if widths else int(core_of(model).config.get_text_config().hidden_size)
        stream = Stream(model, names, width)
        options = {name: one for name, one in again.options.items() if name != "logits_to_keep"}
        if "inputs_embeds" in options:
            options["inputs_embeds"] = stream.begin_with(options["inputs_embeds"])
        with unrecorded(model, options), again.running(model):
            stream.run(lambda: model(**options))
        again.check()  # another thread may be training the model
        if stream.nbytes <= _KEPT:
            self._stream = stream
        return stream


def _projections(trace: Traced) -> dict[Key, Projection]:
    """List every W_O that is known of those that write into the stream that predicts."""
    return {
        (name, number): found
        for name in trace.attentions
        for number in range(trace.n_layers(name))
        if name != "encoder" and isinstance(found := trace.projection(number, attention=name), Projection)
    }
