"""Which edit is made of which head: what an effect is asked for as, written out."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import torch

from attnwidget.effects.edits import Cut, EdgeOut, HeadOff, Taken, ValueIn
from attnwidget.head_id import HeadId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from attnwidget.effects.again import Traced
    from attnwidget.effects.edits import Edit
    from attnwidget.tokens import Tokens

Patched = Literal["heads", "values", "edges"]

_LENGTH = 40  # characters of a text in a sentence
_HOW = {
    "before": "cut before the softmax, so that the weights of the other keys grow",
    "after": "cut after the softmax, and nothing put in its place",
    "renormalised": "cut after the softmax, and the rest divided by what is left",
}


class HeadOf(NamedTuple):
    """A head of one of a model's attentions."""

    attention: str
    head: HeadId


class Plan(NamedTuple):
    """Edits, one for each head that is looked at, and what they are."""

    edits: list[tuple[HeadOf, Edit]]
    protocol: str
    value: str = ""
    others: Mapping[str, Tensor] = {}


def heads_of(trace: Traced, attention: str | None) -> list[HeadOf]:
    """List the heads of one attention, or of all."""
    if attention is not None and attention not in trace.attentions:
        raise ValueError(f"attention must be one of {trace.attentions}, got {attention!r}")
    return [
        HeadOf(name, HeadId(layer, head))
        for name in trace.attentions
        if attention in {None, name}
        for layer in range(trace.n_layers(name))
        for head in range(trace.n_heads(name))
    ]


def replacing(trace: Traced, attention: str | None, value: Any) -> Plan:
    """Replace each head's output: by zero, by its mean over the text, or by what it is in another text."""
    heads = heads_of(trace, attention)
    if not isinstance(value, str):
        return patching(trace, value, "heads", attention=attention)
    if value not in {"zero", "mean"}:
        raise ValueError(f"value must be 'zero', 'mean' or another text's AttentionTrace, got {value!r}")
    put = Taken(mean=True) if value == "mean" else None
    what = "replaced by its mean over the text's tokens" if put else "set to zero"
    return Plan([(one, HeadOff(one.attention, *one.head, put)) for one in heads], f"each head's output {what}", value)


def cutting(trace: Traced, attention: str | None, pair: tuple[Any, Any], how: Cut) -> Plan:
    """Take the link from a query to a key out of each head that has it."""
    if how not in get_args(Cut):
        raise ValueError(f"how must be one of {get_args(Cut)}, got {how!r}")
    link = _Link(trace, attention, pair)
    edits: list[tuple[HeadOf, Edit]] = [
        (one, EdgeOut(one.attention, *one.head, link.queries, link.keys, how)) for one in link.heads
    ]
    return Plan(edits, f"the link {link.label} {_HOW[how]}", how, {"weight": link.weights})


def patching(
    trace: Traced,
    other: Any,
    what: Patched,
    *,
    attention: str | None = None,
    pair: tuple[Any, Any] | None = None,
    at: Any = None,
) -> Plan:
    """Put another text's head outputs, values, or the values of one link, in the place of this text's."""
    if what not in get_args(Patched):
        raise ValueError(f"what must be one of {get_args(Patched)}, got {what!r}")
    if (pair is not None) != (what == "edges"):
        raise ValueError(
            'what="edges" needs pair=(query, key): the link that is patched' if pair is None else 'pair= is of "edges"'
        )
    if at is not None and what == "edges":
        raise ValueError('at= is of "heads" and "values"; of "edges" pair= says where')
    put, name = Taken(_pass_of(trace, other, attention)), f"“{_text(other)}”"
    if pair is not None:
        link = _Link(trace, attention, pair)
        edges: list[tuple[HeadOf, Edit]] = [
            (one, ValueIn(one.attention, *one.head, link.keys, put, link.queries)) for one in link.heads
        ]
        return Plan(edges, f"the value that {link.label} brings taken from {name}", name, {"weight": link.weights})
    heads, side = heads_of(trace, attention), 0 if what == "heads" else 1
    positions = None if at is None else _positions(at, trace.sides(attention)[side])
    where = "" if positions is None else f" at {_named(positions, trace.sides(attention)[side])}"
    make = _outputs if what == "heads" else _values
    edits = [(one, make(one, put, positions, len(trace.sides(one.attention)[1].text))) for one in heads]
    noun = "output" if what == "heads" else "values"
    return Plan(edits, f"each head's {noun}{where} taken from {name}", name)


def _outputs(one: HeadOf, put: Taken, positions: tuple[int, ...] | None, _: int) -> Edit:
    return HeadOff(one.attention, *one.head, put, positions)


def _values(one: HeadOf, put: Taken, positions: tuple[int, ...] | None, count: int) -> Edit:
    return ValueIn(one.attention, *one.head, tuple(range(count)) if positions is None else positions, put)


class _Link:
    """A pair of places, and the heads that have a link between them."""

    def __init__(self, trace: Traced, attention: str | None, pair: tuple[Any, Any]) -> None:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"pair must be (query, key), got {pair!r}")
        sides = trace.sides(attention)  # raises where there are several attentions
        name = trace.attentions[0] if attention is None else attention
        self.queries, self.keys = (_positions(one, side) for one, side in zip(pair, sides, strict=True))
        self.label = " → ".join(_named(at, side) for at, side in zip((self.queries, self.keys), sides, strict=True))
        tile: dict[str, Any] = {"attention": name, "queries": list(self.queries), "keys": list(self.keys)}
        self.heads: list[HeadOf] = []
        found: list[Tensor] = []
        for layer in range(trace.n_layers(name)):
            allowed = trace.allowed(layer, **tile)  # (heads, queries, keys)
            there = allowed.flatten(1).any(1).nonzero()[:, 0].tolist()
            self.heads += [HeadOf(name, HeadId(layer, head)) for head in there]
            found.append(_weights(trace, layer, there, tile))
        if not self.heads:
            raise ValueError(f"{self.label}: no head may attend there, so there is no link to take out")
        self.weights = torch.cat(found)  # (heads,)


def _weights(trace: Traced, layer: int, heads: list[int], tile: dict[str, Any]) -> Tensor:
    """Return what each head gives a link, several keys together, in the mean of queries; NaN where it is not known."""
    try:
        found: Tensor = trace.weights(layer, heads, **tile)  # (heads, queries, keys)
    except ValueError:  # the layer was left out
        return torch.full((len(heads),), torch.nan)
    return found.sum(2).mean(1).float().cpu()


def _pass_of(trace: Traced, other: Any, attention: str | None) -> Any:
    """Return the pass of another text's trace; raise ValueError if the two do not fit."""
    if not hasattr(other, "rerun"):
        raise TypeError(f"expected the AttentionTrace of another text, got {type(other).__name__}")
    for name in trace.attentions if attention is None else (attention,):
        if name not in other.attentions:
            raise ValueError(f"the other trace has no {name} attention, it has {other.attentions}")
        mine, theirs = ((one.n_layers(name), one.n_heads(name)) for one in (trace, other))
        if mine != theirs:
            raise ValueError(f"the other trace is of another model: (layers, heads) are {theirs}, here {mine}")
        counts = [tuple(len(side.text) for side in one.sides(name)) for one in (trace, other)]
        if counts[0] != counts[1]:
            raise ValueError(
                f"the two texts need as many tokens, to be put in each other's place: (queries, keys) of {name} "
                f"attention are {counts[0]} here and {counts[1]} there"
            )
    try:
        return other.rerun.get()
    except ValueError as error:
        raise ValueError(f"of the other text: {error}") from error


def _positions(wanted: Any, tokens: Tokens) -> tuple[int, ...]:
    """Return the positions that a user names, by number or by what stands there."""
    several: Any = [wanted] if isinstance(wanted, str | Integral) else wanted
    found = tuple(dict.fromkeys(at for one in several for at in tokens.where(one)))
    if not found:
        raise ValueError("no position was given")
    return found


def _named(positions: tuple[int, ...], tokens: Tokens) -> str:
    return f"“{' '.join(tokens.text[at] for at in positions[:4])}{' …' if len(positions) > 4 else ''}”"


def _text(trace: Traced) -> str:
    whole = "".join(trace.sides(trace.attentions[-1])[1].parts).strip()
    return whole if len(whole) <= _LENGTH else f"{whole[: _LENGTH - 1].rstrip()}…"
