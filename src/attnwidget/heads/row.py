"""What a head does here: one row of its weights beside the head's other rows.

A category says what a head does mostly. A single row may be another matter: a head that mostly spreads its attention
evenly gives one key more than half here and there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnwidget.head_id import HeadId

if TYPE_CHECKING:
    from attnwidget.heads.table import CategoryTable
    from attnwidget.trace import AttentionTrace


@dataclass(frozen=True)
class Row:
    """One query's weights in one head.

    Attributes
    ----------
    head : HeadId
        Whose.
    category : str
        What the head does mostly.
    query, key : int
        The query, and the key that it attends to most; -1 where the mask hides every key.
    keys : int
        How many keys the query may attend to.
    weight : float
        Of that key.
    even : float
        What each key would have if all had the same.
    usual : float
        The largest weight of the head's rows in this text, on average, carried over to a row of so many keys; NaN where
        no row has a choice.
    """

    head: HeadId
    category: str
    query: int
    key: int
    keys: int
    weight: float
    even: float
    usual: float


def row_of(
    trace: AttentionTrace,
    table: CategoryTable,
    head: str | tuple[int, int],
    query: int,
    *,
    attention: str | None = None,
) -> Row:
    """Say how sharp one row is beside the other rows of its head.

    Rows of different lengths compare by how far the largest weight is from an even spread to all on one key,
    (weight − even) / (1 − even): the head's mean of that (`Statistics.peak`) gives `usual` at this row's length.

    Parameters
    ----------
    trace : AttentionTrace
        The text's attention.
    table : CategoryTable
        The heads' categories, as `categorize` made them of this trace and this attention.
    head : str or (layer, head)
        ``"L4-H11"`` or (4, 11).
    query : int
        Position of the token that attends; counted from the end where it is negative.
    attention : str, optional
        Which attention, the first by default.

    Raises
    ------
    IndexError
        If there is no such head or query.
    """
    scores, (layer, number) = table[head], HeadId.read(head)
    queries = len(trace.sides(attention)[0].text)
    if not -queries <= query < queries:
        raise IndexError(f"query {query} does not exist: the text has {queries} tokens")
    at = query % queries
    weights = trace.weights(layer, number, attention=attention, queries=[at])[0]  # (keys,)
    allowed = trace.allowed(layer, number, attention=attention, queries=[at])[0]  # (keys,)
    keys = int(allowed.sum())
    even = 1 / max(keys, 1)
    peak = float(table.statistics.peak[layer, number])
    best = int(weights.masked_fill(~allowed.to(weights.device), -1).argmax()) if keys else -1
    largest = float(weights[best]) if keys else 0.0
    usual = even + peak * (1 - even)
    return Row(HeadId(layer, number), scores.category, at, best, keys, largest, even, usual)
