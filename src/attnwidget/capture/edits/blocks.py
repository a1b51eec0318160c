"""A model's blocks: what they return is kept, so that a pass begins at the first one that an edit changes.

A block is whatever stands in an outermost `ModuleList`. Those before the first edited one would return what they
returned without edits, so they do that, and the model's own code runs over it. Whether a model hands on anything
beside what its blocks return is not known in general: `experiments` compares, and goes without where it does.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import nn

from attnwidget.capture.returned import tensors_in
from attnwidget.maths.projection import version_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from attnwidget.capture.edits.editor import Place


class ReplayError(RuntimeError):
    """The model does not call its blocks as it did, or writes into what they returned."""


class _Call(NamedTuple):
    block: nn.Module
    returned: Any
    before: Counter[str]  # layers of each attention that were done before it, and after
    after: Counter[str]
    versions: list[int]  # of the tensors that it returned


class Blocks:
    """The blocks of a twin.

    Parameters
    ----------
    model : nn.Module
        A twin: its blocks' `forward` is replaced.
    done : function
        Returns the layers of each attention that the present pass has done, to be counted on.
    """

    def __init__(self, model: nn.Module, done: Callable[[], Counter[str]]) -> None:
        self._done = done
        self._tape: list[_Call] = []
        self._first: int | None = None  # the first block that runs; None while the tape is written
        self._at = 0
        self._is_inside = self._is_writing = False
        for block in _outermost(model):
            block.forward = self._watched(block, block.forward)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep what the blocks return inside."""
        self._tape, self._first, self._at, self._is_writing = [], None, 0, True
        try:
            yield
        finally:
            self._is_writing = False

    @contextmanager
    def starting(self, first: int) -> Iterator[None]:
        """Let the blocks before `first` return what they returned."""
        self._first, self._at = first, 0
        try:
            yield
        finally:
            self._first = None
        if any(_versions(call.returned) != call.versions for call in self._tape[:first]):
            raise ReplayError("the model writes into what its blocks returned")

    def forget(self) -> None:
        """Drop what was kept."""
        self._tape = []

    @property
    def nbytes(self) -> int:
        """Memory of what is kept."""
        tensors = {one.data_ptr(): one for call in self._tape for one in tensors_in(call.returned)}
        return sum(one.numel() * one.element_size() for one in tensors.values())

    def first_of(self, places: list[Place]) -> int:
        """Return the number of the first call of a block that computes one of some layers; 0 where none is known to."""
        for number, call in enumerate(self._tape):
            if any(call.before[name] <= layer < call.after[name] for name, layer in places):
                return number
        return 0

    def _watched(self, block: nn.Module, plain: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            if self._is_inside or not (self._is_writing or self._first):
                return plain(*args, **kwargs)
            if self._first is not None and self._at < self._first:
                call = self._tape[self._at]
                if call.block is not block:
                    raise ReplayError("the model calls its blocks in another order")
                self._at += 1
                self._done().update(call.after - call.before)
                return call.returned
            before = self._done().copy()
            self._is_inside = True
            try:
                returned = plain(*args, **kwargs)
            finally:
                self._is_inside = False
            if self._is_writing:
                self._tape.append(_Call(block, returned, before, self._done().copy(), _versions(returned)))
            return returned

        return forward


def _outermost(model: nn.Module) -> list[nn.Module]:
    """List what stands in a `ModuleList` that stands in no other."""
    lists = [name for name, module in model.named_modules() if isinstance(module, nn.ModuleList)]
    top = [name for name in lists if not any(name.startswith(f"{other}.") for other in lists)]
    found = {id(block): block for name in top for block in model.get_submodule(name).children()}
    return [block for block in found.values() if type(block).forward is not nn.Module.forward]


def _versions(value: Any) -> list[int]:
    return [version_of(one) for one in tensors_in(value)]
