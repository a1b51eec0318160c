"""The rest of a block, run again for single tokens with attention stood in for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from attnwidget.capture.calls import first_tensor, with_first
from attnwidget.capture.norm import alike
from attnwidget.maths.projection import version_of
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from attnwidget.capture.around import Place
    from attnwidget.capture.calls import Call
    from attnwidget.capture.output import HeadOutputs

    Rounding = Callable[[], torch.autocast]

_CHANGED = "the block cannot be run again: the model's weights have changed since"


class Rest:
    """What a block computes from some tokens' vectors and heads: its own code, with attention stood in for.

    Each token is a text of its own to it, so that nothing but attention, which is stood in for, could mix them.
    """

    def __init__(self, calls: Sequence[Call], place: Place, twin: tuple[Any, Rounding]) -> None:
        block, attention = calls[place.block.number], place.attention
        assert block.given is not None  # noqa: S101 - it was asked for
        assert attention is not None  # noqa: S101 - without there is no rest
        self._module, self._projection, (self._lock, self._rounding) = block.module, place.projection.module, twin
        self._stream, self._expected, self._at = block.inputs[place.given], block.output, block.places[place.given]
        # The stream itself is kept once; what else a block is given is small, or the same for all.
        self._args = [None if name == self._at else one for name, one in enumerate(block.given[0])]
        self._kwargs = {name: None if name == self._at else one for name, one in block.given[1].items()}
        self._attention = attention.module
        # but for what is put in its place
        self._returned = with_first(calls[attention.number].returned, torch.empty(0))
        self._returns, self._order = place.returns, place.order
        self._norm = None if place.norm is None else place.norm.module
        self._versions = self._versions_now()

    def __call__(self, tokens: Tensor, heads: Tensor) -> Tensor:
        """Compute (pairs, d_model) from tokens (pairs,) and their heads' outputs (pairs, heads × d_v)."""
        if self._versions_now() != self._versions:
            raise ValueError(_CHANGED)
        stream = self._stream[tokens][:, None]  # (pairs, 1, d_model)
        args = [stream if name == self._at else one for name, one in enumerate(self._args)]
        kwargs = {name: stream if name == self._at else one for name, one in self._kwargs.items()}
        with self._lock, torch.no_grad(), self._rounding():
            instead = with_first(self._returned, self._instead(stream, heads.to(stream)[:, None]))
            plain = vars(self._attention).get("forward")
            self._attention.forward = lambda *_, **__: instead
            try:
                found = first_tensor(self._module(*args, **kwargs))
            finally:
                del self._attention.forward
                if plain is not None:
                    self._attention.forward = plain
        assert found is not None  # noqa: S101 - as it was at the recorded pass
        return found[:, 0]

    def _instead(self, stream: Tensor, heads: Tensor) -> Tensor:
        """Compute what attention returns, (pairs, 1, heads × d_v or d_model)."""
        if self._returns == "heads":
            return heads
        written: Tensor = self._projection(heads)  # (pairs, 1, d_model)
        if self._returns == "written":
            return written
        if self._norm is None:
            return stream + written
        normed: Tensor = self._norm(stream + written if self._order == "after" else written)
        return normed if self._order == "after" else stream + normed

    def proves(self, heads: HeadOutputs) -> bool:
        """Whether this gives what the block returned, where the heads are as they are."""
        expected, self._expected = self._expected, None
        if expected is None:
            return False
        rows = heads.rows.to(self._stream.device)
        try:
            found = self(rows, heads.joined.to(self._stream.device))
        except Exception:  # noqa: BLE001 - whatever it is that this block wants of a whole text
            return False
        theirs = upcast(expected[rows])
        return alike(upcast(found), theirs, theirs, heads.bound)

    def _versions_now(self) -> list[int]:
        return [version_of(weight) for weight in self._module.parameters()]
