"""A pass that was recorded, to be made again: the same inputs on a twin of the model, with edits or without."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.capture.asked import Lookup
from attnwidget.capture.edits.editor import Editor
from attnwidget.capture.edits.hooks import before_projections
from attnwidget.capture.forward import attention_names, forward
from attnwidget.capture.output import find_projections
from attnwidget.capture.predict import NO_HEAD, find_writer
from attnwidget.capture.recorder import Recorder
from attnwidget.capture.shares import Shares
from attnwidget.capture.temporary import set_temporarily
from attnwidget.capture.twin import twin
from attnwidget.capture.vocabulary import Vocabulary
from attnwidget.capture.wrappers import entry
from attnwidget.effects import Enough
from attnwidget.effects.edits import HeadOff
from attnwidget.effects.target import Asked
from attnwidget.maths import LeftOut, QKVLayer
from attnwidget.maths.projection import version_of
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor, nn

    from attnwidget.effects.again import OnDone, Traced
    from attnwidget.effects.edits import Edit
    from attnwidget.effects.target import Target
    from attnwidget.effects.written import Key, Written
    from attnwidget.maths import Layer
    from attnwidget.trace.projections import Found, Layers, OnLayer

    # from the layers of an edited pass, its error and its edits to its trace
    Make = Callable[[dict[str, list[Layer]], float | None, "Pass"], Any]

_CHANGED = "the model cannot be run again for this trace: its weights have changed since"
_OFF = "W_O cannot be told: a head of this layer was edited in this pass"


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
    vocabulary : Vocabulary, optional
        The model's; by default with the tokenizer beside its weights.
    layers : mapping of str to sequence of layers
        That the pass gave.
    make : function, optional
        What makes a trace of an edited pass.
    edits : sequence of edits
        What was changed in this pass already.
    """

    def __init__(
        self,
        model: nn.Module,
        options: dict[str, Any],
        total: int = 0,
        *,
        vocabulary: Vocabulary | None = None,
        layers: Layers | None = None,
        make: Make | None = None,
        edits: Sequence[Edit] = (),
    ) -> None:
        self.model, self.options, self.total = model, options, total
        self.vocabulary = vocabulary or Vocabulary(model)
        self.edits = tuple(edits)
        self._layers, self._make = layers or {}, make
        self._projections: Found | None = None
        self._shares = Shares(self)
        self._versions = self._versions_now()
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

    def check(self, why: str = _CHANGED) -> None:
        """Raise ValueError if the weights are not those of the recorded pass any more."""
        if self._versions_now() != self._versions:
            raise ValueError(why)

    def _versions_now(self) -> list[int]:
        return [version_of(weight) for weight in self.model.parameters()]

    def twin(self) -> nn.Module:
        """Return a twin of the model; what it runs, `running` is around."""
        return twin(self.model)

    @contextmanager
    def running(self, model: nn.Module, edits: Sequence[Edit] = ()) -> Iterator[None]:
        """Run a twin inside as this pass ran, with this pass's own edits and more."""
        with ExitStack() as stack:
            stack.enter_context(self.rounding())
            every = [*self.edits, *edits]
            if every:
                self._check_edits(every)
                stack.enter_context(before_projections(model, self._proven(), Editor([every])))
            yield

    def recorder(self, model: nn.Module, on_layer: OnLayer | None = None, *, keeps: bool = False) -> Recorder:
        """Make a recorder for a twin that reports how far the pass is; it keeps no layer, or those of this pass."""
        progress = None if on_layer is None else lambda done: on_layer(done, max(done, self.total))
        if not keeps:
            return Recorder(progress, attention_names(model), (), values=False)
        kept = [(number, one) for those in self._layers.values() for number, one in enumerate(those)]
        wanted = {number for number, one in kept if not isinstance(one, LeftOut)}
        values = any(isinstance(one, QKVLayer) and one.v is not None for _, one in kept)
        return Recorder(progress, attention_names(model), wanted, values=values)

    def project(self, layers: Layers, on_layer: OnLayer | None = None) -> Found:
        """Find the output projections of the layers that this pass gave."""
        model = self.twin()
        recorder = self.recorder(model, on_layer)
        with self.running(model):
            found = find_projections(model, lambda: forward(model, self.options, recorder), layers)
        if not self.edits:
            self._projections = found
        edited = {(one.attention, one.layer) for one in self.edits}
        return {
            name: [_OFF if (name, number) in edited else one for number, one in enumerate(those)]
            for name, those in found.items()
        }

    def resolve(self, trace: Traced, target: Target | None) -> Asked:
        """Look up a target's tokens and positions; None is the default of this model. Raises ValueError."""
        writer = find_writer(self.model)
        size = 0 if writer is None else len(writer.get_output_embeddings().weight)
        missing = NO_HEAD.format(type(self.model).__name__)
        return Lookup(
            trace,
            predicts=trace.predictions.predicts,
            vocabulary=self.vocabulary,
            size=size,
            likeliest=self._likeliest,
            missing=missing,
        )(target)

    def outcomes(
        self, edits: Sequence[Sequence[Edit]], asked: Asked, on_done: OnDone | None = None
    ) -> tuple[float, Tensor]:
        """Run the model once for each list of edits; return the target without any, and (passes,)."""
        found = torch.full((len(edits),), torch.nan, dtype=torch.float64)
        model = self.twin()
        plain = self._rows(model, asked, ())
        with suppress(Enough):
            for number, some in enumerate(edits):
                found[number] = _tell(self._rows(model, asked, some), plain, asked)
                if on_done is not None:
                    on_done(number + 1, len(edits))
        return _tell(plain, plain, asked), found

    def written(self, trace: Traced, asked: Asked) -> Written:
        """Say what every part of the model writes into a target of one row."""
        return self._shares.written(trace, asked)

    def directions(self, trace: Traced, asked: Asked) -> Mapping[Key, Tensor]:
        """Return what a vector given by each W_O is multiplied with at each row, (n, d_model)."""
        return self._shares.directions(trace, asked)

    def edited(self, edits: Sequence[Edit]) -> Any:
        """Capture the same text with edits: a trace, whose own predictions are those of the edited model."""
        if self._make is None:
            raise ValueError("this pass cannot be captured again with edits")
        self.check()
        every = [*self.edits, *edits]
        again = Pass(self.model, self.options, self.total, vocabulary=self.vocabulary, layers=self._layers, edits=every)
        again._autocast, again._make, again._projections = self._autocast, self._make, self._proven()
        model = self.twin()
        recorder = self.recorder(model, keeps=True)
        with again.running(model):
            found = forward(model, self.options, recorder)
        self.check()
        again._layers = found
        return self._make(found, recorder.max_error, again)

    def _rows(self, model: nn.Module, asked: Asked, edits: Sequence[Edit]) -> Tensor:
        """Return what a target is told by: the logits of its rows, (rows, vocabulary), or their vectors (rows, d)."""
        self.check()
        with self.running(model, edits):
            found = last_rows(model, self.options, asked.rows, logits=asked.needs_logits)
        self.check()  # another thread may be training the model
        return found

    def _likeliest(self, row: int) -> int:
        return int(self._rows(self.twin(), Asked("logprob", (row,)), ())[0].argmax())

    def _proven(self) -> Found:
        """Return the proven W_O of every layer, or why there is none."""
        if self._projections is None:
            self._projections = self.project(self._layers)
        return self._projections

    def _check_edits(self, edits: Sequence[Edit]) -> None:
        found = self._proven()
        for one in edits:
            if not isinstance(one, HeadOff):
                raise ValueError("in this model heads can be switched off, but no links")  # noqa: TRY004 - a reason
            place = found[one.attention][one.layer]
            if isinstance(place, str):
                raise ValueError(f"L{one.layer}-H{one.head} cannot be switched off: {place}")  # noqa: TRY004


def _tell(rows: Tensor, plain: Tensor, asked: Asked) -> float:
    if asked.needs_logits:
        return float(asked.of_logits(rows[None]))
    return float((upcast(rows) - upcast(plain)).norm() / upcast(plain).norm())


def last_rows(model: nn.Module, options: dict[str, Any], rows: Sequence[int], *, logits: bool) -> Tensor:
    """Run a twin and return some rows of its logits, (rows, vocabulary), or of its last vectors, (rows, d_model)."""
    given = {name: value for name, value in options.items() if name != "logits_to_keep"}
    settings = ((module, "training", False) for module in model.modules())
    with torch.no_grad(), set_temporarily(settings):
        found: Tensor = (model if logits else entry(model))(**given)[0]  # (1, n, vocabulary or d_model)
    return found[0, list(rows)]
