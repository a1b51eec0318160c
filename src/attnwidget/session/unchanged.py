"""From where on a text differs from the one before: in a causal model nothing before that can see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attnwidget.head_id import HeadId
    from attnwidget.trace import AttentionTrace

_ALIKE = 1e-3  # of weights: kernels round another length of text otherwise, in half precision


def first_change(
    before: AttentionTrace, after: AttentionTrace, attention: str, heads: Sequence[HeadId], queries: Sequence[int]
) -> int | None:
    """Return the first token that the newer text has and the older had not, or that was cut off there.

    Parameters
    ----------
    before, after : AttentionTrace
        Of the same model.
    attention : str
        Whose queries are meant.
    heads : sequence of HeadId
        Whose weights are looked at: that tokens are the same is the reason, that numbers are is the proof.
    queries : sequence of int
        Rows that are looked at besides the last one that must be unchanged.

    Returns
    -------
    int, or None
        None if the texts are the same, if the first token differs, or if earlier rows can see what comes after them.
    """
    if attention not in before.attentions or attention == "encoder" or not (before.causal and after.causal):
        return None
    (old, old_keys), (new, new_keys) = before.sides(attention), after.sides(attention)
    if new_keys is not new and old_keys.raw != new_keys.raw:  # the source is another
        return None
    pairs = enumerate(zip(old.raw, new.raw, strict=False))
    first = next((at for at, (then, now) in pairs if then != now), min(len(old.raw), len(new.raw)))
    if first == 0 or old.raw == new.raw:
        return None
    rows = sorted({first - 1, *(at for at in queries if at < first)})
    keys = slice(0, first) if new_keys is new else slice(None)
    for layer, head in heads:
        then, now = (one.weights(layer, head, attention=attention, queries=rows, keys=keys) for one in (before, after))
        if not torch.allclose(then.cpu(), now.cpu(), rtol=0, atol=_ALIKE):
            return None
    return first
