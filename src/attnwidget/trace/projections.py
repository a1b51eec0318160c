"""The output projections of a trace: found when they are first asked for, by running the model once more."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any

from attnwidget.maths import Projection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from attnwidget.maths import Layer

    OnLayer = Callable[[int, int], None]
    Layers = Mapping[str, Sequence[Layer]]
    Found = dict[str, list[Projection | str]]  # or why there is none
    Project = Callable[[Layers, OnLayer], Found]

_NO_MODEL = "W_O is not known: this trace has no model (it was made without one, read from a file, or let go of it)"
_CHANGED = "W_O is not known any more: the model's weights have changed since"


class Projections:
    """Every layer's output projection, or why there is none.

    Parameters
    ----------
    project : function, optional
        From the layers, and a function that is called after every layer, to what is found. It runs the model, and is
        let go of as soon as it has succeeded.
    """

    def __init__(self, project: Project | None = None) -> None:
        self._project = project
        self._found: Found | None = None if project else {}
        self._why = _NO_MODEL
        self._lock = RLock()
        self._is_running = False

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle what was found; the model stays behind."""
        return vars(self) | {"_project": None, "_lock": None, "_found": self._found or {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = RLock()

    @property
    def known(self) -> bool:
        """Whether all is there that can be had without running the model."""
        return self._found is not None

    @property
    def tensors(self) -> list[Tensor | None]:
        """Everything that occupies memory."""
        found = [one for those in (self._found or {}).values() for one in those]
        return [x for one in found if isinstance(one, Projection) for x in one.tensors]

    def get(self, layers: Layers, name: str, number: int) -> Projection | str:
        """Return one layer's projection, or why there is none."""
        if self._found is None:
            self.find(layers)
        found = self.known_of(name, number)
        return self._why if found is None else found

    def known_of(self, name: str, number: int) -> Projection | str | None:
        """Return the same without running the model; None while nobody has looked for it."""
        if self._found is None:
            return None
        if not self._found:
            return self._why
        found = self._found[name][number]
        return _CHANGED if isinstance(found, Projection) and not found.is_current else found

    def all(self, layers: Layers) -> Found:
        """Return every layer's projection, or why there is none."""
        return {name: [self.get(layers, name, at) for at in range(len(those))] for name, those in layers.items()}

    def find(self, layers: Layers, on_layer: OnLayer | None = None) -> None:
        """Run the model, if that has not succeeded yet."""
        stopped: list[BaseException] = []

        def report(done: int, total: int) -> None:
            try:
                if on_layer is not None:
                    on_layer(done, total)
            except BaseException as error:
                stopped.append(error)
                raise

        with self._lock:
            project = self._project
            if project is None or self._is_running:  # the model's own hooks may ask for a breakdown
                return
            self._is_running = True
            try:
                # What fails is tried once more: another thread may just have been changing the model.
                for is_last in (False, True):
                    try:
                        self._found, self._project = project(layers, report), None
                        break
                    except Exception as error:
                        if stopped:
                            raise
                        if is_last:
                            self._found = {}
                            why = str(error) or type(error).__name__
                            self._why = f"W_O is not known: the model could not be run again ({why})"
            finally:
                self._is_running = False

    def release(self) -> None:
        """Let go of the model."""
        self._found, self._project = self._found or {}, None
