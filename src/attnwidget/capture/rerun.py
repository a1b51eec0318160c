"""A pass that was recorded, to be made again: the same inputs on a twin of the model, with edits or without."""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from attnwidget.capture.asked import Lookup
from attnwidget.capture.blocks import find_blocks
from attnwidget.capture.edits.copies import Copies
from attnwidget.capture.edits.editor import Editor
from attnwidget.capture.edits.experiments import Experiments
from attnwidget.capture.edits.gradient import estimates
from attnwidget.capture.edits.hooks import before_projections, check_at_projections
from attnwidget.capture.forward import IMPLEMENTATION, attention_names, forward, is_eager, settings
from attnwidget.capture.gradients import find_gradients
from attnwidget.capture.interface import NAME, editing
from attnwidget.capture.masks import with_pairs
from attnwidget.capture.output import find_projections
from attnwidget.capture.predict import NO_HEAD, find_writer
from attnwidget.capture.recorder import Recorder
from attnwidget.capture.shares import Shares
from attnwidget.capture.structure import find_structure
from attnwidget.capture.twin import twin
from attnwidget.capture.vocabulary import Vocabulary
from attnwidget.effects.edits import HeadOff
from attnwidget.effects.target import Asked
from attnwidget.maths import ALL, LeftOut, QKVLayer
from attnwidget.maths.projection import version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor

    from attnwidget.capture.edits.editor import Place
    from attnwidget.effects.again import OnDone, OnPart, Traced
    from attnwidget.effects.edits import Edit
    from attnwidget.effects.target import Target
    from attnwidget.effects.written import Key, Written
    from attnwidget.maths import Layer
    from attnwidget.trace.predictions import Predicts
    from attnwidget.trace.projections import Found, Layers, OnLayer
    from attnwidget.trace.second import FoundBlocks, FoundGradients
    from attnwidget.trace.structure import Structure

    # from the layers of an edited pass, and what recorded them, to its trace
    Make = Callable[[dict[str, list[Layer]], Recorder, "Pass"], Any]

_STRUCTURES: WeakKeyDictionary[nn.Module, dict[str, Structure]] = WeakKeyDictionary()
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
    is_interfaced : bool
        Whether the model's attention went through transformers' interface.

    Attributes
    ----------
    reuses : bool, or None
        Whether a pass may begin at a later block; None while nobody has tried.
    predicts : "next", "place" or None
        Which token a row of this model tells; None where that has not been asked, or it tells none.
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
        is_interfaced: bool = True,
    ) -> None:
        self.model, self.options, self.total, self.is_interfaced = model, options, total, is_interfaced
        self.reuses: bool | None = None
        self.predicts: Predicts | None = None
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

    @property
    def heads(self) -> dict[Place, int]:
        """How many heads each layer of each attention has."""
        return {(name, at): one.shape[0] for name, those in self._layers.items() for at, one in enumerate(those)}

    @property
    def length(self) -> int:
        """How many tokens the longest of its texts has."""
        return max((max(one.shape[1:]) for those in self._layers.values() for one in those), default=1)

    def twin(self, *, is_edited: bool = False) -> nn.Module:
        """Return a twin of the model, which computes attention where this pass's edits, or others, reach it."""
        model = twin(self.model)
        if is_edited or self.edits:
            for owner, name, wanted in settings(model, NAME):
                if self.is_interfaced or name != IMPLEMENTATION:  # else the model computes as it does for its user
                    setattr(owner, name, wanted)
        return model

    @contextmanager
    def running(self, model: nn.Module) -> Iterator[None]:
        """Run a twin inside as this pass ran, with its own edits."""
        with self.editing(model, Editor([self.edits], attention_names(model))) if self.edits else self.rounding():
            yield

    @contextmanager
    def editing(self, model: nn.Module, editor: Editor) -> Iterator[None]:
        """Let an editor change what a twin computes inside, which rounds as this pass did."""
        with self.rounding():
            if self.is_interfaced:
                with editing(editor, is_eager=is_eager(model)):
                    yield
            else:
                with before_projections(model, self._proven(), editor):
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
        edited = {(one.attention, one.layer) for one in self.edits if isinstance(one, HeadOff)}
        return {
            name: [_OFF if (name, number) in edited else one for number, one in enumerate(those)]
            for name, those in found.items()
        }

    def blocks(self, layers: Layers, projections: Found) -> FoundBlocks:
        """Find what each layer's block does with what its heads write; see `find_blocks`."""
        self.check()
        model = self.twin()

        def run() -> None:
            with self.running(model):
                forward(model, self.options, self.recorder(model))

        return find_blocks(model, run, layers, projections, self.rounding)

    def structure(self, layers: Layers, projections: Found) -> Structure:
        """Say what stands around the model's attention; see `find_structure`. Of each model it is found once."""
        kept = str({name: [isinstance(one, str) for one in those] for name, those in projections.items()})
        known = _STRUCTURES.setdefault(self.model, {})
        if kept not in known:
            self.check()
            model = self.twin()

            def run() -> None:
                with self.running(model):
                    forward(model, self.options, self.recorder(model))

            known[kept] = find_structure(model, run, layers, projections)
        return known[kept]

    def gradients(self, asked: Asked, layers: Layers, projections: Found) -> FoundGradients:
        """Differentiate a target by every head's output; see `find_gradients`."""
        self.check()
        model = self.twin()
        with self.running(model):
            return find_gradients(model, self.options, asked, layers, projections)

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
        self,
        edits: Sequence[Sequence[Edit]],
        asked: Asked,
        on_done: OnDone | None = None,
        on_part: OnPart | None = None,
    ) -> tuple[float, Tensor]:
        """Run the model once for each list of edits; return the target without any, and (passes,)."""
        self.check()
        self._check_edits([one for some in edits for one in some])
        return Experiments(self, asked).outcomes(edits, on_done, on_part)

    def estimates(
        self, edits: Sequence[Sequence[Edit]], asked: Asked, on_done: OnDone | None = None
    ) -> tuple[float, Tensor]:
        """Estimate the same to first order, from one backward pass; of heads that are replaced only."""
        self.check()
        flat = [one for some in edits for one in some]
        self._check_edits(flat)
        numbers = iter(Experiments(self, asked).written_out(flat, with_gradient=True))
        found = estimates(self, [[next(numbers) for _ in some] for some in edits], asked)
        if on_done is not None:
            on_done(1, 1)
        return found

    def written(self, trace: Traced, asked: Asked) -> Written:
        """Say what every part of the model writes into a target of one row."""
        return self._shares.written(trace, asked)

    def directions(self, trace: Traced, asked: Asked | None) -> Mapping[Key, Tensor]:
        """Return what a vector given by each W_O is multiplied with at each row, (n, d_model)."""
        return self._shares.directions(trace, asked)

    def edited(self, edits: Sequence[Edit]) -> Any:
        """Capture the same text with edits: a trace, whose own predictions are those of the edited model."""
        self.check()
        self._check_edits(edits)
        return self._with(Experiments(self, Asked("output", (0,))).written_out(edits)).captured()

    def masked(self, allowed: Tensor, on_layer: OnLayer | None = None) -> Any:
        """Capture the same inputs with another mask in all layers, bool (n, n): a trace, with its own predictions.

        Raises
        ------
        ValueError
            If the model takes no mask of pairs, or uses another one all the same; with the reason.
        """
        self.check()
        again = self._with(())
        name = type(self.model).__name__
        again.options = with_pairs(self.model, self.options, allowed)
        try:
            trace = again.captured(on_layer)
        except torch.OutOfMemoryError:
            raise
        except (IndexError, TypeError, ValueError, RuntimeError) as error:
            self.check()  # it has another reason if somebody trained the model meanwhile
            raise ValueError(f"{name} takes no mask of pairs ({error})") from error
        one = next(iter(again._layers))  # noqa: SLF001 - a Pass, too
        for number, layer in enumerate(again._layers[one]):  # noqa: SLF001
            if not all(torch.equal(pairs.cpu(), allowed) for pairs in layer.allowed(ALL, ALL, ALL)):
                raise ValueError(f"{name} takes no mask of pairs: its layer {number} used another one")
        return trace

    def _with(self, edits: Sequence[Edit]) -> Pass:
        """Return the same pass with more edits."""
        again = copy(self)
        again.edits = *self.edits, *edits
        again._shares = Shares(again)  # noqa: SLF001 - a Pass, too
        return again

    def captured(self, on_layer: OnLayer | None = None) -> Any:
        """Make this very pass, and a trace of it."""
        assert self._make is not None  # noqa: S101 - given wherever a trace is made
        model = self.twin()
        recorder = self.recorder(model, on_layer, keeps=True)
        with self.running(model):
            found = forward(model, self.options, recorder)
        self.check()
        self._layers = found
        return self._make(found, recorder, self)

    def _likeliest(self, row: int) -> int:
        return int(Copies(self, Asked("logprob", (row,))).run([()])[0, 0].argmax())

    def _proven(self) -> Found:
        """Return the proven W_O of every layer, or why there is none."""
        if self._projections is None:
            self._projections = self.project(self._layers)
        return self._projections

    def _check_edits(self, edits: Sequence[Edit]) -> None:
        """Raise ValueError for what cannot be done in this model."""
        if not self.is_interfaced:
            check_at_projections(type(self.model).__name__, edits, self._proven())
