"""The numbers on screen, as a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from attnwidget import maths, measures
from attnwidget.comparison.steps import NUMBERS
from attnwidget.head_id import HeadId
from attnwidget.tables import Table
from attnwidget.trace.ranking import pair_grid
from attnwidget.wire import schema
from attnwidget.wire.profile import profile_rows
from attnwidget.wire.schema import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from attnwidget.comparison import StepsBeside
    from attnwidget.measures import Measure
    from attnwidget.session import Session
    from attnwidget.tokens import Tokens
    from attnwidget.trace import AttentionTrace
    from attnwidget.wire.schema import Selection

    Alive = Callable[..., None]

ROWS = 200_000  # of a table; a spreadsheet takes a million
KINDS = {"decompose": "writes", "ablate": "switched off", "attribution": "estimate"}
_FORBIDDEN, _NAN = "hidden by the mask", "not a number"
_LONE = "no partner, or hidden"  # of a difference; as the pictures' legends say it


def csv(session: Session, alive: Alive = lambda *_: None) -> str:
    """Write what is on screen as comma-separated values; see `table`."""
    return table(session, alive).to_csv()


def csv_file(session: Session, alive: Alive = lambda *_: None) -> bytes:
    """Return `csv` as a file: UTF-8 behind a byte order mark, by which spreadsheets know it."""
    return csv(session, alive).encode("utf-8-sig")


def table(session: Session, alive: Alive = lambda *_: None) -> Table:
    """Make a table of what is on screen.

    Of lines and matrix a row for every pair in every selected head, of pinned tokens only where there are any; of the
    text view the numbers that shade it; of the heads view every head's scores, and its number of what is pinned; of
    the breakdown every key with its steps; of the effect view every head's effect, and what every part writes. The
    numbers are the model's own: what a reader hides or lets fall below the threshold is in them. A pair that has no
    number has a note that says why.

    Parameters
    ----------
    session : Session
        Of what is on screen.
    alive : function
        Called between pieces of long work; it may raise.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If these were more than `ROWS` rows, or the view has nothing to show.
    """
    session.settled()
    with session.lock:  # they belong together
        trace, now = session.settled(), session.selection
    make = {"text": _text, "heads": _heads, "breakdown": _steps, "effect": _effects}.get(now.view, _pairs)
    return make(session, trace, now, alive)


class _Side(NamedTuple):
    """The units of one side that are in a table: tokens, or words."""

    positions: list[int] | None
    """Of all their tokens; None for a whole text."""
    groups: list[int]
    """Which unit each of these tokens is of, counted from 0."""
    names: list[tuple[int, str]]
    """Of each unit the position of its first token, and how it reads."""

    @classmethod
    def of(cls, tokens: Tokens, pinned: Sequence[int], *, words: bool) -> _Side:
        unit_of = tokens.words if words else range(len(tokens.text))
        labels = tokens.word_texts if words else tokens.text
        wanted = sorted({unit_of[at] for at in pinned}) if pinned else range(len(labels))
        number = {unit: nth for nth, unit in enumerate(wanted)}
        positions = [at for at, unit in enumerate(unit_of) if unit in number]
        groups = [number[unit_of[at]] for at in positions]
        first = dict(zip(reversed(groups), reversed(positions), strict=True))
        names = [(first[nth], labels[unit]) for unit, nth in number.items()]
        return cls(positions if pinned else None, groups, names)


def _pairs(_: Session, trace: AttentionTrace, now: Selection, alive: Alive) -> Table:
    attending, attended = trace.sides(now.attention)
    queries = _Side.of(attending, now.queries, words=now.words)
    keys = _Side.of(attended, now.keys, words=now.words)
    _bounded(len(queries.names) * len(keys.names) * len(now.heads))
    rows: list[tuple[Any, ...]] = []
    measure = measures.get(now.measure)
    for head in measure.apart(now.heads):
        alive()
        numbers = _tile(trace, now, head, (queries, keys)).tolist()  # (queries, keys)
        for query, row in zip(queries.names, numbers, strict=True):
            whose = measure.whose(head)
            rows += ((*query, *key, whose, *_noted(one, measure)) for key, one in zip(keys.names, row, strict=True))
    return _of_pairs(rows, now)


def _tile(trace: AttentionTrace, now: Selection, head: HeadId, sides: tuple[_Side, _Side]) -> Tensor:
    """Compute a head's numbers, (query units, key units); −∞ where the mask forbids a pair."""
    queries, keys = sides
    where: Any = {"attention": now.attention, "queries": queries.positions, "keys": keys.positions}
    tile = trace.measure(now.measure, head.layer, [head.head], **where).float().cpu()  # (1, queries, keys)
    if now.words:
        blind = {*trace.blind_rows(head.layer, attention=now.attention)}
        asked = range(tile.shape[1]) if queries.positions is None else queries.positions
        attending = tile.new_tensor([at not in blind for at in asked])[:, None].bool()  # (queries, 1)
        over_keys = measures.get(now.measure).over_keys
        groups = queries.groups, keys.groups
        tile, _ = maths.merge_words(tile, tile != -math.inf, *groups, over_keys=over_keys, attending=attending)
    return tile[0]


def _text(_: Session, trace: AttentionTrace, now: Selection, alive: Alive) -> Table:
    """Make the rows of what shades the text: between what is pinned, taken together, and every unit of the other side.

    As there, that is the last token of the text while nothing is pinned.
    """
    attending, attended = trace.sides(now.attention)
    queries = list(now.queries) or ([] if now.keys else _last(attending, words=now.words))
    pinned = queries or list(now.keys)
    measure = measures.get(now.measure)
    heads = measure.apart(now.heads)
    about: Any = {"measure": now.measure, "words": now.words, "combine": now.combine, "heads": heads}
    ask = Profile(id="", queries=queries, keys=[] if queries else pinned, **about)
    own = _Side.of(attending if queries else attended, pinned, words=now.words).names
    others = _Side.of(attended if queries else attending, [], words=now.words).names
    _bounded(len(others) * len(now.heads))
    one = (" ".join(str(at) for at, _ in own), " ".join(label for _, label in own))
    rows = []
    for head, numbers in zip(heads, profile_rows(trace, now.attention, ask, alive).tolist(), strict=True):
        for other, value in zip(others, numbers, strict=True):
            pair = (*one, *other) if queries else (*other, *one)
            rows.append((*pair, measure.whose(head), *_noted(value, measure)))
    return _of_pairs(rows, now)


def _last(tokens: Tokens, *, words: bool) -> list[int]:
    own = [at for at, special in enumerate(tokens.special) if not special] or [len(tokens.text) - 1]
    return [at for at in own if tokens.words[at] == tokens.words[own[-1]]] if words else own[-1:]


def _heads(session: Session, trace: AttentionTrace, now: Selection, alive: Alive) -> Table:
    found = session.categories(alive)
    names = [one.name for one in found.categories]
    columns = ["head", "layer", "number", "category", *names]
    sharpness = found.statistics.peak.tolist()
    rows: list[list[Any]] = []
    for one in found:
        at = HeadId.read(one.name)
        rows.append([one.name, *at, one.category, *one.scores.values(), sharpness[at.layer][at.head]])
    columns.append("sharpness")
    if now.queries or now.keys:
        alive()
        pair = (now.queries or None, now.keys or None)
        grid = pair_grid(trace, now.attention, pair, now.measure, words=now.words)
        columns += [f"{measures.get(now.measure).label} of what is pinned", "note"]
        for row in rows:
            row.extend(_noted(float(grid.values[row[1], row[2]]), measures.get(now.measure)))
    return Table(columns, [tuple(row) for row in rows])


def _steps(session: Session, trace: AttentionTrace, now: Selection, _: Alive) -> Table:
    whole = session.breakdown()
    steps = whole.to_table()
    labels = trace.sides(now.attention)[1].text
    columns = ["key position", "key token", *steps.columns[1:]]
    rows = [(row[0], labels[row[0]], *row[1:]) for row in steps.rows]
    if now.what_if:
        changed = whole.what_if(**now.what_if).to_table()
        columns += [f"{name}, changed" for name in changed.columns[2:]]
        rows = [(*row, *other[2:]) for row, other in zip(rows, changed.rows, strict=True)]
    beside = session.breakdown_beside()
    if beside is not None:
        columns += [f"{NUMBERS[name]}, {side}" for name in beside.names for side in ("B", "A − B")]
        columns.append("note")
        rows = [(*row, *_beside(beside, row[0])) for row in rows]
        for key in beside.only.tolist():
            theirs = [one for name in beside.names for one in (float(getattr(beside.there, name)[key]), None)]
            own = (None, beside.there.labels[key], *(None,) * (len(steps.columns) - 1))
            rows.append((*own, *theirs, f"only in B, position {key}"))
    return Table(columns, rows)


def _beside(found: StepsBeside, key: int) -> Iterator[Any]:
    """Give B's numbers of a key and A − B, and why there are none."""
    partner, is_allowed = int(found.partners[key]), bool(found.allowed[key])
    for name in found.names:
        yield None if partner < 0 else float(getattr(found.there, name)[partner])
        yield float(found.difference(name)[key]) if is_allowed else None
    sides = [side for side, row, at in (("A", found.here, key), ("B", found.there, partner)) if not row.allowed[at]]
    yield (
        "this key has no partner in B"
        if partner < 0
        else f"hidden by the mask in {' and in '.join(sides)}" * bool(sides)
    )


def _effects(session: Session, _trace: AttentionTrace, _now: Selection, _alive: Alive) -> Table:
    """Make the rows of what was computed; nothing is computed for it."""
    told = session.states.get("effects")
    if not isinstance(told, schema.Effects) or (told.grid is None and told.sum is None):
        raise ValueError(getattr(told, "message", "") or "no effects are computed yet")
    rows: list[tuple[Any, ...]] = []
    if told.grid is not None:
        _, heads = told.grid.shape
        for at, value in enumerate(np.frombuffer(told.grid.data, np.float32).tolist()):
            head = HeadId(*divmod(at, heads))
            rows.append((str(head), *head, None if math.isnan(value) else value, None))
    for piece in [] if told.sum is None else told.sum.pieces:
        name = piece.name if piece.layer is None else f"L{piece.layer} {piece.name}"
        rows.append((name, piece.layer, None, None, piece.value))
    label = "" if told.asked is None else told.asked.label
    return Table(["part", "layer", "head", f"{KINDS[told.kind]}: {label}", "written into the logit"], rows)


def _of_pairs(rows: list[tuple[Any, ...]], now: Selection) -> Table:
    columns = ["query position", "query token", "key position", "key token", "head"]
    return Table([*columns, measures.get(now.measure).label, "note"], rows)


def _noted(value: float, measure: Measure) -> Iterator[Any]:
    """Give a number and why there is none."""
    forbidden = _LONE if "beside" in measure.needs else _FORBIDDEN
    yield value
    yield _NAN if math.isnan(value) else forbidden if value == -math.inf else ""


def _bounded(count: int) -> None:
    if count > ROWS:
        raise ValueError(
            f"this would be a table of {count:,} rows, and it ends at {ROWS:,}: pin the tokens that you want numbers "
            "of, or select fewer heads"
        )
