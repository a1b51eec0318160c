"""The block around every attention: found in the tree of a pass's calls, and proven on its numbers.

A block is the call that is given the residual stream and makes one layer's attention. Where the norm stands is not told
by names either: the block's own tensors must add up to what was found, at some rows of the text.

- "before" (GPT-2, Llama): x + attention(norm(x)); what comes next adds to that sum.
- "after" (BERT): norm(x + attention(x)); what comes next adds to what the norm returned.
- "inside" (Gemma 2): x + norm(attention(norm(x))).
"""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any

import torch

from attnwidget.capture.around import Search
from attnwidget.capture.calls import calls_of
from attnwidget.capture.norm import alike, read_norm
from attnwidget.capture.output import head_outputs
from attnwidget.capture.rest import Rest
from attnwidget.maths import Block, Projection
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor, nn

    from attnwidget.capture.around import Place
    from attnwidget.capture.calls import Call
    from attnwidget.capture.output import HeadOutputs
    from attnwidget.capture.rest import Rounding
    from attnwidget.trace.projections import Found, Layers
    from attnwidget.trace.second import FoundBlocks

    Key = tuple[str, int]  # an attention, and the number of a layer

NOT_PROVEN = (
    "the block around this attention could not be proven: what it adds the heads' output to, and where its norm is"
)
_NOT_ALONE = "the rest of this block cannot be run for single tokens: what it computes then is not what it computed"


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
    rows = rows_of(heads)
    known = {
        (name, number): one
        for name, those in projections.items()
        for number, one in enumerate(those)
        if name != "cross" and isinstance(one, Projection) and one.output is not None
        if (name, number) in heads and torch.equal(heads[name, number].rows, rows[heads[name, number].n])
    }
    widths = _widths(known)
    with calls_of(model, sampling(heads, known)) as calls:
        run()
    at_layer = {key: call_of(calls, one, heads[key]) for key, one in known.items()}
    places: dict[Key, Place | None] = {}
    for key, mine in at_layer.items():
        others = {one.number for other, one in at_layer.items() if one and other != key and other[0] == key[0]}
        places[key] = None if mine is None else Search(calls, mine, others, heads[key]).place()
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
            found[name][number] = _block(place, again, projection, at, (lock, rounding))
    return found


def _block(
    place: Place,
    again: Sequence[Call],
    projection: Projection,
    heads: HeadOutputs,
    twin: tuple[Any, Rounding],
) -> Block | str:
    """Put a block together from a pass of which its own tensors were kept whole."""
    call = again[place.block.number]
    given, out = call.inputs[place.given], projection.output
    assert out is not None  # noqa: S101 - only such were looked for
    total = upcast(given) + upcast(out)  # (n, d_model)
    norm, summed = None, total
    if place.norm is not None:
        returned = again[place.norm.number].output
        normed = upcast(out) if place.order == "inside" else total
        norm = None if returned is None else read_norm(place.norm.module, normed, returned, heads.bound)
        if norm is None or returned is None:
            return NOT_PROVEN
        summed = upcast(returned) if place.order == "after" else upcast(given) + upcast(returned)
    rest: Any = _NOT_ALONE
    if place.attention is not None:
        rest = Rest(again, place, twin)
        rest = rest if rest.proves(heads) else _NOT_ALONE
    return Block(given, summed, place.order, norm, rest, place.block.name)


def rows_of(heads: Mapping[Key, HeadOutputs]) -> dict[int, Tensor]:
    """Return the rows that are looked at, by how many tokens there are."""
    return {one.n: one.rows for one in heads.values()}


def sampling(heads: Mapping[Key, HeadOutputs], known: Mapping[Key, Projection]) -> Callable[[int, Tensor], Any]:
    """Keep of a tensor that may be one vector of each token a few of these."""
    rows, widths = rows_of(heads), _widths(known)

    def sampled(_: int, tensor: Tensor) -> Tensor | None:
        return None if not _is_rows(tensor, rows, widths) else _at(tensor, rows[tensor.numel() // tensor.shape[-1]])

    return sampled


def _widths(known: Mapping[Key, Projection]) -> set[int]:
    return {n for one in known.values() for n in (one.weight.shape[2], one.weight.shape[0] * one.weight.shape[1])}


def call_of(calls: Sequence[Call], projection: Projection, heads: HeadOutputs) -> Call | None:
    """Return the call of a layer's W_O: a module may be several layers'."""
    assert projection.output is not None  # noqa: S101 - only such are looked for
    expected = _at(projection.output, heads.rows)  # (rows, d_model)
    those = (one for one in calls if one.name == projection.name and one.output is not None)
    return next((one for one in those if alike(_there(one.output), expected, expected, heads.bound)), None)


def _there(tensor: Tensor | None) -> Tensor:
    assert tensor is not None  # noqa: S101 - it was looked at
    return tensor


def _is_rows(tensor: Tensor, rows: dict[int, Tensor], widths: set[int]) -> bool:
    """Whether a tensor may be one vector of each token."""
    if tensor.ndim < 2 or tensor.shape[-1] not in widths or not tensor.is_floating_point():
        return False
    return tensor.numel() // tensor.shape[-1] in rows


def _at(tensor: Tensor, rows: Tensor) -> Tensor:
    whole = tensor.detach().reshape(-1, tensor.shape[-1])
    return upcast(whole.index_select(0, rows.to(whole.device))).cpu()
