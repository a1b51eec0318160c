"""Where in a pass's tree of calls a layer's block is, by what adds up there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from attnwidget.capture.norm import alike, read_norm

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from torch import Tensor

    from attnwidget.capture.calls import Call
    from attnwidget.capture.output import HeadOutputs
    from attnwidget.maths.block import Order

    Returns = Literal["heads", "written", "summed"]


class Place(NamedTuple):
    """Where in the tree of calls a layer's block is."""

    block: Call
    projection: Call  # W_O
    given: int  # which of its inputs is the stream
    order: Order
    norm: Call | None
    attention: Call | None  # what can be stood in for
    returns: Returns  # and what it returns: the heads, what W_O makes of them, or the stream after attention


class Search:
    """One layer's block, looked for in a pass's tree of calls.

    Parameters
    ----------
    calls : sequence of Call
        With some rows of each call's vectors.
    mine : Call
        Of the layer's W_O.
    others : collection of int
        The calls of the same attention's other layers, none of which may be in the block.
    heads : HeadOutputs
        Of the layer.
    """

    def __init__(self, calls: Sequence[Call], mine: Call, others: Collection[int], heads: HeadOutputs) -> None:
        self._calls, self._mine, self._others, self._heads = calls, mine, others, heads
        assert mine.output is not None  # noqa: S101 - it was found by it
        self._out = mine.output  # (rows, d_model)
        self._bound = heads.bound

    def place(self) -> Place | None:
        """Say where the block is; None where nothing adds up."""
        for block in self._blocks():
            inside = self._calls[block.number : block.end]
            for at, given in enumerate(block.inputs):
                if given.shape != self._out.shape:
                    continue
                for order, norm, summed in self._sums(given, inside):
                    if self._goes_on(summed, block, inside, norm or self._mine):
                        return Place(block, self._mine, at, order, norm, *self._stand_in(block, inside, summed))
        return None

    def _blocks(self) -> list[Call]:
        """List what may be the block, the likeliest first: one of a numbered list, the outermost."""
        around = [
            one
            for one in reversed(self._mine.ancestors)
            if one.inputs and not any(one.number < at < one.end for at in self._others)
        ]
        return sorted(around, key=lambda one: not one.name.rpartition(".")[2].isdigit())

    def _sums(self, given: Tensor, inside: Sequence[Call]) -> Iterator[tuple[Order, Call | None, Tensor]]:
        """Say what the stream may be after attention."""
        total = given + self._out
        for one, returned in self._norms(self._out, inside):
            yield "inside", one, given + returned
        yield "before", None, total
        for one, returned in self._norms(total, inside):
            yield "after", one, returned

    def _norms(self, given: Tensor, inside: Sequence[Call]) -> Iterator[tuple[Call, Tensor]]:
        """Find the norms of a vector."""
        for one in inside:
            if one.number < self._mine.number or one.output is None or not self._has(one.inputs, given):
                continue
            if one.output.shape == given.shape and read_norm(one.module, given, one.output, self._bound) is not None:
                yield one, one.output

    def _goes_on(self, summed: Tensor, block: Call, inside: Sequence[Call], since: Call) -> bool:
        """Whether the block ends with this sum, or adds what one of its parts returns to it."""
        if block.output is None or block.output.shape != summed.shape:
            return False
        if self._is(block.output, summed):
            return True
        later = [x for one in inside if one.number > since.number for x in one.inputs if x.shape == summed.shape]
        totals = [block.output, *(x for x in later if not self._is(x, summed))]
        parts = [one.output for one in inside[1:] if one.output is not None and one.output.shape == summed.shape]
        return any(self._is(total, summed + part) for total in totals for part in parts if part.any())

    def _stand_in(self, block: Call, inside: Sequence[Call], summed: Tensor) -> tuple[Call | None, Returns]:
        """Return the call around attention that can be stood in for, and what it returns."""
        for one in self._mine.ancestors:
            if one.number > block.number and one.output is not None:
                if self._has([one.output], self._out):
                    return one, "written"
                if self._has([one.output], summed):
                    return one, "summed"
        joined = self._heads.joined
        for one in inside[1:]:
            if one.end <= self._mine.number and one.output is not None and self._has([one.output], joined):
                return one, "heads"
        return None, "heads"

    def _has(self, some: Sequence[Tensor], wanted: Tensor) -> bool:
        return any(x.shape == wanted.shape and alike(x, wanted.to(x), wanted.to(x), self._bound) for x in some)

    def _is(self, mine: Tensor, theirs: Tensor) -> bool:
        return alike(mine, theirs, self._out, self._bound)
