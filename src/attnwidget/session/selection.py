"""The rules of what is looked at: which values fit a trace, what follows from a choice, what outlives a new text."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from operator import index
from typing import TYPE_CHECKING, Any, get_args

from msgspec.structs import replace

from attnwidget import measures
from attnwidget.breakdown import Change
from attnwidget.effects import Target
from attnwidget.head_id import HeadId
from attnwidget.heads.opening import NO_LAYER, opening_head
from attnwidget.maths import masks
from attnwidget.tokens.labels import encodable
from attnwidget.wire.schema import VIEWS, Compared, MaskMode, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attnwidget.tokens import Tokens
    from attnwidget.trace import AttentionTrace

SIDES = ("queries", "keys")


def checked(name: str, value: Any, trace: AttentionTrace, attention: str, categories: Sequence[str]) -> Any:  # noqa: C901, PLR0911, PLR0912
    """Return a value in the form that it is kept in.

    Raises
    ------
    ValueError, TypeError, IndexError
        If there is no such thing in this trace; the message names what there is.
    """
    if name == "attention":
        return _one_of("attention", value, attentions(trace))
    _one_of("attention", attention, attentions(trace))
    heads = trace.n_heads(attention)
    if name == "layer":
        return _layers([value], trace, attention)[0]
    if name == "heads":
        chosen = list(dict.fromkeys(HeadId.read_all(value)))
        if not chosen:
            raise ValueError("heads: at least one (layer, head) is needed")
        _layers([layer for layer, _ in chosen], trace, attention)
        _in_range("head", [head for _, head in chosen], heads)
        return chosen
    if name == "mask":
        return None if value is None else masks.plain(value)
    if name == "mask_mode":
        return _one_of("mask_mode", value, get_args(MaskMode))
    if name == "off":
        return _heads_of(trace, attention, value)
    if name == "target":
        found = Target.read(value)
        return None if found is None else found.to_dict()
    if name in SIDES:
        return _positions(name, value, trace.sides(attention)[SIDES.index(name)])
    if name == "threshold" and not 0 <= value <= 1:
        raise ValueError(f"threshold must be a number from 0 to 1, not {value}")
    if name == "view":
        return _one_of("view", value, VIEWS)
    if name == "category" and value is not None:
        return _one_of("category", encodable(value), categories)
    if name == "what_if" and value:
        return normalised(value, trace.sides(attention)[1])
    if name == "side":
        return _side(value, trace, attention)
    if name == "measure":
        lack = trace.lacks(_one_of("measure", value, measures.names()), attention)
        if lack:
            raise ValueError(f"measure {value!r} cannot be had: {lack}")
    return value


def _side(value: str, trace: AttentionTrace, attention: str) -> str:
    """Check that there is another side, and a difference where one is wanted."""
    found = _one_of("side", value, get_args(Compared))
    if found != "a" and trace.beside is None:
        raise ValueError(f"side {found!r} is not there: nothing stands beside; w.compare(…) puts something there")
    lack = trace.lacks("difference", attention) if found == "difference" else ""
    if lack:
        raise ValueError(f"there is no difference: {lack}")
    return found


def _heads_of(trace: AttentionTrace, attention: str, value: Any) -> list[HeadId]:
    """Check heads that are to be off: all may be, whether their layer was kept or not."""
    chosen = list(dict.fromkeys(HeadId.read_all(value)))
    _in_range("off: layer", [layer for layer, _ in chosen], trace.n_layers(attention))
    _in_range("off: head", [head for _, head in chosen], trace.n_heads(attention))
    if chosen and trace.rerun.missing:
        raise ValueError(f"no head can be switched off: {trace.rerun.missing}")
    return chosen


def _positions(name: str, wanted: Sequence[int | str], tokens: Tokens) -> list[int]:
    _in_range(f"{name}: token", [one for one in wanted if not isinstance(one, str)], len(tokens.text))
    try:
        return list(dict.fromkeys(at for one in wanted for at in tokens.where(one)))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def attentions(trace: AttentionTrace) -> list[str]:
    """Return the attentions that there is a layer to see of; raise if there is none."""
    found = [name for name in trace.attentions if trace.kept(name)]
    if not found:
        raise ValueError(NO_LAYER)
    return found


def _layers(values: list[int], trace: AttentionTrace, attention: str) -> list[int]:
    """Check that these layers are there, and were kept."""
    kept = trace.kept(attention)
    for value in _in_range("layer", values, trace.n_layers(attention)):
        if value not in kept:
            there = ", ".join(map(str, kept))
            raise ValueError(f"layer {value} was left out of the trace (layers=); there is {there}")
    return values


def _one_of(what: str, value: Any, known: Sequence[str] | Mapping[str, Any]) -> str:
    if value not in known:
        raise ValueError(f"{what} {value!r} is not there: {', '.join(known)}")
    return str(value)


def _in_range(what: str, values: list[int], count: int) -> list[int]:
    for value in values:
        if not 0 <= value < count:
            raise ValueError(f"{what} {value} is out of range: 0 to {count - 1}")
    return values


def within(values: Mapping[str, Any], trace: AttentionTrace, attention: str) -> dict[str, Any]:
    """Drop token positions that are not there: a click in a browser may cross a shorter text on the way."""
    kept = dict(values)
    wanted = values.get("attention")
    sides = trace.sides(wanted if wanted in trace.attentions else attention)
    for side, tokens in zip(SIDES, sides, strict=True):
        if isinstance(values.get(side), list):
            kept[side] = [at for at in values[side] if not isinstance(at, int) or at < len(tokens.text)]
    return kept


def chosen(before: Selection, trace: AttentionTrace, **values: Any) -> Selection:
    """Return the selection with other values, each of them `checked`, and with what follows from them."""
    after = replace(before, **values)
    if after.side != before.side and "measure" not in values:
        drawn = "weights" if before.measure == "difference" else before.measure
        after = replace(after, measure="difference" if after.side == "difference" else drawn)
    elif (after.measure == "difference") != (after.side == "difference"):
        after = replace(after, side="difference" if after.measure == "difference" else "a")
    if after.attention != before.attention:  # its own tokens and heads: what was selected is let go
        after = replace(after, **({"queries": [], "keys": [], "what_if": {}, "off": [], "mask": None} | values))
        after = with_heads_of(after, trace)
        if after.measure != "weights" and trace.lacks(after.measure, after.attention):
            after = replace(after, measure="weights")
    if "layer" in values and "heads" not in values and after.layer not in {layer for layer, _ in after.heads}:
        numbers = dict.fromkeys(head for _, head in after.heads)
        after = replace(after, heads=[HeadId(after.layer, head) for head in numbers])
    if after.heads and after.layer not in {layer for layer, _ in after.heads}:
        after = replace(after, layer=after.heads[-1].layer)
    # Scores that were set by hand are of one head and one query.
    moved = (after.heads[:1], after.queries) != (before.heads[:1], before.queries)
    if moved and "scores" in after.what_if and "what_if" not in values:
        after = replace(after, what_if={name: one for name, one in after.what_if.items() if name != "scores"})
    return after


def with_heads_of(selection: Selection, trace: AttentionTrace) -> Selection:
    """Let go of heads that this attention does not have."""
    kept, heads = trace.kept(selection.attention), trace.n_heads(selection.attention)
    if selection.heads and all(layer in kept and head < heads for layer, head in selection.heads):
        return selection
    opening = HeadId(*opening_head(trace, selection.attention))
    return replace(selection, heads=[opening], layer=opening.layer)


def step_of(now: Selection, trace: AttentionTrace) -> int | None:
    """Return the token that the model wrote from the pinned row, if that is one row and such a token there is."""
    if now.attention == "encoder" or now.words or len(now.queries) != 1:
        return None
    after = now.queries[0] + 1
    return after if after in _written(trace) else None


def step_to(position: int | None, now: Selection, trace: AttentionTrace) -> dict[str, Any]:
    """Return what to choose, so that the row is pinned from which a token was written; or that none is.

    Raises
    ------
    TypeError
        If it is no position.
    IndexError, ValueError
        If there is no such token, or the model did not write it.
    """
    if position is None:
        return {} if step_of(now, trace) is None else {"queries": []}
    count, written = len(trace.tokens), _written(trace)
    if not -count <= (at := index(position)) < count:
        raise IndexError(f"step: token {at} is out of range: 0 to {count - 1}")
    if not written:
        raise ValueError("step: the model wrote none of these tokens; with generate= it writes some")
    if at % count not in written:
        there = f"{written[0]} to {written[-1]}" if len(written) > 1 else str(written[0])
        raise ValueError(f"step: token {at} was given; the model wrote {there}")
    chosen = {"queries": [at % count - 1], "keys": [], "words": False}
    return chosen if now.attention != "encoder" else {"attention": attentions(trace)[-1], **chosen}


def _written(trace: AttentionTrace) -> list[int]:
    """Return the tokens that were written from a row of this text."""
    return [at for at, is_own in enumerate(trace.generated) if is_own and at > 0]


def opening(
    before: Selection, trace: AttentionTrace, options: Mapping[str, Any], categories: Sequence[str]
) -> Selection:
    """Return what a new trace is opened on, with a constructor's options or an example's.

    Raises
    ------
    ValueError, TypeError, IndexError
        If an option does not fit the trace.
    """
    # The only one, or of an encoder–decoder the cross-attention.
    attention = checked("attention", options.get("attention", attentions(trace)[-1]), trace, "", categories)
    nothing: dict[str, Any] = {
        "queries": [],
        "keys": [],
        "heads": [],
        "what_if": {},
        "off": [],
        "target": None,
        "side": "a",
        "mask": None,
    }
    start = replace(before, attention=attention, measure="weights", **nothing)
    head = HeadId(*opening_head(trace, attention))
    values = {name: checked(name, one, trace, attention, categories) for name, one in options.items()}
    values.setdefault("heads", [HeadId(values.pop("layer", head.layer), head.head)])
    values.pop("layer", None)  # the heads say it
    return chosen(start, trace, **values)


def kept(before: Selection, old: AttentionTrace, new: AttentionTrace) -> Selection:
    """Return what of a selection still makes sense for another text in the same model."""
    name = before.attention
    there = attentions(new)
    if name not in there:
        before, name = replace(before, attention=there[-1], queries=[], keys=[], off=[], mask=None), there[-1]
    if name in old.attentions:
        for side, now, then in zip(SIDES, new.sides(name), old.sides(name), strict=True):
            same = [at for at in getattr(before, side) if now.text[at : at + 1] == then.text[at : at + 1]]
            before = replace(before, **{side: same})
    if isinstance(before.mask, list):  # of so many tokens
        shape = [len(side.text) for side in new.sides(name)]
        before = before if shape == [len(before.mask), len(before.mask[0])] else replace(before, mask=None)
    if new.lacks(before.measure, name):
        before = replace(before, measure="weights")
    asks = Target.read(before.target)
    if asks is not None and asks.at is not None:  # places of the text before
        before = replace(before, target=Target(asks.kind, asks.tokens).to_dict())
    return with_heads_of(replace(before, what_if={}), new)


def normalised(what_if: Mapping[str, Any], keys: Tokens) -> dict[str, Any]:
    """Check what a user or a browser wants changed about keys, and write it as JSON can carry it, in its order.

    Keys that are masked or removed may be words.

    Raises
    ------
    ValueError, TypeError, IndexError
        If something in it is unknown, or not what it should be.
    """
    known = [one.name for one in fields(Change)]
    unknown = sorted(set(what_if) - set(known))
    if unknown:
        raise ValueError(f"what_if: unknown {', '.join(map(repr, unknown))}; known: {', '.join(known)}")
    placed = {part: _placed(part, what_if[part], keys) for part in ("masked", "removed") if part in what_if}
    change = asdict(Change.read(len(keys.text), **{**what_if, **placed}))
    if -math.inf in change["scores"].values():
        raise ValueError("what_if: a score must be finite here; masked hides a key")
    change["scores"] = {str(key): score for key, score in change["scores"].items()}
    return {name: list(change[name]) if isinstance(change[name], tuple) else change[name] for name in what_if}


def _placed(part: str, wanted: Any, keys: Tokens) -> Any:
    """Return keys in the place of words; what is no list of keys is refused where it is read."""
    if not isinstance(wanted, str | list | tuple):
        return wanted
    listed = [wanted] if isinstance(wanted, str) else wanted
    try:
        return [at for one in listed for at in (keys.where(one) if isinstance(one, str) else [one])]
    except ValueError as error:
        raise ValueError(f"what_if: {part}: {error}") from None
