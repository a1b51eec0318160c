"""What measures need of a second pass: blocks, the gradient of a number that the model says, ways to a logit."""

from __future__ import annotations

from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch
from torch import Tensor

from attnwidget.maths import Block
from attnwidget.trace.rerun import NO_MODEL
from attnwidget.trace.structure import Structure

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from attnwidget.trace.core import AttentionTrace

    FoundBlocks = dict[str, list[Block | str]]  # or why there is none
    FoundGradients = dict[str, list[Tensor | str]]

NO_WAY = "the way from this layer to a logit is not known"

One = TypeVar("One", Block, Tensor)


class Once(Generic[One]):
    """Something of every layer that takes a pass: found when it is first asked for, and kept.

    Parameters
    ----------
    what : str
        Named where it is not known: "the block".
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._found: dict[str, list[One | str]] | None = None
        self._why = ""
        self._lock = RLock()

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle nothing of it: it can be found again where the model is."""
        return {"_what": self._what, "_found": None, "_why": ""}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = RLock()

    @property
    def known(self) -> bool:
        """Whether it has been looked for."""
        return self._found is not None

    @property
    def tensors(self) -> list[Tensor]:
        """Everything that occupies memory."""
        found = [one for those in (self._found or {}).values() for one in those]
        return [x for one in found for x in (one.tensors if isinstance(one, Block) else [one]) if isinstance(x, Tensor)]

    def known_of(self, name: str, number: int) -> One | str | None:
        """Return one layer's, or why there is none; None while nobody has looked for it."""
        if self._found is None:
            return None
        return self._found[name][number] if name in self._found else self._why

    def get(self, name: str, number: int, find: Callable[[], dict[str, list[One | str]]]) -> One | str:
        """Return the same; look for it first, where nobody has."""
        with self._lock:
            if self._found is None:
                try:
                    self._found = find()
                except Exception as error:  # noqa: BLE001 - whatever it is that this model does not bear
                    self._found = {}
                    why = str(error) or type(error).__name__
                    self._why = f"{self._what} is not known: the model could not be run again ({why})"
        found = self.known_of(name, number)
        return NO_MODEL if found is None else found

    def forget(self) -> None:
        """Let go of it."""
        with self._lock:
            self._found = None


class SecondPass:
    """All of them of a trace, and what measures keep of whole layers.

    Attributes
    ----------
    kept : dict
        Numbers of whole layers, by whatever a measure names them with.
    known_structure : Structure, optional
        What stands around attention, once somebody has asked; it says nothing where nothing could be found.
    """

    def __init__(self) -> None:
        self._blocks: Once[Block] = Once("the block")
        self._gradients: Once[Tensor] = Once("the gradient")
        self._directions: Once[Tensor] = Once("the way to a logit")
        self.kept: dict[object, Tensor] = {}
        self.known_structure: Structure | None = None

    @property
    def _named(self) -> tuple[tuple[set[str], Once[Any]], ...]:
        """What serves which needs."""
        return ({"block", "rest"}, self._blocks), ({"gradient"}, self._gradients), ({"direction"}, self._directions)

    @property
    def tensors(self) -> list[Tensor]:
        """Everything that occupies memory."""
        return [*self._blocks.tensors, *self._gradients.tensors, *self._directions.tensors, *self.kept.values()]

    def why_not(self, needs: Collection[str], name: str, number: int, trace: AttentionTrace) -> str:
        """Say why a layer does not have what a measure needs, as far as that is known; empty if it has."""
        for words, found in self._named:
            if words & set(needs):
                known = found.known_of(name, number)
                if isinstance(known, str):
                    return known
                if known is None and trace.rerun.missing:
                    return trace.rerun.missing
                if isinstance(known, Block) and "rest" in needs and isinstance(known.rest, str):
                    return known.rest
        if {"gradient", "direction"} & set(needs) and trace.predictions.missing:
            return trace.predictions.missing
        return ""

    def knows(self, needs: Collection[str], trace: AttentionTrace) -> bool:
        """Whether all is there that some needs take, or cannot be had."""
        return bool(trace.rerun.missing) or all(found.known for words, found in self._named if words & set(needs))

    def prepare(self, needs: Collection[str], trace: AttentionTrace) -> None:
        """Find what some needs take."""
        if trace.rerun.missing:
            return
        first = next(iter(trace.attentions)), 0
        for need, find in (
            ("block", self.block),
            ("rest", self.block),
            ("gradient", self.gradient),
            ("direction", self.direction),
        ):
            if need in needs:
                with suppress(ValueError):  # of this layer
                    find(trace, *first)
        if "direction" in needs:
            with suppress(ValueError):
                self.direction(trace, *first)

    def structure(self, trace: AttentionTrace) -> Structure:
        """Return what stands around attention; find it first, where nobody has."""
        if self.known_structure is None:
            found = Structure()
            with suppress(Exception):  # no model, or one that does not bear it: then less is said
                found = trace.rerun.get().structure(*trace.everything())
            self.known_structure = found
        return self.known_structure

    def block(self, trace: AttentionTrace, name: str, number: int) -> Block:
        """Return one layer's block; raise ValueError with the reason where it is not known."""
        return _there(self._blocks.get(name, number, lambda: trace.rerun.get().blocks(*trace.everything())))

    def gradient(self, trace: AttentionTrace, name: str, number: int) -> Tensor:
        """Return the gradient of the trace's target by one layer's heads; the same."""

        def find() -> FoundGradients:
            again = trace.rerun.get()
            return again.gradients(again.resolve(trace, trace.target), *trace.everything())

        return _there(self._gradients.get(name, number, find))

    def direction(self, trace: AttentionTrace, name: str, number: int) -> Tensor:
        """Return what leads from one layer's W_O to the target's logit of each row, (n, d_model); the same."""

        def find() -> FoundGradients:
            again, target = trace.rerun.get(), trace.target
            named = target is not None and target.tokens  # of a loss, and of nothing, each row's likeliest
            asked = again.resolve(trace, target) if named else None
            known = _shared(again.directions(trace, asked))
            return {
                one: [known.get((one, at), NO_WAY) for at in range(trace.n_layers(one))] for one in trace.attentions
            }

        return _there(self._directions.get(name, number, find))

    @property
    def uses_target(self) -> bool:
        """Whether something is known that is about a target."""
        return self._gradients.known or self._directions.known

    def forget_gradients(self) -> None:
        """Let go of what another target has."""
        self._gradients.forget()
        self._directions.forget()

    def forget(self) -> None:
        """Let go of everything: what can be run again keeps the model alive."""
        self._blocks.forget()
        self._gradients.forget()
        self._directions.forget()
        self.kept.clear()


def _shared(known: Mapping[tuple[str, int], Tensor]) -> dict[tuple[str, int], Tensor]:
    """Keep one tensor of equal ones: where nothing but the last norm is on the way, that is all."""
    kept: list[Tensor] = []
    found = {}
    for key, one in known.items():
        same = next((other for other in kept if torch.equal(one, other)), None)
        found[key] = one.clone() if same is None else same
        if same is None:
            kept.append(found[key])
    return found


def _there(found: One | str) -> One:
    if isinstance(found, str):
        raise ValueError(found)  # noqa: TRY004 - a reason
    return found
