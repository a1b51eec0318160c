"""What stands around attention: found in the tree of a pass's calls, and proven on its numbers.

Which part comes after which, where norms stand, whether the MLP stands behind attention or beside it, what the first
vectors are the sum of: none of it is told by names. The residual stream is followed from sum to sum through each block,
and a block whose last sum is not what the block returned counts as unknown.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from attnwidget.capture.around import Search
from attnwidget.capture.blocks import call_of, sampling
from attnwidget.capture.calls import calls_of, first_tensor
from attnwidget.capture.inputs import position_table, word_embeddings
from attnwidget.capture.norm import alike, read_norm
from attnwidget.capture.output import head_outputs
from attnwidget.capture.wrappers import core_of
from attnwidget.maths import Projection
from attnwidget.trace.structure import Part, Stack, Structure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from attnwidget.capture.around import Place
    from attnwidget.capture.calls import Call
    from attnwidget.capture.output import HeadOutputs
    from attnwidget.trace.projections import Found, Layers
    from attnwidget.trace.structure import Block, Kind

_PARTS = 4  # of a block, at most
_BY_TOKEN = (nn.Linear, Conv1D, nn.Dropout, nn.LayerNorm, nn.Identity)


class _State(NamedTuple):
    """The residual stream at one place of a block."""

    stream: Tensor  # (rows, d_model)
    since: int  # the number of the last call whose output is in it


def find_structure(model: nn.Module, run: Callable[[], object], layers: Layers, projections: Found) -> Structure:
    """Run a model once more and say what stands around its attention.

    Parameters
    ----------
    model : nn.Module
        A twin.
    run : function
        The very pass that the layers are of, on this model.
    layers : mapping of str to sequence of layers
        Of a trace.
    projections : dict of str to list
        Every layer's W_O, or why it is not known.
    """
    heads = head_outputs(layers)
    known = {
        (name, number): one
        for name, those in projections.items()
        for number, one in enumerate(those)
        if isinstance(one, Projection) and one.output is not None and (name, number) in heads
    }
    keep = sampling(heads, known)
    with calls_of(model, keep) as calls:
        run()
    at = {key: call_of(calls, one, heads[key]) for key, one in known.items()}
    crossing = {one.number for (name, _), one in at.items() if one is not None and name == "cross"}
    stacks: dict[str, Stack] = {}
    with torch.no_grad():
        for name in layers:
            if name == "cross":
                continue
            mine = [at.get((name, number)) for number in range(len(layers[name]))]
            numbers = {one.number for one in mine if one is not None}
            places: list[Place | None] = []
            blocks: list[Block | None] = []
            for number, one in enumerate(mine):
                place = None if one is None else Search(calls, one, numbers - {one.number}, heads[name, number]).place()
                places.append(place)
                walk = None if place is None else _Walk(calls, place, crossing, heads[name, number])
                blocks.append(None if walk is None else walk.block())
            stacks[name] = _stack(model, calls, places, tuple(blocks), heads.get((name, 0)))
    return Structure(stacks, {name: _rotary(model, len(those)) for name, those in layers.items() if name != "cross"})


class _Walk:
    """Follows the residual stream through one block."""

    def __init__(self, calls: Sequence[Call], place: Place, crossing: set[int], heads: HeadOutputs) -> None:
        self._place, self._crossing, self._bound = place, crossing, heads.bound
        self._inside = calls[place.block.number : place.block.end]
        assert place.projection.output is not None  # noqa: S101 - it was found by it
        self._out = place.projection.output
        self._given = place.block.inputs[place.given]

    def block(self) -> Block | None:
        """Return the block's parts; None where they do not add up to what it returned."""
        given, place = self._given, self._place
        before = any(one.number < place.projection.number for one, _ in self._norms(given))
        own = Part("attention", before, place.order == "inside", place.order == "after")
        wrote = self._out if place.norm is None or place.order == "after" else place.norm.output
        if wrote is None:
            return None
        summed = given + wrote
        if place.order == "after":
            assert place.norm is not None  # noqa: S101 - so it was found
            assert place.norm.output is not None  # noqa: S101 - so it was found
            summed = place.norm.output
        since = max(place.projection.number, -1 if place.norm is None else place.norm.number)
        if self._is_read(summed, since):
            rest = self._follow(_State(summed, since), _PARTS)
            return None if rest is None else ((own,), *rest)
        for beside, total in self._sums(_State(summed, -1)):
            if self._reads(beside, given) and total is place.block.output:
                also = Part(
                    self._kind(beside, _State(given, place.projection.number)),
                    before,
                    own.inside and self._is_norm(beside),
                )
                return ((own, also),)
        return None

    def _follow(self, at: _State, most: int) -> Block | None:
        """Return what is added to the stream until the block ends."""
        end = self._place.block.output
        assert end is not None  # noqa: S101 - the place was found by it
        if self._is(end, at.stream):
            return ()
        if most == 0:
            return None
        before = any(one.number > at.since for one, _ in self._norms(at.stream))
        for part, total in self._sums(at):
            inside = self._is_norm(part)
            ways = [(False, total, part.number)]
            ways += [(True, found, one.number) for one, found in self._norms(total) if one.number > part.number]
            for after, stream, since in ways:
                rest = self._follow(_State(stream, since), most - 1)
                if rest is not None:
                    return (Part(self._kind(part, at), before, inside, after),), *rest
        return None

    def _sums(self, at: _State) -> Iterator[tuple[Call, Tensor]]:
        """Find what is added to the stream, the outermost calls first, and the sums."""
        end = self._place.block.output
        totals = [end] if end is not None else []
        totals += [x for one in self._inside[1:] if one.number > at.since for x in one.inputs]
        for one in self._inside[1:]:
            part = one.output
            if one.number <= at.since or part is None or part.shape != at.stream.shape or not part.any():
                continue
            summed = at.stream + part
            if self._is(part, at.stream) or self._is(part, self._out):
                continue
            yield from ((one, total) for total in totals if self._is(total, summed))

    def _kind(self, part: Call, at: _State) -> Kind:
        """Say what a part is: it has the cross-attention in it, or takes each token by itself."""
        made = [part]
        if self._is_norm(part):  # of what another has made
            made += [one for one in self._inside if one.output is not None and self._has(part, one.output)]
        if any(one.number <= here < one.end for one in made for here in self._crossing):
            return "cross-attention"
        return "MLP" if self._by_token(made[1] if len(made) > 1 else part, at) else "part"

    def _by_token(self, part: Call, at: _State) -> bool:
        """Whether a part mixes no tokens: run for single ones, it gives the same.

        One that cannot be run by itself, as BERT's, which is several modules, must have nothing in it that could.
        """
        if self._reads(part, at.stream):
            with suppress(Exception):  # whatever it is that it wants of a whole text
                alone: Any = first_tensor(part.module(part.inputs[0][:, None]))  # each a text of its own
                return part.output is not None and self._is(alone.flatten(0, -2), part.output)
        mine = [one for one in self._inside if at.since < one.number < part.end]
        leaves = [one.module for one in mine if not [*one.module.children()]]
        return all(isinstance(one, _BY_TOKEN) or not [*one.parameters()] for one in leaves)

    def _reads(self, part: Call, stream: Tensor) -> bool:
        """Whether a part is given the stream, or a norm of it."""
        known = [stream, *(found for _, found in self._norms(stream))]
        return any(x.shape == one.shape and self._is(x, one) for x in part.inputs for one in known)

    def _is_read(self, stream: Tensor, since: int) -> bool:
        """Whether some later call is given this, or the block ends with it."""
        end = self._place.block.output
        later = [x for one in self._inside if one.number > since for x in one.inputs]
        return any(self._is(x, stream) for x in ([] if end is None else [end]) + later)

    def _norms(self, given: Tensor) -> list[tuple[Call, Tensor]]:
        return [
            (one, one.output)
            for one in self._inside
            if one.output is not None and self._has(one, given) and self._norms_it(one, given)
        ]

    def _is_norm(self, one: Call) -> bool:
        return bool(one.inputs) and self._norms_it(one, one.inputs[0])

    def _norms_it(self, one: Call, given: Tensor) -> bool:
        if one.output is None or one.output.shape != given.shape or [*one.module.children()]:
            return False
        return read_norm(one.module, given, one.output, self._bound) is not None

    def _has(self, one: Call, wanted: Tensor) -> bool:
        return any(self._is(x, wanted) for x in one.inputs)

    def _is(self, mine: Tensor, theirs: Tensor) -> bool:
        return mine.shape == theirs.shape and alike(mine, theirs.to(mine), self._out, self._bound)


def _stack(
    model: nn.Module,
    calls: Sequence[Call],
    places: Sequence[Place | None],
    blocks: tuple[Block | None, ...],
    heads: HeadOutputs | None,
) -> Stack:
    """Say what the first vectors of some layers are the sum of, and whether a norm follows the last."""
    first, last = places[0], places[-1]
    if first is None or last is None or heads is None:
        return Stack(blocks)
    end = last.block.output
    last_norm = end is not None and any(
        one.number >= last.block.end and _is_norm_of(one, end, heads.bound) for one in calls
    )
    given = first.block.inputs[first.given]
    before = calls[: first.block.number]
    named = _embeddings(model, before, given)
    totals = [(given, False)]
    totals += [(one.inputs[0], True) for one in before if _gives(one, given) and _is_norm_of(one, None, heads.bound)]
    for total, normed in totals:
        for some in [named, named[:1]] if named else []:
            if _adds_up([one for _, one in some], total, heads.bound):
                return Stack(blocks, tuple(name for name, _ in some), normed, last_norm)
    return Stack(blocks, last_norm=last_norm)


def _embeddings(model: nn.Module, before: Sequence[Call], given: Tensor) -> list[tuple[str, Tensor]]:
    """Return what was looked up for a text's tokens last, the tokens' own first."""
    words, table = word_embeddings(model), position_table(model)
    found: dict[str, Tensor] = {}
    for one in before:
        last = one.name.rpartition(".")[2]
        is_place = "position" in last or (table is not None and one.module is table.module)
        if (
            one.output is None
            or one.output.shape != given.shape
            or not (is_place or isinstance(one.module, nn.Embedding))
        ):
            continue
        is_token = one.module is words or getattr(one.module, "weight", None) is words.weight
        found["token" if is_token else "position" if is_place else "segment" if "type" in last else last] = one.output
    return sorted(found.items(), key=lambda pair: pair[0] != "token") if "token" in found else []


def _adds_up(parts: Sequence[Tensor], total: Tensor, bound: float) -> bool:
    """Whether they add up to a total; the first may be multiplied with a number before."""
    own, rest = parts[0], total - sum(parts[1:], torch.zeros_like(total))
    factor = (own * rest).sum() / own.square().sum().clamp(min=1e-30)
    return alike(factor * own, rest, total, bound)


def _gives(one: Call, wanted: Tensor) -> bool:
    return (
        one.output is not None
        and bool(one.inputs)
        and one.output.shape == wanted.shape
        and bool(torch.allclose(one.output, wanted, rtol=1e-3, atol=1e-5))
    )


def _is_norm_of(one: Call, given: Tensor | None, bound: float) -> bool:
    if not one.inputs or one.output is None or [*one.module.children()]:
        return False
    own = one.inputs[0]
    if given is not None and (own.shape != given.shape or not alike(own, given, given, bound)):
        return False
    return own.shape == one.output.shape and read_norm(one.module, own, one.output, bound) is not None


def _rotary(model: nn.Module, count: int) -> tuple[bool, ...]:
    """Say which layers turn queries and keys by their position, as the configuration has it."""
    config = core_of(model).config.get_text_config()
    names = "rope_parameters", "rope_theta", "rotary_dim", "rotary_pct"
    if getattr(config, "alibi", False) or not any(getattr(config, name, None) for name in names):
        return (False,) * count
    of_layer = getattr(config, "no_rope_layers", None) or [1] * count  # 1 where they are turned
    return tuple(bool(one) for one in of_layer[:count])
