"""Links that are cut and values that are put in: what that changes of the outputs of the heads concerned.

Only the change is computed here and added to what the model's own kernel gave: all else stays as it is, bit for bit,
and an edit that changes nothing changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from attnwidget.effects.edits import EdgeOut, ValueIn
from attnwidget.maths import ALL, Mask
from attnwidget.maths.softmax import log_sum_exp, product, upcast, weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from attnwidget.maths import QKVLayer

_SCORES = 1 << 22  # scores that exist at once


class Link(NamedTuple):
    """An edit of some links, and the values that it puts in: (heads or key heads, keys, d_v), or (keys, d_v)."""

    edit: EdgeOut | ValueIn
    values: Tensor | None = None


def change(layer: QKVLayer, links: Sequence[Link]) -> Iterator[tuple[tuple[Tensor, Tensor], Tensor]]:
    """Compute how links change what heads give.

    Parameters
    ----------
    layer : QKVLayer
        Of one text, without edits.
    links : sequence of Link
        All of this layer.

    Yields
    ------
    tuple
        Indices (queries, 1) and (heads,), and the change there, (queries, heads, d_v).
    """
    count, n, m = layer.shape
    heads = _union((None if link.edit.head is None else (link.edit.head,) for link in links), count)
    queries = _union((link.edit.queries for link in links), n)
    step = max(1, _SCORES // (len(queries) * m))
    for start in range(0, len(heads), step):
        some = heads[start : start + step]
        difference = _change(layer, links, some, queries)  # (heads, queries, d_v)
        at = torch.tensor(queries, device=layer.device)[:, None], torch.tensor(some, device=layer.device)
        yield at, difference.transpose(0, 1)


def _change(layer: QKVLayer, links: Sequence[Link], heads: list[int], queries: list[int]) -> Tensor:
    which, rows = (torch.tensor(one, device=layer.device) for one in (heads, queries))
    scores = layer.scores(which, rows, ALL)  # (heads, queries, m)
    before, after = torch.zeros_like(scores, dtype=torch.bool), torch.zeros_like(scores, dtype=torch.bool)
    for edit, _ in links:
        if isinstance(edit, EdgeOut):
            cut = after if edit.how == "after" else before
            cut |= _touched(edit, heads, queries, scores.shape[2]).to(cut.device)
    sinks = None if layer.sinks is None else layer.sinks[which]
    plain = weights(scores, log_sum_exp([scores], sinks=sinks))  # (heads, queries, m)
    fewer = scores.masked_fill(before, -torch.inf)  # (heads, queries, m)
    edited = weights(fewer, log_sum_exp([fewer], sinks=sinks)).masked_fill(after, 0)  # (heads, queries, m)
    values = layer.values(which, ALL)  # (heads, m, d_v)
    assert values is not None  # noqa: S101 - a pass has them
    result = product(edited - plain, values)  # (heads, queries, d_v)
    for edit, given in links:
        if not isinstance(edit, ValueIn):
            continue
        keys = list(edit.keys)
        theirs = _for_heads(given, layer, heads, values[:, keys])  # (heads, keys, d_v)
        of_edit = _touched(edit, heads, queries, scores.shape[2])[:, :, keys].to(
            edited.device
        )  # (heads, queries, keys)
        result += product(edited[:, :, keys] * of_edit, theirs - values[:, keys])
    return result


def forbidding(layer: QKVLayer, links: Sequence[Link]) -> Mask:
    """Return a layer's mask that forbids the links that are cut before the softmax, too."""
    count, n, m = layer.shape
    device = layer.device
    allowed = layer.mask.allowed(torch.arange(n, device=device), torch.arange(m, device=device))
    allowed = allowed.expand(count, n, m).clone()  # (heads, n, m)
    for edit, _ in links:
        if not isinstance(edit, EdgeOut) or edit.how != "before":
            raise ValueError(
                "a trace shows weights, so what is cut after the softmax, or another text's value, cannot be in one; "
                "effects of them can be had"
            )
        allowed &= ~_touched(edit, [*range(count)], [*range(n)], m).to(device)
    return Mask.from_dense(allowed)


def _touched(edit: EdgeOut | ValueIn, heads: list[int], queries: list[int], m: int) -> Tensor:
    """Say which pairs of some heads and queries an edit is of, bool (heads, queries, m)."""
    of_heads = torch.tensor([edit.head in {None, one} for one in heads])
    of_queries = torch.tensor([edit.queries is None or one in edit.queries for one in queries])
    of_keys = torch.ones(m, dtype=torch.bool)
    if edit.keys is not None:
        of_keys = torch.zeros(m, dtype=torch.bool).index_fill_(0, torch.tensor(edit.keys, dtype=torch.long), 1)
    return of_heads[:, None, None] & of_queries[:, None] & of_keys


def _for_heads(given: Tensor | None, layer: QKVLayer, heads: list[int], like: Tensor) -> Tensor:
    """Return for each head the values that are put in, (heads, keys, d_v)."""
    if given is None:
        return torch.zeros_like(like)
    given = upcast(given).to(like)
    if given.ndim == 2:
        return given.expand_as(like)
    count = layer.shape[0]
    return given[[one * len(given) // count for one in heads]]  # fewer where heads share values


def _union(several: Iterator[tuple[int, ...] | None], count: int) -> list[int]:
    """Return all that is named, in order; everything where one names none."""
    found: set[int] = set()
    for one in several:
        if one is None:
            return list(range(count))
        found |= set(one)
    return sorted(found)
