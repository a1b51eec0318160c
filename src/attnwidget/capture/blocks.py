"""The block around every attention: found in the tree of a pass's calls, and proven on its numbers.

A block is the call that is given the residual stream and makes one layer's attention. Where the norm stands is not told
by names either: the block's own tensors must add up to what was found, at some rows of the text.

- "before" (GPT-2, Llama): x + attention(norm(x)); what comes next adds to that sum.
- "after" (BERT): norm(x + attention(x)); what comes next adds to what the norm returned.
- "inside" (Gemma 2): x + norm(attention(norm(x))).
"""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch

from attnwidget.capture.calls import calls_of, first_tensor, with_first
from attnwidget.capture.output import head_outputs
from attnwidget.maths import Block, Norm, Projection
from attnwidget.maths.projection import version_of
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from torch import Tensor, nn

    from attnwidget.capture.calls import Call
    from attnwidget.capture.output import HeadOutputs
    from attnwidget.maths.block import Order
    from attnwidget.trace.projections import Found, Layers
    from attnwidget.trace.second import FoundBlocks

    Rounding = Callable[[], torch.autocast]
    Returns = Literal["heads", "written", "summed"]
    Key = tuple[str, int]  # an attention, and the number of a layer

NOT_PROVEN = (
    "the block around this attention could not be proven: what it adds the heads' output to, and where its norm is"
)
_NOT_ALONE = "the rest of this block cannot be run for single tokens: what it computes then is not what it computed"
_CHANGED = "the block cannot be run again: the model's weights have changed since"
_EPSILONS = "variance_epsilon", "eps", "epsilon", "norm_eps"


class _Place(NamedTuple):
    """Where in the tree of calls a layer's block is."""

    block: Call
    given: int  # which of its inputs is the stream
    order: Order
    norm: Call | None
    attention: Call | None  # what can be stood in for
    returns: Returns  # and what it returns: the heads, what W_O makes of them, or the stream after attention


def find_blocks(
    model: nn.Module, run: Callable[[], object], layers: Layers, projections: Found, rounding: Rounding
) -> FoundBlocks:
    """Run a model twice more and find every layer's block.

    Parameters
    ----------
    model : nn.Module
        A twin. What can be run again of a block keeps it alive.
    run : function
        The very pass that the layers are of, on this model.
    layers : mapping of str to sequence of layers
        Of a trace.
    projections : dict of str to list
        Every layer's W_O, or why it is not known.
    rounding : function
        As PyTorch rounded at the recorded pass.

    Returns
    -------
    dict of str to list
        As `layers`; a reason where no block could be found, or proven.
    """
    heads = head_outputs(layers)
    known = {
        (name, number): one
        for name, those in projections.items()
        for number, one in enumerate(those)
        if isinstance(one, Projection) and one.output is not None and (name, number) in heads and name != "cross"
    }
    widths = {n for one in known.values() for n in (one.weight.shape[2], one.weight.shape[0] * one.weight.shape[1])}
    rows = {one.n: one.rows for one in heads.values()}

    def sampled(_: int, tensor: Tensor) -> Tensor | None:
        return None if not _is_rows(tensor, rows, widths) else _at(tensor, rows[tensor.numel() // tensor.shape[-1]])

    with calls_of(model, sampled) as calls:
        run()
    at_layer = {key: _call_of(calls, one, heads[key]) for key, one in known.items()}
    places: dict[Key, _Place | None] = {}
    for key, mine in at_layer.items():
        others = {one.number for other, one in at_layer.items() if one and other != key and other[0] == key[0]}
        places[key] = None if mine is None else _Search(calls, mine, others, heads[key]).place()
    there = [one for one in places.values() if one is not None]
    kept = {one.block.number for one in there} | {one.norm.number for one in there if one.norm}
    whole = kept | {one.attention.number for one in there if one.attention}

    def copied(number: int, tensor: Tensor) -> Tensor | None:
        if number not in kept or not _is_rows(tensor, rows, widths):
            return None
        return tensor.detach().reshape(-1, tensor.shape[-1]).clone()

    with calls_of(model, copied, frozenset(whole)) as again:
        run()
    for module in model.modules():
        module.training = False
    lock = RLock()  # one twin for all blocks
    found: FoundBlocks = {}
    for name, those in projections.items():
        found[name] = [one if isinstance(one, str) else NOT_PROVEN for one in those]
    for (name, number), place in places.items():
        if place is not None and len(again) == len(calls):
            projection, at = known[name, number], heads[name, number]
            mine = again[at_layer[name, number].number]  # type: ignore[union-attr] - a place is found by it
            found[name][number] = _block(place, again, mine, projection, at, (lock, rounding))
    return found


class _Search:
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

    def place(self) -> _Place | None:
        """Say where the block is; None where nothing adds up."""
        for block in self._blocks():
            inside = self._calls[block.number : block.end]
            for at, given in enumerate(block.inputs):
                if given.shape != self._out.shape:
                    continue
                for order, norm, summed in self._sums(given, inside):
                    if self._goes_on(summed, block, inside, norm or self._mine):
                        return _Place(block, at, order, norm, *self._stand_in(block, inside, summed))
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


def _block(  # noqa: PLR0917 - of one layer, all that is known
    place: _Place, again: Sequence[Call], mine: Call, projection: Projection, heads: HeadOutputs, twin: tuple[Any, Rounding]
) -> Block | str:
    """Put a block together from a pass of which its own tensors were kept whole."""
    call = again[place.block.number]
    given, out = call.inputs[place.given], projection.output
    assert out is not None  # noqa: S101 - only such were looked for
    total = upcast(given) + upcast(out)  # (n, d_model)
    norm, summed = None, total
    if place.norm is not None:
        returned = again[place.norm.number].output
        norm = None if returned is None else read_norm(place.norm.module, upcast(out) if place.order == "inside" else total, returned, heads.bound)
        if norm is None or returned is None:
            return NOT_PROVEN
        summed = upcast(returned) if place.order == "after" else upcast(given) + upcast(returned)
    rest: Any = _NOT_ALONE
    if place.attention is not None:
        rest = _Rest(again, place, mine, twin)
        rest = rest if rest.proves(heads) else _NOT_ALONE
    return Block(given, summed, place.order, norm, rest, place.block.name)


class _Rest:
    """What a block computes from some tokens' vectors and heads: its own code, with attention stood in for.

    Each token is a text of its own to it, so that nothing but attention, which is stood in for, could mix them.
    """

    def __init__(self, calls: Sequence[Call], place: _Place, mine: Call, twin: tuple[Any, Rounding]) -> None:
        block, attention = calls[place.block.number], place.attention
        assert block.given is not None  # noqa: S101 - it was asked for
        assert attention is not None  # noqa: S101 - without there is no rest
        self._module, self._projection, (self._lock, self._rounding) = block.module, mine.module, twin
        self._stream, self._expected, self._at = block.inputs[place.given], block.output, block.places[place.given]
        # The stream itself is kept once; what else a block is given is small, or the same for all.
        self._args = [None if name == self._at else one for name, one in enumerate(block.given[0])]
        self._kwargs = {name: None if name == self._at else one for name, one in block.given[1].items()}
        self._attention = attention.module
        self._returned = with_first(calls[attention.number].returned, torch.empty(0))  # but for what is put in its place
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
        return self._norm(stream + written) if self._order == "after" else stream + self._norm(written)

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


def read_norm(module: nn.Module, given: Tensor, returned: Tensor, bound: float) -> Norm | None:
    """Return a LayerNorm or RMSNorm with every row's scale held; None if the module is neither.

    Parameters
    ----------
    module : nn.Module
        Of any class: what it does is read from its numbers.
    given, returned : Tensor
        (n, d_model).
    bound : float
        How near, as of `alike`.
    """
    given, returned = upcast(given), upcast(returned)
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    epsilon = next((float(one) for name in _EPSILONS if isinstance(one := getattr(module, name, None), float)), 0.0)
    if weight is not None and weight.shape != given.shape[-1:]:
        return None
    own = None if weight is None else upcast(weight.detach()).to(given)
    gains = [given.new_ones(given.shape[-1])] if own is None else [own, 1 + own]
    for is_centred in (True, False):
        centred = given - given.mean(-1, keepdim=True) if is_centred else given
        scale = torch.rsqrt(centred.square().mean(-1) + epsilon)  # (n,)
        for gain in gains:
            mine = centred * scale[:, None] * gain
            if alike(mine if bias is None else mine + bias.detach().to(mine), returned, returned, bound):
                return Norm(gain, scale, is_centred)
    return None


def alike(mine: Tensor, theirs: Tensor, part: Tensor, bound: float) -> bool:
    """Whether two sums are the same, measured by one of their parts: a stream may be far longer than what is added."""
    slack = bound * part.abs().mean() + bound / 100 * theirs.abs()  # rounding is of the sum's own size
    return mine.shape == theirs.shape and bool(((mine - theirs).abs() <= slack).all())


def _call_of(calls: Sequence[Call], projection: Projection, heads: HeadOutputs) -> Call | None:
    """Return the call of a layer's W_O: a module may be several layers'."""
    assert projection.output is not None  # noqa: S101 - only such are looked for
    expected = _at(projection.output, heads.rows)  # (rows, d_model)
    for one in calls:
        if one.name == projection.name and one.output is not None and alike(one.output, expected, expected, heads.bound):
            return one
    return None


def _is_rows(tensor: Tensor, rows: dict[int, Tensor], widths: set[int]) -> bool:
    """Whether a tensor may be one vector of each token."""
    if tensor.ndim < 2 or tensor.shape[-1] not in widths or not tensor.is_floating_point():
        return False
    return tensor.numel() // tensor.shape[-1] in rows


def _at(tensor: Tensor, rows: Tensor) -> Tensor:
    whole = tensor.detach().reshape(-1, tensor.shape[-1])
    return upcast(whole.index_select(0, rows.to(whole.device))).cpu()
