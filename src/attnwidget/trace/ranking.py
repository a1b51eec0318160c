"""Every head's number of one pair: which head tells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from attnwidget.head_id import HeadId
from attnwidget.maths import merge_words
from attnwidget.measures import get as get_measure
from attnwidget.tables import Table, Tabular

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from attnwidget.tokens import Tokens
    from attnwidget.trace.core import AttentionTrace

    Positions = tuple[Sequence[int] | None, Sequence[int] | None]

_SHOWN = 10  # rows of the text form
_BAND = 1 << 22  # numbers of a tile that is taken together and dropped: 16 MB


class PairGrid(NamedTuple):
    """A pair's number in every head of one attention."""

    values: Tensor
    """float32 (layers, heads): −∞ where the mask forbids it, NaN where the layer does not have the measure."""
    strongest: Tensor | None
    """int64 (layers, heads), −1 where there is none: the token, or word, that the number is of, on the open side."""

    @property
    def is_forbidden(self) -> bool:
        """Whether no head may have a number here."""
        return bool((self.values == -torch.inf).any()) and not bool((self.values > -torch.inf).any())


class _Place(NamedTuple):
    value: float
    attention: str
    head: HeadId
    at: int  # on the open side; −1 where there is none


@dataclass(frozen=True)
class Ranking(Tabular):
    """All heads by one pair's number, the strongest first; forbidden ones and those without a number last.

    Of a signed measure the strongest is the one farthest from 0.

    `to_pandas` has a row a head: layer, head, attention, value; on an open side strongest, token.

    Attributes
    ----------
    measure : str
        Which number.
    query, key : str
        The tokens that were asked for; "any" on an open side.
    heads : list of str
        ``"L3-H0"``, strongest first; of a measure that is of a whole layer ``"L3"``.
    attentions : list of str
        Which attention each is of.
    values : Tensor
        float32 (heads,): −∞ where the mask forbids the pair, NaN where the model computed no number, or the layer does
        not have this measure.
    strongest : list of int, or None
        With an open side, the position on it that each number is of; −1 where there is none.
    labels : list of str, or None
        What stands there.
    forbidden : str
        Why, where the mask forbids the pair in every head; else empty.
    """

    measure: str
    query: str
    key: str
    heads: list[str]
    attentions: list[str]
    values: Tensor
    strongest: list[int] | None = None
    labels: list[str] | None = None
    forbidden: str = ""

    def __len__(self) -> int:
        return len(self.heads)

    def to_table(self) -> Table:
        """Return it as rows under named columns."""
        parts = [name[1:].partition("-H") for name in self.heads]
        columns: dict[str, Sequence[Any]] = {
            "layer": [int(layer) for layer, *_ in parts],
            "head": [int(head) if head else None for *_, head in parts],
            "attention": self.attentions,
            "value": self.values.tolist(),
        }
        if self.strongest is not None:
            columns |= {"strongest": self.strongest, "token": self.labels or []}
        return Table([*columns], [*zip(*columns.values(), strict=True)], self.heads, self._about)

    @property
    def _about(self) -> str:
        whose = "heads" if get_measure(self.measure).of == "head" else "layers, all heads of each together"
        return f"{self.query} → {self.key}, {self.measure} in {len(self)} {whose}"

    def __repr__(self) -> str:
        lines = [self._about]
        lines += [self.forbidden] * bool(self.forbidden)
        several = len(set(self.attentions)) > 1
        sign = "+" if get_measure(self.measure).domain == "signed" else ""
        for at, (name, value) in enumerate(zip(self.heads[:_SHOWN], self.values.tolist(), strict=False)):
            token = "" if self.labels is None else f"  {self.labels[at]}"
            where = f"  {self.attentions[at]}" if several else ""
            lines.append(f"  {name:8}{value:{sign}8.4f}{where}{token}")
        return "\n".join([*lines, *(["  …"] if len(self) > _SHOWN else [])])


def rank(trace: AttentionTrace, attentions: Sequence[str], pair: tuple[Any, Any], measure: str) -> Ranking:
    """Rank the heads of some attentions; see `AttentionTrace.rank`."""
    found: list[_Place] = []
    named: dict[str, Positions] = {}
    problems: list[Exception] = []
    reasons = []
    is_own = get_measure(measure).of == "head"  # else all heads of a layer have the same number
    for attention in attentions:
        try:
            queries, keys = (positions_of(one, side) for one, side in zip(pair, trace.sides(attention), strict=True))
        except (ValueError, IndexError) as error:  # of another text, where there are two
            problems.append(error)
            continue
        named[attention] = queries, keys
        grid = pair_grid(trace, attention, (queries, keys), measure)
        numbers, strongest = grid
        found += [
            _Place(float(numbers[at]), attention, HeadId(*at), -1 if strongest is None else int(strongest[at]))
            for at in product(*map(range, numbers.shape))
            if is_own or at[1] == 0
        ]
        if grid.is_forbidden:
            reasons.append(trace.why_forbidden(queries, keys, attention=attention))
    if not named:
        raise problems[0]
    strength = get_measure(measure).strength(torch.tensor([one.value for one in found]))
    order = sorted(zip(strength.tolist(), found, strict=True), key=lambda one: _rank(*one), reverse=True)
    found = [one for _, one in order]
    open_side = None if None not in pair else pair.index(None)
    sides = [trace.sides(one.attention)[open_side or 0] for one in found]
    query, key = (" or ".join(dict.fromkeys(_name(trace, at, named, side) for at in named)) for side in (0, 1))
    return Ranking(
        measure,
        query,
        key,
        heads=[str(one.head) if is_own else f"L{one.head.layer}" for one in found],
        attentions=[one.attention for one in found],
        values=torch.tensor([one.value for one in found]),
        strongest=None if open_side is None else [one.at for one in found],
        labels=None
        if open_side is None
        else ["" if one.at < 0 else side.text[one.at] for one, side in zip(found, sides, strict=True)],
        forbidden=reasons[0] if len(reasons) == len(named) else "",
    )


def _rank(strength: float, one: _Place) -> tuple[bool, float, float]:
    """Put what is no number last; of the same strength the larger number goes first."""
    return not math.isnan(one.value), strength, one.value


def pair_grid(trace: AttentionTrace, attention: str, pair: Positions, measure: str, *, words: bool = False) -> PairGrid:
    """Compute a pair's number in every head: one row of each; see `AttentionTrace.pair_grid`."""
    values, strongest = [], []
    for layer in range(trace.n_layers(attention)):
        if trace.lacks(measure, attention, layer=layer):
            values.append(torch.full((trace.n_heads(attention),), torch.nan))
            strongest.append(torch.full((trace.n_heads(attention),), -1))
            continue
        numbers = pair_numbers(trace, attention, pair, measure, layer, words=words)  # (heads, groups)
        best = get_measure(measure).strength(numbers).argmax(1)  # (heads,)
        largest = numbers.gather(1, best[:, None])[:, 0]  # (heads,)
        values.append(largest)
        strongest.append(best.masked_fill(~largest.isfinite(), -1))
    return PairGrid(torch.stack(values), torch.stack(strongest) if None in pair else None)


def pair_numbers(  # noqa: PLR0917 - where, of what, which number, in which heads
    trace: AttentionTrace,
    attention: str,
    pair: Positions,
    measure: str,
    layer: int,
    head: Sequence[int] | None = None,
    *,
    words: bool = False,
) -> Tensor:
    """Compute the number of a pair in some heads of a layer, or on an open side that of everything there.

    Several positions of a side are taken together as sub-words are: see `maths.merge_words`.

    Returns
    -------
    Tensor
        float32 (heads, units): the open side's tokens, or words; one unit where no side is open. −∞ where the mask
        forbids all of it. What exists at once beside it is a band of `_BAND` numbers, however long the text.
    """
    queries, keys = pair
    if queries is None and keys is None:
        raise ValueError("at most one side of a pair can be open")
    attending, attended = trace.sides(attention)
    over_keys = get_measure(measure).over_keys
    sees = torch.ones(len(attending.text), 1, dtype=torch.bool)  # (n, 1)
    sees[trace.blind_rows(layer, attention=attention)] = False
    rows, columns = _groups(queries, attending, words=words), _groups(keys, attended, words=words)
    heads = trace.n_heads(attention) if head is None else len(head)
    parts = []
    for some_queries, some_keys in _bands(queries, keys, rows, columns, heads):
        where: Any = {"attention": attention, "queries": some_queries, "keys": some_keys}
        tile = trace.measure(measure, layer, head, **where).float().cpu()  # (heads, queries, keys)
        attends = sees[list(some_queries) if isinstance(some_queries, list) else some_queries]  # (queries, 1)
        groups = [_counted(of, at) for of, at in ((rows, some_queries), (columns, some_keys))]
        merged, _ = merge_words(tile, tile != -torch.inf, *groups, over_keys=over_keys, attending=attends)
        parts.append(merged.flatten(1))  # (heads, units of the band): one side is one group
    return torch.cat(parts, 1)


def _bands(
    queries: Sequence[int] | None, keys: Sequence[int] | None, rows: list[int], columns: list[int], heads: int
) -> Iterator[tuple[list[int] | slice, list[int] | slice]]:
    """Cut a pair into parts of its open side, between two words, each a tile of bounded size."""
    if queries is not None and keys is not None:
        yield list(queries), list(keys)
        return
    units, pinned = (rows, keys) if queries is None else (columns, queries)
    length = max(1, _BAND // (heads * len(pinned or [])))
    start = 0
    while start < len(units):
        stop = min(start + length, len(units))
        while stop < len(units) and units[stop] == units[stop - 1]:
            stop += 1
        band = slice(start, stop)
        yield (band, list(pinned or [])) if queries is None else (list(pinned or []), band)
        start = stop


def _counted(units: list[int], at: list[int] | slice) -> list[int]:
    """Return the units of a band, numbered from 0."""
    inside = units[at] if isinstance(at, slice) else units
    return [unit - inside[0] for unit in inside]


def positions_of(wanted: Any, tokens: Tokens) -> list[int] | None:
    """Return token positions that a user names by number or by what stands there; None for None.

    Raises
    ------
    ValueError, IndexError, TypeError
        If there is no such token, or nothing is named.
    """
    if wanted is None:
        return None
    several: Any = [wanted] if isinstance(wanted, str | Integral) else wanted
    found = [at for one in several for at in tokens.where(one)]
    if not found:
        raise ValueError("no position was given; None leaves a side open")
    return list(dict.fromkeys(found))


def _groups(positions: Sequence[int] | None, tokens: Tokens, *, words: bool) -> list[int]:
    if positions is not None:
        return [0] * len(positions)
    return tokens.words if words else list(range(len(tokens.text)))


def _name(trace: AttentionTrace, attention: str, named: dict[str, Positions], side: int) -> str:
    positions = named[attention][side]
    return "any" if positions is None else " ".join(trace.sides(attention)[side].text[at] for at in positions)
